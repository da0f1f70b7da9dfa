#include "firmware-bridge/probe.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <tuple>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "drivers/parser.h"

namespace dims {
namespace {

constexpr uint64_t kLeastBinary = 16;  // bytes explained

bool IsBlankByte(char c) { return absl::string_view(" \t\r\n\f\v\0", 7).find(c) != absl::string_view::npos; }

uint64_t CountBytes(absl::string_view text) {
  return static_cast<uint64_t>(absl::c_count_if(text, [](char c) { return !IsBlankByte(c); }));
}

// How many single things it says; a curve's points are one.
int CountStatements(const google::protobuf::Message& message) {
  int count = 0;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      ++count;
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        count += CountStatements(reflection.GetRepeatedMessage(message, field, i));
      }
    } else {
      count += CountStatements(reflection.GetMessage(message, field));
    }
  }
  return count;
}

template <typename List>
int CountAll(const List& list) {
  int count = 0;
  for (const auto& element : list) count += CountStatements(element);
  return count;
}

bool FindsSomething(const dims::v1::Report& report) {
  return report.weighings_size() > 0 || report.scans_size() > 0 ||
         absl::c_any_of(report.analyses(), [](const dims::v1::Analysis& analysis) {
           return analysis.findings_size() > 0 || analysis.spectra_size() > 0;
         });
}

// An instrument says why it has nothing to say: that it is overloaded, adjusts itself, waits.
bool IsState(const dims::v1::Report& report) {
  return report.problems_size() > 0 && absl::c_all_of(report.problems(), [](const dims::v1::Problem& problem) {
           return problem.type() == dims::v1::PROBLEM_TYPE_INSTRUMENT;
         });
}

// Binary data has no lines; so long a piece of it counts as one.
constexpr uint64_t kLongestLine = 80;

// `beside`: bytes of states and traffic.
void Weigh(const dims::v1::Report& report, absl::string_view raw, Candidate& candidate, uint64_t& beside) {
  const int statements = CountAll(report.analyses()) + CountAll(report.weighings()) + CountAll(report.scans());
  if (statements == 0) {
    if (IsState(report)) beside += CountBytes(raw);
    return;
  }
  ++candidate.reports;
  candidate.clean += report.problems_size() == 0 ? 1 : 0;
  candidate.problems += report.problems_size();
  candidate.statements += statements;
  const uint64_t bytes = CountBytes(raw);
  const uint64_t line_ends = std::max(absl::c_count(raw, '\n'), absl::c_count(raw, '\r'));
  const uint64_t lines = std::max({line_ends, bytes / kLongestLine, uint64_t{1}});
  const uint64_t wrong = std::min<uint64_t>(report.problems_size(), lines);
  candidate.explained += bytes * (lines - wrong) / lines / (FindsSomething(report) ? 1 : 2);
}

// `opened`: as on a line, where the driver has said first what it has to say.
Candidate Try(const Driver& driver, absl::string_view bytes, absl::Span<const LineMark> marks, bool opened) {
  Candidate candidate;
  candidate.driver = &driver;
  uint64_t beside = 0;
  const auto sink = [&](ParserEvent event) {
    if (const Said* said = std::get_if<Said>(&event)) {
      Weigh(said->report, bytes.substr(said->begin, said->end - said->begin), candidate, beside);
    } else if (const Padding* passed = std::get_if<Padding>(&event)) {
      beside += CountBytes(bytes.substr(passed->begin, passed->end - passed->begin));
    }
  };
  Parser parser(driver, Options::Parse(driver.options, {}).value());
  if (opened) parser.Open(sink);
  parser.Feed(bytes, sink, marks);
  parser.Finish(Ending::kEndOfInput, sink);
  // They have too little form of their own to carry more than what is said beside them.
  candidate.explained += std::min(beside, candidate.explained);
  return candidate;
}

// The better of the two: what was heard may be an answer, or not.
Candidate Try(const Driver& driver, absl::string_view bytes, absl::Span<const LineMark> marks) {
  Candidate candidate = Try(driver, bytes, marks, false);
  bool speaks_first = false;
  Parser(driver, Options::Parse(driver.options, {}).value()).Open([&](const ParserEvent&) { speaks_first = true; });
  if (!speaks_first) return candidate;
  Candidate opened = Try(driver, bytes, marks, true);
  return opened.explained > candidate.explained ? opened : candidate;
}

