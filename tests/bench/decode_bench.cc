// How fast the drivers read, beside a bare loop that does no more than find and convert the numbers in the same bytes
// (add up the words, where they are binary), and how much they allocate. A point of a curve counts as a finding, and so
// does a weighing.
//
// What a driver does and the loop does not: frames, checksums, encodings, layout, exact numbers as printed,
//   cross-checks, a SHA-256 of every byte. A line at 115200 baud brings 0.0115 MB/s.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "drivers/catalog.h"
#include "drivers/parser.h"
#include "drivers/transcript.h"

namespace {

// What operator new was asked for. One thread.
std::size_t allocations = 0, allocated_bytes = 0;

void* Allocate(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  std::abort();
}
void Release(void* block) { std::free(block); }

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void operator delete(void* block) noexcept { Release(block); }
void operator delete(void* block, std::size_t) noexcept { Release(block); }

namespace dims {
namespace {

constexpr std::size_t kSize = 4 << 20;  // of each input, about
constexpr std::size_t kRead = 4096;     // bytes of one read

struct Input {
  std::string name, driver, bytes;
  bool binary = false;
};

std::string Repeated(const std::string& piece) {
  std::string bytes;
  bytes.reserve(kSize + piece.size());
  while (bytes.size() < kSize) bytes += piece;
  return bytes;
}

// What the instrument says in the transcripts whose names begin so.
std::string FromTranscripts(absl::string_view prefix) {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/tests/transcripts")) {
    if (!absl::StartsWith(entry.path().filename().string(), prefix)) continue;
    const auto transcript = ReadTranscript(entry.path().string());
    if (!transcript.ok()) std::abort();
    for (const TranscriptStep& step : transcript->steps) {
      if (step.kind == TranscriptStep::Kind::kInstrument) bytes += step.text;
    }
  }
  if (bytes.empty()) std::abort();
  return bytes;
}

std::string PrintedReports() {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/simulator/reports")) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

// A session of one message: a header, and so many results, a record a frame.
std::string AstmSession(int results) {
  std::vector<std::string> records = {"H|\\^&|||READER^1^2.0|||||||P|LIS2-A2|20260114101500", "P|1",
                                      "O|1|DIMS-260114-01||^^^FEN|R|20260114100000"};
  for (int i = 1; i <= results; ++i) {
    records.push_back(
        absl::StrCat("R|", i, "|^^^TEST", i, "|", i % 90, ".", 10 + i % 90, "|ng/mL|0-1|H||F||op1||20260114101200|R1"));
  }
  records.push_back("L|1|N");
  std::string bytes = "\x05";
  int number = 0;
  for (const std::string& record : records) {
    const std::string body = absl::StrCat(++number % 8, record, "\r\x03");
    unsigned sum = 0;
    for (const char c : body) sum += static_cast<unsigned char>(c);
    absl::StrAppend(&bytes, "\x02", body, absl::StrFormat("%02X\r\n", sum % 256));
  }
  return bytes + "\x04";
}

// An export that is nearly all chromatogram.
std::string GasChromatogram(int points) {
  std::string bytes = absl::StrCat(
      "[Header]\r\nApplication Name\tLabSolutions\r\nData File Name\tC:\\DIMS-260118-01.gcd\r\n\r\n"
      "[Peak Table(Ch1)]\r\n# of Peaks\t1\r\nPeak#\tR.Time\tArea\tHeight\r\n1\t2.368\t4275\t987\r\n\r\n"
      "[Peak Table(Ch1)]\r\n# of Peaks\t1\r\nPeak#\tR.Time\tArea\tHeight\r\n1\t1.944\t5120\t1240\r\n\r\n"
      "[Chromatogram (Ch1)]\r\n# of Points\t",
      points, "\r\nR.Time (min)\tIntensity\r\n");
  for (int i = 0; i < points; ++i) absl::StrAppend(&bytes, absl::StrFormat("%.5f", i / 1500.0), "\t", i % 9973, "\r\n");
  return bytes;
}

// An infrared spectrum of so many points, as an abscissa and ordinates, or as differences in letters.
std::string Spectrum(int points, bool differences) {
  std::string file = absl::StrCat(
      "##TITLE= bench\n##JCAMP-DX= 5.01\n##DATA TYPE= INFRARED SPECTRUM\n##XUNITS= 1/CM\n##YUNITS= ABSORBANCE\n",
      "##XFACTOR= 1\n##YFACTOR= 0.0001\n##FIRSTX= 400\n##LASTX= ", 399 + points, "\n##NPOINTS= ", points,
      "\n##XYDATA= (X++(Y..Y))\n");
  const auto letter = [](int value, char zero, char plus, char minus) {
    std::string digits = absl::StrCat(std::abs(value));
    digits[0] = value == 0 ? zero : static_cast<char>((value > 0 ? plus : minus) + digits[0] - '1');
    return digits;
  };
  const auto at = [](int i) { return 20'000 + (i * 37) % 1000 - (i % 91) * (i % 7); };
  constexpr int kPerLine = 12;
  for (int i = 0; i < points; i += kPerLine) {
    const int from = differences && i > 0 ? i - 1 : i;
    absl::StrAppend(&file, 400 + from, differences ? letter(at(from), '@', 'A', 'a') : absl::StrCat(" ", at(from)));
    for (int k = from + 1; k < std::min(i + kPerLine, points); ++k) {
      absl::StrAppend(&file, differences ? letter(at(k) - at(k - 1), '%', 'J', 'j') : absl::StrCat(" ", at(k)));
    }
    file += "\n";
  }
  if (differences) absl::StrAppend(&file, 399 + points, letter(at(points - 1), '@', 'A', 'a'), "\n");
  return file + "##END=\n";
}

// What a USB2000+ sends for a spectrum of its 2,048 pixels, with a checksum.
std::string RawSpectrum() {
  std::string bytes = "\x02";
  const auto add = [&bytes](unsigned word) { bytes += {static_cast<char>(word >> 8), static_cast<char>(word & 0xFF)}; };
  for (const unsigned word : {0xFFFF, 0, 1, 100, 0, 1480, 0}) add(word);
  unsigned sum = 0;
  for (unsigned i = 0; i < 2048; ++i) {
    const unsigned count = 1200 + (i * 37) % 1000;
    sum += count;
    add(count);
  }
  add(0xFFFD);
  add(sum & 0xFFFF);
  return bytes;
}

const std::vector<Input>& Inputs() {
  static const auto* inputs = new std::vector<Input>{
      {"area_percent", "agilent_gc", Repeated(FromTranscripts("agilent_gc_area_percent"))},
      {"internal_standard", "agilent_gc", Repeated(FromTranscripts("agilent_gc_internal_standard"))},
      {"csv", "agilent_gc", Repeated(FromTranscripts("agilent_gc_csv."))},
      {"area_percent", "agilent_msd", Repeated(PrintedReports())},
      {"library_search", "agilent_msd", Repeated(FromTranscripts("agilent_msd_library_search"))},
      {"quantitation", "agilent_msd", Repeated(FromTranscripts("agilent_msd_quant_pages"))},
      {"results_csv", "agilent_msd", Repeated(FromTranscripts("agilent_msd_results_csv."))},
      {"gcms", "shimadzu", Repeated(FromTranscripts("shimadzu_gcms"))},
      {"quantitation", "shimadzu", Repeated(FromTranscripts("shimadzu_quant"))},
      {"gc", "shimadzu", Repeated(FromTranscripts("shimadzu_gc."))},
      {"curve", "shimadzu", GasChromatogram(200000)},
      {"components", "amdis", Repeated(FromTranscripts("amdis_components"))},
      {"compounds", "masslynx", Repeated(FromTranscripts("masslynx_compounds"))},
      {"hits", "nist_mssearch", Repeated(FromTranscripts("nist_mssearch_search"))},
      {"spectrum", "spectrum_text", Repeated(FromTranscripts("spectrum_text_spectrasuite"))},
      {"1_result", "astm", Repeated(AstmSession(1))},
      {"50_results", "astm", Repeated(AstmSession(50))},
      {"values", "jcamp_dx", Repeated(Spectrum(3600, false))},
      {"differences", "jcamp_dx", Repeated(Spectrum(3600, true))},
      {"print_key", "mt_sics", Repeated("S S    0.25134 g\r\n")},
      {"print_key", "sartorius_sbi", Repeated("N     +  22.5104 g  \r\n")},
      {"print_key", "and_balance", Repeated("ST,+00123.45  g\r\n")},
      {"print_key", "kern", Repeated("+ 412.34 GGS\r\n")},
      {"area_percent", "hp_3396", Repeated(FromTranscripts("hp_3396_area_percent"))},
      {"spectrum", "ocean_optics", Repeated(RawSpectrum()), true},
  };
  return *inputs;
}

void Decode(benchmark::State& state, const Input& input) {
  const Driver& driver = *FindDriver(input.driver);
  const Options options = *Options::Parse(driver.options, {});
  std::size_t findings = 0, reports = 0;
  const auto sink = [&](ParserEvent event) {
    const Said* said = std::get_if<Said>(&event);
    if (said == nullptr) return;
    ++reports;
    findings += said->report.weighings_size();
    for (const dims::v1::Analysis& analysis : said->report.analyses()) {
      findings += analysis.findings_size();
      for (const dims::v1::Spectrum& spectrum : analysis.spectra()) findings += spectrum.x_size();
      for (const dims::v1::Spectrum& spectrum : analysis.spectra()) findings += spectrum.points();
    }
  };
  const std::size_t allocations_before = allocations, bytes_before = allocated_bytes;
  for (auto _ : state) {
    Parser parser(driver, options);
    parser.Open(sink);
    for (std::size_t at = 0; at < input.bytes.size(); at += kRead) {
      parser.Feed(absl::string_view(input.bytes).substr(at, kRead), sink);
    }
    parser.Finish(Ending::kEndOfInput, sink);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.bytes.size()));
  if (findings == 0) return state.SkipWithError("nothing was found");
  const auto per = [](std::size_t what, std::size_t count) {
    return static_cast<double>(what) / static_cast<double>(count);
  };
  state.counters["findings/report"] = per(findings, reports);
  state.counters["allocations/finding"] = per(allocations - allocations_before, findings);
  state.counters["allocated_bytes/finding"] = per(allocated_bytes - bytes_before, findings);
}

void BareLoopOverWords(benchmark::State& state, const Input& input) {
  for (auto _ : state) {
    unsigned sum = 0;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input.bytes[i]); };
    for (std::size_t at = 0; at + 1 < input.bytes.size(); at += 2) sum += byte(at) << 8 | byte(at + 1);
    benchmark::DoNotOptimize(sum);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.bytes.size()));
}

void BareLoop(benchmark::State& state, const Input& input) {
  for (auto _ : state) {
    double sum = 0;
    const char* const end = input.bytes.data() + input.bytes.size();
    for (const char* at = input.bytes.data(); at < end;) {
      if (!absl::ascii_isdigit(*at)) {
        ++at;
        continue;
      }
      double value = 0;
      at = std::from_chars(at, end, value).ptr;
      sum += value;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.bytes.size()));
}

}  // namespace
}  // namespace dims

int main(int argc, char** argv) {
  for (const dims::Input& input : dims::Inputs()) {
    const std::string name = absl::StrCat("/", input.driver, "/", input.name);
    benchmark::RegisterBenchmark(absl::StrCat("Decode", name).c_str(),
                                 [&input](benchmark::State& state) { dims::Decode(state, input); });
    benchmark::RegisterBenchmark(absl::StrCat("BareLoop", name).c_str(), [&input](benchmark::State& state) {
      input.binary ? dims::BareLoopOverWords(state, input) : dims::BareLoop(state, input);
    });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
