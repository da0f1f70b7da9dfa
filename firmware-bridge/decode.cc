#include "firmware-bridge/decode.h"

#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "drivers/parser.h"

namespace dims {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

}  // namespace

absl::StatusOr<DecodeCount> Decode(const DecodeRequest& request, std::ostream& out) {
  absl::StatusOr<Options> options = Options::Parse(request.driver->options, request.options);
  if (!options.ok()) return options.status();
  const std::unique_ptr<std::FILE, CloseFile> file(request.path == "-" ? stdin
                                                                       : std::fopen(request.path.c_str(), "rb"));
  if (file == nullptr)
    return absl::NotFoundError(absl::StrCat("cannot read ", request.path, ": ", std::strerror(errno)));
  DecodeCount count;
  const auto sink = [&](ParserEvent event) {
    const Said* said = std::get_if<Said>(&event);
    if (said == nullptr) return;
    std::string json;
    // A Report holds nothing but valid UTF-8, so this cannot fail.
    if (google::protobuf::util::MessageToJsonString(said->report, &json).ok()) out << json << "\n";
    ++count.reports;
    count.with_problems += said->report.problems_size() > 0 ? 1 : 0;
  };
  Parser parser(*request.driver, *options);
  std::string piece(request.read, '\0');
  std::size_t got = 0;
  while ((got = std::fread(piece.data(), 1, piece.size(), file.get())) > 0) {
    parser.Feed(absl::string_view(piece).substr(0, got), sink);
  }
  if (std::ferror(file.get())) {
    return absl::DataLossError(absl::StrCat("reading ", request.path, ": ", std::strerror(errno)));
  }
  parser.Finish(Ending::kEndOfInput, sink);
  out.flush();
  if (!out) return absl::DataLossError("the output could not be written");
  return count;
}

}  // namespace dims
