#include "simulator/printout.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/transcript.h"

namespace dims {
namespace {

using Lines = std::vector<std::string>;

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(absl::string_view(" \t\r\n\f\0", 6)) == line.npos;
}

// One line with its line end, of a text with any line ends.
absl::string_view TakeLine(absl::string_view& text) {
  const std::size_t end = text.find_first_of("\r\n");
  std::size_t size = text.size();
  if (end != absl::string_view::npos) size = end + (text.substr(end, 2) == "\r\n" ? 2 : 1);
  const absl::string_view line = text.substr(0, size);
  text.remove_prefix(size);
  return line;
}

// The value of "  KEY   : value", without the blanks around it.
std::optional<absl::string_view> ValueOf(absl::string_view line, absl::string_view key) {
  const std::size_t colon = line.find(':');
  if (colon == absl::string_view::npos || absl::StripAsciiWhitespace(line.substr(0, colon)) != key) return std::nullopt;
  return absl::StripAsciiWhitespace(line.substr(colon + 1));
}

std::string SampleOf(absl::string_view text) {
  while (!text.empty()) {
    if (const auto value = ValueOf(TakeLine(text), "Sample")) return std::string(*value);
  }
  return "";
}

// `line` with another value, and everything around the value as it is.
std::string WithValue(absl::string_view line, absl::string_view old_value, absl::string_view value) {
  std::size_t at = line.find(':') + 1;
  if (old_value.empty()) {
    const bool blank = line.substr(at, 1) == " ";
    return absl::StrCat(line.substr(0, at), " ", value, line.substr(at + (blank ? 1 : 0)));
  }
  at = old_value.data() - line.data();
  return absl::StrCat(line.substr(0, at), value, line.substr(at + old_value.size()));
}

absl::StatusOr<std::string> Rename(const Original& original, const std::string& sample) {
  std::string out, old_file;
  const std::string new_file = sample + ".D";
  bool found = false;
  absl::string_view text = original.text;
  while (!text.empty()) {
    const absl::string_view line = TakeLine(text);
    if (const auto value = ValueOf(line, "Sample")) {
      out += WithValue(line, *value, sample);
      found = true;
    } else if (const auto file = ValueOf(line, "Data File")) {
      old_file = std::string(*file);
      out += WithValue(line, *file, new_file);
    } else if (!old_file.empty() && ValueOf(line, "Signal")) {
      out += absl::StrReplaceAll(line, {{old_file, new_file}});
    } else {
      absl::StrAppend(&out, line);
    }
  }
  if (found) return out;
  return absl::InvalidArgumentError(
      absl::StrCat(original.file, ": there is no line \"Sample : ...\" to rename; print it without --rename-sample"));
}

bool IsRuler(absl::string_view line) {
  return absl::StrContains(line, "---") && line.find_first_not_of("- ") == absl::string_view::npos;
}

// "Janis12min.M Thu Jun 06 18:09:06 2024"
bool IsTrailer(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  int year = 0;
  return words.size() >= 6 && absl::EndsWithIgnoreCase(words[words.size() - 6], ".m") &&
         absl::SimpleAtoi(words.back(), &year) && words.back().size() == 4 && words[words.size() - 2].size() == 8;
}

// The parts of a report that pages are made from, as indices of lines: header [first, table), rows [table, foot), and
// from `foot` on what stays together at the end: the sum line and the trailer with the blank lines around them.
struct Layout {
  std::size_t first = 0, table = 0, foot = 0;
  std::string trailer;
};

Layout LayoutOf(const Lines& lines) {
  Layout layout;
  std::size_t last = 0, ruler = lines.size(), sum = lines.size();
  bool any = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (IsBlank(lines[i])) continue;
    if (!any) layout.first = i;
    any = true;
    last = i;
    if (ruler == lines.size() && IsRuler(lines[i])) ruler = i;
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(lines[i]), "Sum of ")) sum = i;
  }
  layout.table = ruler < lines.size() ? ruler + 1 : layout.first;
  layout.foot = lines.size();
  if (any && IsTrailer(lines[last])) {
    layout.trailer = std::string(absl::StripAsciiWhitespace(lines[last]));
    layout.foot = last;
  }
  if (sum > layout.table && sum < layout.foot) layout.foot = sum;
  while (layout.foot > layout.table && layout.foot < lines.size() && IsBlank(lines[layout.foot - 1])) --layout.foot;
  return layout;
}

std::string PageFooter(absl::string_view trailer, int page) { return absl::StrCat(trailer, "   Page: ", page); }

