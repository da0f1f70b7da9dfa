// The promises of Parser and Driver, over whatever libFuzzer makes of the transcripts: every driver of the catalog.
//
// A finding ends the process with a line that names the promise. `driver_fuzz FILE` runs one again; with DIMS_SHOW set
// it also prints the script and what was said.
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/parser.h"
#include "proto/hash.h"
#include "tests/fuzz/astm_replies.h"
#include "tests/fuzz/line_script.h"

namespace dims {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";

bool Shows() { return std::getenv("DIMS_SHOW") != nullptr; }

void Require(bool kept, absl::string_view promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", std::string(promise).c_str());
  std::abort();
}

// Text as a person reads it, bytes fields escaped: what is U+FFFD there stands in a text.
std::string Printed(const dims::v1::Report& report) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(report, &text);
  return text;
}

void CheckReport(const Said& said, absl::string_view bytes) {
  const dims::v1::Report& report = said.report;
  Require(said.begin < said.end, "a report has bytes");
  Require(report.raw_size() == said.end - said.begin, "a report's size is that of its bytes");
  Require(report.raw_sha256() == Sha256::Of(bytes), "a report's hash is that of its bytes");
  Require(!report.driver().empty() && !report.driver_version().empty(), "a report names its driver");
  Require(report.problems_size() <= 100, "a report keeps its first 100 problems");
  bool undecodable = false;
  for (const dims::v1::Problem& problem : report.problems()) {
    Require(problem.offset() <= report.raw_size(), "a problem's place is inside its report");
    Require(problem.type() != dims::v1::PROBLEM_TYPE_UNSPECIFIED && !problem.message().empty(), "a problem says what");
    undecodable |= problem.type() == dims::v1::PROBLEM_TYPE_ENCODING;
  }
  const dims::v1::LineErrors& errors = report.line_errors();
  Require(std::max({errors.parity_or_framing(), errors.breaks(), errors.overruns()}) <= report.raw_size(),
          "no more line errors than bytes");
  const std::string serialized = report.SerializeAsString();
  dims::v1::Report read;
  Require(read.ParseFromString(serialized), "a report that is written can be read");
  const bool printed_so = absl::StrContains(bytes, kReplacement) || absl::StrContains(bytes, "\xff\xfd") ||
                          absl::StrContains(bytes, "\xfd\xff");
  if (!undecodable && !printed_so && report.problems_size() < 100 && absl::StrContains(serialized, kReplacement)) {
    Require(!absl::StrContains(Printed(report), kReplacement), "what cannot be decoded is an ENCODING problem");
  }
}

// One life of a line. What it says is kept as text that can be compared.
class Run {
 public:
  Run(const LineScript& script, const Options& options) : script_(script), parser_(*script.driver, options) {}

  // `piece`: the reads are this long, and end at the script's cuts; 0: as long as they can be.
  const std::vector<std::string>& Live(std::size_t piece) {
    piece_ = piece;
    parser_.Open(sink_);
    for (const Happening& happening : script_.happenings) {
      if (happening.kind == Happening::kLineError || (happening.kind == Happening::kCut && piece == 0)) continue;
      FeedThrough(happening.at, piece);
      Happen(happening.kind);
    }
    FeedThrough(script_.stream.size(), piece);
    parser_.Finish(script_.ending, sink_);
    Require(at_ == script_.stream.size(), "every byte is in a report, noise or padding at the end");
    return said_;
  }

 private:
  void FeedThrough(std::size_t end, std::size_t piece) {
    while (fed_ < end) {
      const std::size_t size = piece == 0 ? end - fed_ : std::min(piece, end - fed_);
      const absl::string_view bytes = absl::string_view(script_.stream).substr(fed_, size);
      std::vector<LineMark> marks;
      for (const Happening& happening : script_.happenings) {
        if (happening.kind != Happening::kLineError || happening.at < fed_ || happening.at >= fed_ + size) continue;
        for (const auto kind : {LineMark::kParityOrFraming, LineMark::kBreak, LineMark::kOverrun}) {
          if ((happening.marks & kind) != 0) marks.push_back({kind, happening.at - fed_});
        }
      }
      fed_ += size;
      parser_.Feed(bytes, sink_, marks);
      Require(parser_.fed() == fed_, "the parser knows how far it was fed");
      Require(parser_.pending_from() == at_, "what is pending begins where the last event ends");
    }
  }

