#include "tests/inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "tests/corpus.h"

namespace dims {
namespace {

// Which real files are for which driver: a folder and an ending.
const std::multimap<std::string, std::pair<std::string, std::string>>& CorpusOf() {
  static const auto* files = new std::multimap<std::string, std::pair<std::string, std::string>>{
      {"agilent_msd", {"agilent_chemstation/area_percent_msd", ".rteres.txt"}},
      {"agilent_msd", {"agilent_chemstation/results_csv", ".RESULTS.CSV"}},
      {"astm", {"astm", ".astm"}},
  };
  return *files;
}

}  // namespace

Options DefaultOptions(const Driver& driver) { return *Options::Parse(driver.options, {}); }

std::vector<Transcript> TranscriptsOf(const Driver& driver) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/tests/transcripts")) {
    const std::string name = entry.path().filename().string();
    // The longest driver name that fits is the one meant.
    const Driver* meant = nullptr;
    for (const Driver* candidate : Catalog()) {
      if (absl::StartsWith(name, candidate->name) &&
          (meant == nullptr || candidate->name.size() > meant->name.size())) {
        meant = candidate;
      }
    }
    if (meant == &driver && entry.path().extension() == ".transcript") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Transcript> transcripts;
  for (const std::string& path : paths) {
    absl::StatusOr<Transcript> transcript = ReadTranscript(path);
    EXPECT_TRUE(transcript.ok()) << transcript.status();
    if (transcript.ok()) transcripts.push_back(*std::move(transcript));
  }
  return transcripts;
}

std::vector<Input> InputsOf(const Driver& driver) {
  std::vector<Input> inputs;
  Input all{"all in a row", "", DefaultOptions(driver)};
  for (const Transcript& transcript : TranscriptsOf(driver)) {
    std::vector<std::pair<std::string, std::string>> settings;
    Input input;
    input.name = std::filesystem::path(transcript.file).filename().string();
    for (const TranscriptStep& step : transcript.steps) {
      if (step.kind == TranscriptStep::Kind::kOption) settings.emplace_back(step.name, step.text);
      if (step.kind == TranscriptStep::Kind::kInstrument) input.bytes += step.text;
    }
    input.options = *Options::Parse(driver.options, settings);
    all.bytes += input.bytes;
    inputs.push_back(std::move(input));
  }
  const auto [begin, end] = CorpusOf().equal_range(std::string(driver.name));
  for (auto it = begin; it != end; ++it) {
    for (const std::filesystem::path& path : CorpusFiles(it->second.first, it->second.second)) {
      inputs.push_back({path.filename().string(), FileBytes(path), DefaultOptions(driver)});
      all.bytes += inputs.back().bytes;
    }
  }
  inputs.push_back(std::move(all));
  return inputs;
}

Outcome Parse(const Driver& driver, const Options& options, const std::string& bytes,
              absl::Span<const std::size_t> cuts, Ending why) {
  Outcome outcome;
  Parser parser(driver, options);
  const auto sink = [&](ParserEvent event) {
    if (const Said* said = std::get_if<Said>(&event)) {
      outcome.text.push_back(absl::StrCat("report ", said->begin, "-", said->end, " ", said->report.DebugString()));
    } else if (const Padding* padding = std::get_if<Padding>(&event)) {
      outcome.text.push_back(absl::StrCat("padding ", padding->begin, "-", padding->end));
    } else if (const Reply* reply = std::get_if<Reply>(&event)) {
      outcome.text.push_back(
          absl::StrCat("reply ", absl::CHexEscape(reply->bytes), " / ", absl::CHexEscape(reply->instead)));
    } else if (std::holds_alternative<Heard>(event)) {
      outcome.text.push_back("heard");
    } else {
      const Arm& arm = std::get<Arm>(event);
      outcome.text.push_back(absl::StrCat("arm ", arm.timer, " ", absl::FormatDuration(arm.after)));
    }
    outcome.events.push_back(std::move(event));
  };
  parser.Open(sink);
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    parser.Feed(absl::string_view(bytes).substr(from, cut - from), sink);
    from = cut;
  }
  parser.Feed(absl::string_view(bytes).substr(from), sink);
  outcome.pending_from = parser.pending_from();
  outcome.fed = parser.fed();
  parser.Finish(why, sink);
  return outcome;
}

std::vector<std::size_t> EveryByte(std::size_t size) {
  std::vector<std::size_t> cuts(size);
  std::iota(cuts.begin(), cuts.end(), 1);
  return cuts;
}

}  // namespace dims
