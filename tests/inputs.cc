#include "tests/inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "drivers/catalog.h"
#include "proto/hash.h"
#include "tests/corpus.h"

namespace dims {
namespace {

// Which real files are for which driver: a folder and an ending.
const std::multimap<std::string, std::pair<std::string, std::string>>& CorpusOf() {
  static const auto* files = new std::multimap<std::string, std::pair<std::string, std::string>>{
      {"agilent_gc", {"agilent_chemstation/internal_standard_report", ".txt"}},
      {"agilent_gc", {"agilent_chemstation/report_txt", ".Report.TXT"}},
      {"agilent_gc", {"agilent_chemstation/report_txt", ".CSV"}},
      {"agilent_msd", {"agilent_chemstation/area_percent_msd", ".rteres.txt"}},
      {"agilent_msd", {"agilent_chemstation/results_csv", ".RESULTS.CSV"}},
      {"astm", {"astm", ".astm"}},
      {"shimadzu", {"shimadzu/gcmssolution_quant", ".txt"}},
      {"shimadzu", {"shimadzu/labsolutions", ".txt"}},
      {"spectrum_text", {"ocean_optics", ".txt"}},
      {"spectrum_text", {"spectrometer_text", ".asc"}},
      {"spectrum_text", {"spectrometer_text", "flu1.txt"}},
      {"masslynx", {"masslynx_turbomass", ".txt"}},
      {"nist_mssearch", {"nist_mssearch", ".TXT"}},
      {"jcamp_dx", {"jcamp/cheminfo", "dx"}},
      {"jcamp_dx", {"jcamp/nzhagen_lancashire", ".jdx"}},
      {"jcamp_dx", {"jcamp/nzhagen_ms", ".jdx"}},
      {"jcamp_dx", {"jcamp/nzhagen_test", ""}},
  };
  return *files;
}

// The report as text. Thousands of samples of curves are compared by a hash of their bytes: as text they would take
// most of the tests' time.
std::string Described(const dims::v1::Report& report) {
  dims::v1::Report described = report;
  std::string samples;
  for (dims::v1::Analysis& analysis : *described.mutable_analyses()) {
    for (dims::v1::Spectrum& spectrum : *analysis.mutable_spectra()) {
      for (auto* values : {spectrum.mutable_x(), spectrum.mutable_y()}) {
        samples.append(reinterpret_cast<const char*>(values->data()), values->size() * sizeof(double));
        absl::StrAppend(&samples, ";", values->size(), ";");
        values->Clear();
      }
    }
  }
  return absl::StrCat(described.DebugString(), "samples ", absl::BytesToHexString(Sha256::Of(samples)));
}

}  // namespace

Options DefaultOptions(const Driver& driver) { return *Options::Parse(driver.options, {}); }

std::vector<Transcript> TranscriptsOf(const Driver& driver) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/tests/transcripts")) {
    const std::string name = entry.path().filename().string();
    // The longest driver name that fits is the one meant, whether or not it is built.
    absl::string_view meant;
    for (const absl::string_view candidate : absl::StrSplit(DIMS_AVAILABLE_DRIVERS, ' ')) {
      if (absl::StartsWith(name, candidate) && candidate.size() > meant.size()) meant = candidate;
    }
    if (meant == driver.name && entry.path().extension() == ".transcript") paths.push_back(entry.path().string());
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

Input InputOf(const Driver& driver, const Transcript& transcript) {
  std::vector<std::pair<std::string, std::string>> settings;
  Input input;
  input.name = std::filesystem::path(transcript.file).filename().string();
  for (const TranscriptStep& step : transcript.steps) {
    if (step.kind == TranscriptStep::Kind::kOption) settings.emplace_back(step.name, step.text);
    if (step.kind == TranscriptStep::Kind::kInstrument) input.bytes += step.text;
  }
  input.options = *Options::Parse(driver.options, settings);
  return input;
}

std::vector<Input> CorpusInputsOf(const Driver& driver) {
  std::vector<Input> inputs;
  const auto [begin, end] = CorpusOf().equal_range(std::string(driver.name));
  for (auto it = begin; it != end; ++it) {
    for (const std::filesystem::path& path : CorpusFiles(it->second.first, it->second.second)) {
      inputs.push_back({path.filename().string(), FileBytes(path), DefaultOptions(driver)});
    }
  }
  return inputs;
}

std::vector<Input> InputsOf(const Driver& driver) {
  std::vector<Input> inputs;
  for (const Transcript& transcript : TranscriptsOf(driver)) inputs.push_back(InputOf(driver, transcript));
  for (Input& input : CorpusInputsOf(driver)) inputs.push_back(std::move(input));
  Input all{"all in a row", "", DefaultOptions(driver)};
  for (const Input& input : inputs) all.bytes += input.bytes;
  inputs.push_back(std::move(all));
  return inputs;
}

Outcome Parse(const Driver& driver, const Options& options, const std::string& bytes,
              absl::Span<const std::size_t> cuts, Ending why) {
  Outcome outcome;
  Parser parser(driver, options);
  const auto sink = [&](ParserEvent event) {
    if (const Said* said = std::get_if<Said>(&event)) {
      outcome.text.push_back(absl::StrCat("report ", said->begin, "-", said->end, " ", Described(said->report)));
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