// Every line from its end to its beginning: the same bytes, the same lengths, and no form left.
std::string Backwards(absl::string_view bytes) {
  std::string turned(bytes);
  const auto is_end = [](char c) { return c == '\r' || c == '\n'; };
  for (auto line = turned.begin(); line != turned.end();) {
    const auto end = std::find_if(line, turned.end(), is_end);
    std::reverse(line, end);
    line = std::find_if_not(end, turned.end(), is_end);
  }
  return turned;
}

bool IsSame(const Line& a, const Line& b) {
  return a.baud == b.baud && a.data_bits == b.data_bits && a.parity == b.parity && a.stop_bits == b.stop_bits;
}

// In whole percent: what differs by less is no reason.
uint64_t Share(uint64_t some, uint64_t all) { return all == 0 ? 0 : some * 100 / all; }

auto Merit(const Candidate& candidate) {
  const uint64_t beyond = candidate.explained - std::min(candidate.explained, candidate.by_chance);
  return std::tuple(candidate.Fits(), Share(beyond, candidate.bytes), Share(candidate.explained, candidate.bytes),
                    candidate.as_delivered, candidate.statements);
}

std::string Counted(int count, absl::string_view what) { return absl::StrCat(count, " ", what, count == 1 ? "" : "s"); }

}  // namespace

bool Candidate::Fits() const {
  if (reports == 0 || explained == 0) return false;
  if (!IsSpecific()) return explained * 10 >= bytes * 9;
  // The first report can have begun before anybody listened; but a text can hold a line that looks like a report.
  return explained * (clean > 0 ? 4 : 2) >= bytes;
}

std::string Candidate::Evidence() const {
  return absl::StrCat(driver->name, ": ", Counted(reports, "report"), ", ", Counted(problems, "problem"), ", ",
                      Share(explained, bytes), " % of ", bytes, " bytes explained",
                      IsSpecific() ? "" : ", but it takes any text of this kind");
}

std::vector<Candidate> Rank(const Capture& heard, absl::Span<const Driver* const> drivers) {
  std::vector<Candidate> ranked;
  const std::string backwards = Backwards(heard.bytes);
  const uint64_t bytes = CountBytes(heard.bytes);
  for (const Driver* driver : drivers) {
    Candidate candidate = Try(*driver, heard.bytes, heard.marks);
    if (candidate.reports == 0) continue;
    candidate.bytes = bytes;
    candidate.by_chance = Try(*driver, backwards, {}).explained;
    candidate.as_delivered = IsSame(driver->line, heard.line);
    ranked.push_back(candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Candidate& a, const Candidate& b) { return Merit(a) > Merit(b); });
  return ranked;
}

Examined Examine(const Capture& heard, absl::Span<const Driver* const> drivers) {
  Examined examined{CheckLine(heard.bytes, heard.marks), heard.line, {}};
  switch (examined.check) {
    case LineCheck::kSilent:
    case LineCheck::kWrongSpeed:
      break;
    case LineCheck::kSevenEven:
    case LineCheck::kSevenOdd:
    case LineCheck::kSevenMark:
      examined.line = SetTo(examined.check, heard.line);
      examined.candidates = Rank({SevenBits(heard.bytes), {}, examined.line}, drivers);
      break;
    case LineCheck::kText:
    case LineCheck::kEightParity:
      examined.candidates = Rank(heard, drivers);
      break;
    case LineCheck::kNoText:
      // A wrong speed makes any bytes: a few in a row may be those of something.
      examined.candidates = Rank(heard, drivers);
      examined.candidates.erase(
          std::remove_if(examined.candidates.begin(), examined.candidates.end(),
                         [](const Candidate& candidate) { return candidate.explained < kLeastBinary; }),
          examined.candidates.end());
      break;
  }
  return examined;
}

std::string WriteLine(const Line& line) {
  return absl::StrCat(line.baud, " ", line.data_bits, std::string(1, line.parity), line.stop_bits);
}

}  // namespace dims
