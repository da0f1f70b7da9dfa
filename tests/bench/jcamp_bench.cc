// How fast the driver jcamp_dx reads real files, beside a bare loop that does no more than find and convert the numbers
// in the same bytes; and whether twice the bytes take twice the time.
//
//   jcamp_bench FILE...           one line a file: name, MB/s of the driver, MB/s of the bare loop
//   jcamp_bench --linear FILE     the file again and again, 1 MB to 64 MB: MB/s each
//
// Seconds of this thread's processor time, the best of several: a busy machine disturbs less.
// tests/bench/jcamp_peer.mjs sets another decoder beside it.
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "drivers/catalog.h"
#include "drivers/parser.h"

namespace dims {
namespace {

constexpr std::size_t kSize = 4 << 20;  // of each input, about
constexpr std::size_t kRead = 4096;     // bytes of one read
constexpr int kTimes = 7;

double Now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string Repeated(const std::string& file, std::size_t size) {
  std::string bytes;
  bytes.reserve(size + file.size());
  do {
    bytes += file;
    if (bytes.back() != '\n') bytes += '\n';
  } while (bytes.size() < size);
  return bytes;
}

// MB/s, of the best time.
template <typename Work>
double SpeedOf(const std::string& bytes, Work work) {
  double best = 1e9;
  for (int i = 0; i < kTimes; ++i) {
    const double begin = Now();
    work();
    best = std::min(best, Now() - begin);
  }
  return static_cast<double>(bytes.size()) / best / 1e6;
}

double DriverSpeed(const std::string& bytes) {
  const Driver& driver = *FindDriver("jcamp_dx");
  const Options options = *Options::Parse(driver.options, {});
  uint64_t points = 0;
  const double speed = SpeedOf(bytes, [&] {
    const auto sink = [&](ParserEvent event) {
      const Said* said = std::get_if<Said>(&event);
      if (said == nullptr) return;
      for (const dims::v1::Analysis& analysis : said->report.analyses()) {
        for (const dims::v1::Spectrum& spectrum : analysis.spectra()) points += spectrum.points();
      }
    };
    Parser parser(driver, options);
    for (std::size_t at = 0; at < bytes.size(); at += kRead) {
      parser.Feed(absl::string_view(bytes).substr(at, kRead), sink);
    }
    parser.Finish(Ending::kEndOfInput, sink);
  });
  return points == 0 ? 0 : speed;
}

double BareSpeed(const std::string& bytes) {
  double sum = 0;
  const double speed = SpeedOf(bytes, [&] {
    const char* const end = bytes.data() + bytes.size();
    for (const char* at = bytes.data(); at < end;) {
      if (!absl::ascii_isdigit(*at)) {
        ++at;
        continue;
      }
      double value = 0;
      at = std::from_chars(at, end, value).ptr;
      sum += value;
    }
  });
  return sum == 0 ? 0 : speed;
}

std::string Bytes(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace
}  // namespace dims

int main(int argc, char** argv) {
  const bool linear = argc == 3 && std::string(argv[1]) == "--linear";
  if (argc < 2) {
    absl::FPrintF(stderr, "usage: jcamp_bench FILE... | --linear FILE\n");
    return 2;
  }
  if (linear) {
    const std::string file = dims::Bytes(argv[2]);
    for (std::size_t size = 1 << 20; size <= (64u << 20); size *= 4) {
      absl::PrintF("%3d MB  %6.0f MB/s\n", size >> 20, dims::DriverSpeed(dims::Repeated(file, size)));
    }
    return 0;
  }
  for (int i = 1; i < argc; ++i) {
    const std::string bytes = dims::Repeated(dims::Bytes(argv[i]), dims::kSize);
    absl::PrintF("%s\t%.0f\t%.0f\n", argv[i], dims::DriverSpeed(bytes), dims::BareSpeed(bytes));
  }
  return 0;
}