  void Happen(Happening::Kind kind) {
    if (kind == Happening::kTimer) {
      const auto due = std::min_element(timers_.begin(), timers_.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
      if (due == timers_.end()) return;
      const int timer = due->first;
      timers_.erase(due);
      parser_.Timer(timer, sink_);
    } else if (kind == Happening::kQuiet) {
      parser_.Quiet(sink_);
    } else if (kind == Happening::kOrder && !script_.driver->orders.empty()) {
      parser_.Send(Order{std::string(script_.driver->orders[0].name)}, sink_);
    } else if (kind == Happening::kReopen) {
      parser_.Finish(Ending::kInterrupted, sink_);
      Require(at_ == fed_, "nothing is pending once the line is closed");
      timers_.clear();
      parser_.Open(sink_);
      replies_ = AstmReplies(fed_);
    }
  }

  void Take(ParserEvent event) {
    if (const Said* said = std::get_if<Said>(&event)) {
      Advance(said->begin, said->end);
      CheckReport(*said, absl::string_view(script_.stream).substr(said->begin, said->end - said->begin));
      said_.push_back(absl::StrCat("report ", said->begin, "-", said->end, " ", said->report.SerializeAsString()));
      if (Shows()) std::fprintf(stderr, "report %s\n", said->report.DebugString().c_str());
    } else if (const Padding* padding = std::get_if<Padding>(&event)) {
      Advance(padding->begin, padding->end);
      said_.push_back(absl::StrCat("padding ", padding->begin, "-", padding->end));
    } else if (const Reply* reply = std::get_if<Reply>(&event)) {
      Require(!reply->bytes.empty(), "a reply has bytes");
      if (script_.driver->name == "astm") {
        const std::string broken = replies_.Check(*reply, script_.stream, fed_, piece_ == 1);
        Require(broken.empty(), broken);
      }
      said_.push_back(absl::StrCat("reply ", reply->bytes, " / ", reply->instead));
    } else if (std::holds_alternative<Heard>(event)) {
      said_.push_back("heard");
    } else {
      const Arm& arm = std::get<Arm>(event);
      Require(arm.after >= absl::ZeroDuration() && arm.after <= absl::Hours(24), "a timer runs forward");
      timers_.erase(arm.timer);
      if (arm.after > absl::ZeroDuration()) timers_[arm.timer] = arm.after;
      said_.push_back(absl::StrCat("arm ", arm.timer, " ", absl::FormatDuration(arm.after)));
    }
    if (Shows()) std::fprintf(stderr, "at %zu: %s\n", fed_, absl::CHexEscape(said_.back()).substr(0, 200).c_str());
  }

  void Advance(uint64_t begin, uint64_t end) {
    Require(begin == at_, "no byte lies between two events, or in both");
    Require(begin < end && end <= fed_, "an event is about bytes that came");
    at_ = end;
  }

  const LineScript& script_;
  Parser parser_;
  std::size_t piece_ = 0;
  std::size_t fed_ = 0;
  uint64_t at_ = 0;  // the last event's end
  std::map<int, absl::Duration> timers_;
  std::vector<std::string> said_;
  AstmReplies replies_{0};
  const std::function<void(ParserEvent)> sink_ = [this](ParserEvent event) { Take(std::move(event)); };
};

void Check(absl::string_view bytes) {
  const LineScript script = ReadLineScript(bytes);
  const auto options = Options::Parse(script.driver->options, script.options);
  Require(options.ok(), "a row's own choices are allowed");
  if (Shows()) {
    std::fprintf(stderr, "%s\n", std::string(script.driver->name).c_str());
    for (const auto& [name, value] : script.options) std::fprintf(stderr, "%s=%s\n", name.c_str(), value.c_str());
    for (const Happening& happening : script.happenings) {
      std::fprintf(stderr, "at %zu: happening %d, marks %d\n", happening.at, happening.kind, happening.marks);
    }
    std::fprintf(stderr, "%s\n", absl::CHexEscape(script.stream).c_str());
  }
  const std::size_t piece = script.stream.size() <= 600 ? 1 : 1 + script.stream.size() % 61;
  Require(Run(script, *options).Live(0) == Run(script, *options).Live(piece), "how the stream is cut does not matter");
}

}  // namespace
}  // namespace dims

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  dims::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