absl::StatusOr<Lines> Paginate(const std::string& file, const Lines& lines, std::size_t length) {
  const Layout layout = LayoutOf(lines);
  const std::size_t footer = layout.trailer.empty() ? 0 : 2;
  const std::size_t foot = lines.size() - layout.foot;
  const std::size_t smallest = layout.table + 1 + std::max(footer, foot);
  if (length < smallest) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": a page of ", length,
                                                   " lines is too short for this report; it needs at least ", smallest,
                                                   " (--page-length)"));
  }
  Lines out(lines.begin(), lines.begin() + layout.table);
  std::size_t used = out.size();
  int page = 1;
  bool turned = false;
  const auto add = [&](const std::string& line) {
    out.push_back(turned ? absl::StrCat("\f", line) : line);
    turned = false;
    ++used;
  };
  const auto turn = [&] {
    if (footer > 0) {
      add("");
      add(PageFooter(layout.trailer, page));
    }
    ++page;
    used = 0;
    turned = true;
    for (std::size_t i = layout.first; i < layout.table; ++i) add(lines[i]);
  };
  for (std::size_t i = layout.table; i < layout.foot; ++i) {
    if (used + 1 + footer > length) turn();
    add(lines[i]);
  }
  if (used + foot > length) turn();
  for (std::size_t i = layout.foot; i < lines.size(); ++i) {
    const bool is_trailer = !layout.trailer.empty() && absl::StripAsciiWhitespace(lines[i]) == layout.trailer;
    add(is_trailer ? PageFooter(layout.trailer, page) : lines[i]);
  }
  return out;
}

// Which bytes of a text are the report.
void FindReport(absl::string_view text, std::size_t& begin, std::size_t& end) {
  const absl::string_view whole = text;
  begin = end = whole.size();
  bool found = false;
  while (!text.empty()) {
    const std::size_t at = whole.size() - text.size();
    const absl::string_view line = TakeLine(text);
    if (IsBlank(line)) continue;
    if (!found) begin = at + line.find_first_not_of('\f');
    found = true;
    end = at + line.size();
  }
}

}  // namespace

absl::StatusOr<std::vector<Original>> ReadOriginals(const std::string& path) {
  if (!absl::EndsWith(path, ".transcript")) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read \"", path, "\""));
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    absl::StatusOr<std::string> text = FileToUtf8(bytes);
    if (!text.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", text.status().message()));
    if (IsBlank(*text)) return absl::InvalidArgumentError(absl::StrCat(path, ": there is nothing to print"));
    return std::vector<Original>{{.file = path, .text = absl::StrReplaceAll(*text, {{"\r\n", "\n"}})}};
  }
  absl::StatusOr<Transcript> transcript = ReadTranscript(path);
  if (!transcript.ok()) return transcript.status();
  std::vector<Original> originals;
  Original next{.file = path, .as_is = true};
  for (const TranscriptStep& step : transcript->steps) {
    if (step.kind == TranscriptStep::Kind::kInstrument) next.text += step.text;
    if (step.kind == TranscriptStep::Kind::kNoise || step.kind == TranscriptStep::Kind::kPadding) {
      next.before += next.text.substr(0, step.size);
      next.text.erase(0, std::min<std::size_t>(step.size, next.text.size()));
    }
    if (step.kind == TranscriptStep::Kind::kReport && !next.text.empty()) {
      originals.push_back(std::move(next));
      next = Original{.file = path, .as_is = true};
    }
  }
  if (originals.empty() && !IsBlank(next.text)) {
    originals.push_back(std::move(next));
  } else if (!originals.empty()) {
    originals.back().after = next.before + next.text;
  }
  if (originals.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": the instrument says nothing in it"));
  return originals;
}

absl::StatusOr<Printout> Print(const Original& original, std::uint64_t number, const PrintOptions& options) {
  std::string text = original.text;
  if (!options.rename_sample.empty()) {
    absl::StatusOr<std::string> renamed = Rename(original, absl::StrFormat("%s-%04d", options.rename_sample, number));
    if (!renamed.ok()) return renamed.status();
    text = *std::move(renamed);
  }
  Printout printout{.file = original.file, .sample = SampleOf(text)};
  if (!original.as_is) {
    if (!absl::EndsWith(text, "\n")) text += '\n';
    Lines lines = absl::StrSplit(text, '\n');
    lines.pop_back();  // what follows the last line end
    if (options.page_length > 0) {
      absl::StatusOr<Lines> pages = Paginate(original.file, lines, options.page_length);
      if (!pages.ok()) return pages.status();
      lines = *std::move(pages);
    }
    text.clear();
    for (const std::string& line : lines) absl::StrAppend(&text, line, options.line_end);
  }
  if (options.form_feed) text += '\f';
  std::size_t begin = 0, end = 0;
  FindReport(text, begin, end);
  const absl::string_view all = text;
  std::string parts[] = {std::string(all.substr(0, begin)), std::string(all.substr(begin, end - begin)),
                         std::string(all.substr(end))};
  for (std::string& part : parts) {
    if (original.as_is) break;
    absl::StatusOr<std::string> bytes = ToCodePage(part, options.code_page);
    if (!bytes.ok()) return absl::InvalidArgumentError(absl::StrCat(original.file, ": ", bytes.status().message()));
    part = *std::move(bytes);
  }
  printout.bytes = absl::StrCat(original.before, parts[0], parts[1], parts[2], original.after);
  printout.begin = original.before.size() + parts[0].size();
  printout.end = printout.begin + parts[1].size();
  return printout;
}

absl::Status CheckPrintable(const Original& original, const PrintOptions& options) {
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(original.text, '\n')) {
    ++number;
    if (original.as_is) break;
    if (absl::StatusOr<std::string> bytes = ToCodePage(line, options.code_page); !bytes.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(original.file, ":", number, ": ", bytes.status().message(), " (--codepage)"));
    }
  }
  return Print(original, 1, options).status();
}

}  // namespace dims
