// Writes the seeds of driver_fuzz and text_fuzz: `fuzz_seeds FOLDER` fills FOLDER/driver and FOLDER/text.
//
// Each transcript's instrument side becomes a script, with its options, and with its pauses as timers; so does each
// single thing the instrument sends. Texts are the transcripts themselves, the formats, the example configuration, and
// numbers.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "drivers/format/format_file.h"
#include "drivers/transcript.h"
#include "firmware-bridge/config.h"
#include "tests/fuzz/line_script.h"
#include "tests/fuzz/text_kind.h"

namespace dims {
namespace {

class Folder {
 public:
  explicit Folder(const std::filesystem::path& path) : path_(path) { std::filesystem::create_directories(path); }
  void Add(absl::string_view name, absl::string_view bytes) {
    std::ofstream(path_ / std::string(name), std::ios::binary) << bytes;
    ++count_;
  }
  int count() const { return count_; }

 private:
  const std::filesystem::path path_;
  int count_ = 0;
};

// The driver whose name the file's name begins with; the longest of them.
const Driver* DriverOf(absl::string_view file) {
  const Driver* meant = nullptr;
  for (const Driver* driver : Catalog()) {
    if (absl::StartsWith(file, driver->name) && (meant == nullptr || driver->name.size() > meant->name.size())) {
      meant = driver;
    }
  }
  return meant;
}

void AddScripts(absl::string_view name, const Transcript& transcript, Folder& folder) {
  LineScript whole;
  whole.driver = DriverOf(name);
  if (whole.driver == nullptr) return;
  int part = 0;
  for (const TranscriptStep& step : transcript.steps) {
    if (step.kind == TranscriptStep::Kind::kOption) whole.options.emplace_back(step.name, step.text);
    if (step.kind == TranscriptStep::Kind::kWait)
      whole.happenings.push_back({Happening::kTimer, 1, whole.stream.size()});
    if (step.kind == TranscriptStep::Kind::kInstrument) {
      LineScript alone = whole;
      alone.happenings.clear();
      alone.stream = step.text;
      folder.Add(absl::StrCat(name, ".", part++), WriteLineScript(alone));
      whole.stream += step.text;
    }
  }
  folder.Add(name, WriteLineScript(whole));
  whole.right_checksums = true;
  folder.Add(absl::StrCat(name, ".right"), WriteLineScript(whole));
}

int Write(const std::filesystem::path& out) {
  Folder scripts(out / "driver"), texts(out / "text");
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/tests/transcripts")) {
    if (entry.path().extension() != ".transcript") continue;
    const absl::StatusOr<Transcript> transcript = ReadTranscript(entry.path().string());
    if (!transcript.ok()) {
      std::fprintf(stderr, "%s\n", transcript.status().ToString().c_str());
      return 1;
    }
    const std::string name = entry.path().stem().string();
    AddScripts(name, *transcript, scripts);
    texts.Add(name, TextSeed(TextKind::kTranscript, WriteTranscript(*transcript)));
  }
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/drivers/instruments")) {
    if (!absl::EndsWith(entry.path().string(), kFormatEnding)) continue;
    std::stringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    texts.Add(entry.path().filename().string(), TextSeed(TextKind::kFormat, text.str()));
  }
  texts.Add("example.toml", TextSeed(TextKind::kConfig, ExampleConfig()));
  int number = 0;
  for (const char* text : {"12", "-0.35", "+7.", ".5", "1,25", "123456789012345678", "1.2.3", "<5", "12 "}) {
    texts.Add(absl::StrCat("decimal.", number++), TextSeed(TextKind::kDecimal, text));
  }
  for (const char* text : {"0ms", "500ms", "90s", "15m", "12h", "7d", "36500d", "1.5s", "-1s"}) {
    texts.Add(absl::StrCat("duration.", number++), TextSeed(TextKind::kDuration, text));
  }
  for (const char* text : {"caf\xe9", "caf\xc3\xa9 \xe2\x82\xac", "\xff\xfeg\0r\0", "\x80\x81 \x1b&l0O"}) {
    texts.Add(absl::StrCat("encoded.", number++), TextSeed(TextKind::kEncoded, text));
  }
  std::printf("%d scripts, %d texts\n", scripts.count(), texts.count());
  return 0;
}

}  // namespace
}  // namespace dims

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  return dims::Write(argv[1]);
}
