#include "simulator/verify.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dims {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr double kGraceSeconds = 1;

const Value* Find(const Struct& object, const std::string& name) {
  const auto it = object.fields().find(name);
  return it == object.fields().end() ? nullptr : &it->second;
}

std::string Text(const Struct& object, const std::string& name) {
  const Value* value = Find(object, name);
  return value == nullptr ? "" : value->string_value();
}

double Number(const Struct& object, const std::string& name) {
  const Value* value = Find(object, name);
  return value == nullptr ? 0 : value->number_value();
}

const Struct& Object(const Struct& object, const std::string& name) {
  const Value* value = Find(object, name);
  return value == nullptr ? Struct::default_instance() : value->struct_value();
}

absl::Status ForEachObject(const std::string& path, const std::function<absl::Status(const Struct&)>& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read \"", path, "\""));
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    Struct object;
    const auto parsed = google::protobuf::util::JsonStringToMessage(line, &object);
    if (!parsed.ok() && file.eof()) break;  // no line end: cut while it was written
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": this is no JSON object: ", std::string(parsed.message())));
    }
    if (absl::Status status = visit(object); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", status.message()));
    }
  }
  if (file.bad()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read \"", path, "\""));
  return absl::OkStatus();
}

std::uint64_t Count(const Struct& object, const std::string& name) {
  return static_cast<std::uint64_t>(Number(object, name));
}

// A print-out, or (`is_message`) an analyser's message in all its attempts.
struct Send {
  std::string instrument, sample, sha256;
  bool is_message = false;
  std::uint64_t sequence = 0, size = 0, discarded = 0, attempts = 0;
  double begin = 0, end = 0;
  bool finished = false;  // sent whole; of a message: acknowledged

  std::string Name() const {
    return absl::StrCat(instrument, is_message ? " message " : " report ", sequence, " (sample \"", sample, "\")");
  }
};

using RecordId = std::tuple<std::string, std::string, std::uint64_t>;  // bridge, store, number

struct Stored {
  std::string bridge, store, instrument, sample, sha256, content_sha256, problems;
  std::uint64_t number = 0, size = 0;
  bool whole = true;
  bool says = false;  // it has findings
  std::optional<RecordId> repeat_of;
  std::set<RecordId> replaces;
};

// Whether it is a message, instrument, sample number, hash.
using Key = std::tuple<bool, std::string, std::string, std::string>;

class Ledgers {
 public:
  absl::Status Read(const std::string& path) {
    std::map<std::pair<std::string, std::uint64_t>, std::size_t> last;  // of this file: instrument, sequence
    return ForEachObject(path, [&](const Struct& line) { return Take(line, last); });
  }

  // Why the registry cannot have the whole report; empty if it can.
  std::string Excuse(const Send& send) const {
    if (send.is_message && !send.finished) {
      return absl::StrCat("it was never acknowledged (sent ", send.attempts, send.attempts == 1 ? " time" : " times",
                          "); the instrument still has it");
    }
    if (send.is_message) return "";
    if (!send.finished) return "the instrument stopped before the end of it";
    if (send.discarded > 0) return absl::StrCat("nobody took ", send.discarded, " of its ", send.size, " bytes");
    const auto it = closed_.find(send.instrument);
    if (it == closed_.end()) return "";
    for (const double t : it->second) {
      if (t < send.begin || t > send.end + kGraceSeconds) continue;
      return absl::StrFormat("the line was closed %.3f s after its first byte (it took %.3f s)", t - send.begin,
                             send.end - send.begin);
    }
    return "";
  }

  const std::vector<Send>& sends() const { return sends_; }

 private:
  absl::Status Take(const Struct& line, std::map<std::pair<std::string, std::uint64_t>, std::size_t>& last) {
    const std::string event = Text(line, "event"), instrument = Text(line, "instrument");
    if (event.empty() || instrument.empty())
      return absl::InvalidArgumentError("no log line of dims-sim: it has no event or no instrument");
    if (event == "closed") closed_[instrument].push_back(Number(line, "t"));
    if (event != "sending" && event != "sent" && event != "discarded" && event != "acknowledged") {
      return absl::OkStatus();
    }
    const std::uint64_t sequence = Count(line, "sequence"), attempt = Count(line, "attempt");
    auto it = last.find({instrument, sequence});
    const bool ends = event == "sent" || event == "acknowledged";
    const bool begins =
        (event == "sending" && attempt <= 1) || (ends && (it == last.end() || sends_[it->second].finished));
    if (begins) {
      const std::string content = Text(line, "content_sha256");
      it = last.insert_or_assign({instrument, sequence}, sends_.size()).first;
      sends_.push_back({.instrument = instrument,
                        .sample = Text(line, "sample"),
                        .sha256 = content.empty() ? Text(line, "sha256") : content,
                        .is_message = !content.empty(),
                        .sequence = sequence,
                        .size = Count(line, "size"),
                        .begin = Number(line, "t")});
      if (sends_.back().sha256.size() != 64) {
        return absl::InvalidArgumentError("this send has neither sha256 nor content_sha256");
      }
    }
    if (it == last.end()) return absl::InvalidArgumentError(absl::StrCat("report ", sequence, " was never sent"));
    Send& send = sends_[it->second];
    send.attempts = std::max(send.attempts, attempt);
    if (event == "discarded") send.discarded += Count(line, "size");
    if (event == "acknowledged") send.finished = true;
    if (event == "sent") {
      send.finished = true;
      send.discarded += Count(line, "discarded");
      send.begin = Number(line, "begin");
      send.end = Number(line, "end");
    }
    return absl::OkStatus();
  }

  std::vector<Send> sends_;
  std::map<std::string, std::vector<double>> closed_;
};

// 64-bit numbers are texts in protobuf's JSON, and may be either in the record around it.
std::uint64_t LongNumber(const Struct& object, const std::string& name) {
  const std::string text = Text(object, name);
  return text.empty() ? Count(object, name) : std::strtoull(text.c_str(), nullptr, 10);
}

absl::StatusOr<std::string> Hash(const Struct& report, const std::string& name) {
  std::string hash;
  if (absl::Base64Unescape(Text(report, name), &hash)) return absl::BytesToHexString(hash);
  return absl::InvalidArgumentError(absl::StrCat(name, " is no base64"));
}

RecordId RecordName(const Struct& name) {
  return {Text(name, "bridge"), Text(name, "storeId"), LongNumber(name, "number")};
}

absl::Status ReadExport(const std::string& path, std::vector<Stored>& records) {
  return ForEachObject(path, [&](const Struct& line) {
    const Struct& report = Object(line, "report");
    if (Find(line, "refused") != nullptr || report.fields().empty()) return absl::OkStatus();
    Stored record{.bridge = Text(line, "bridge"),
                  .store = Text(line, "store"),
                  .instrument = Text(Object(report, "source"), "instrument"),
                  .number = LongNumber(line, "number"),
                  .size = LongNumber(report, "rawSize")};
    const absl::StatusOr<std::string> raw = Hash(report, "rawSha256"), content = Hash(report, "contentSha256");
    if (!raw.ok()) return raw.status();
    if (!content.ok()) return content.status();
    record.sha256 = *raw;
    record.content_sha256 = *content;
    if (const Value* analyses = Find(report, "analyses");
        analyses != nullptr && analyses->list_value().values_size() > 0) {
      record.sample = Text(analyses->list_value().values(0).struct_value(), "sampleNumber");
      for (const Value& analysis : analyses->list_value().values()) {
        record.says = record.says || Find(analysis.struct_value(), "findings") != nullptr;
      }
    }
    if (const Value* problems = Find(report, "problems"); problems != nullptr) {
      for (const Value& problem : problems->list_value().values()) {
        const std::string type = Text(problem.struct_value(), "type");
        absl::StrAppend(&record.problems, record.problems.empty() ? "" : ", ", type);
        if (type == "PROBLEM_TYPE_TRUNCATED" || type == "PROBLEM_TYPE_INTERRUPTED") record.whole = false;
      }
    }
    if (Find(report, "repeatOf") != nullptr) record.repeat_of = RecordName(Object(report, "repeatOf"));
    if (const Value* parts = Find(report, "replacesParts"); parts != nullptr) {
      for (const Value& part : parts->list_value().values()) record.replaces.insert(RecordName(part.struct_value()));
    }
    records.push_back(std::move(record));
    return absl::OkStatus();
  });
}

// Whether the record says that it repeats another one of `same`, which say the same.
bool IsMarkedRepeat(const Stored& record, const std::vector<const Stored*>& same) {
  return record.repeat_of && std::any_of(same.begin(), same.end(), [&](const Stored* other) {
           return other != &record && *record.repeat_of == std::tuple(other->bridge, other->store, other->number);
         });
}

std::string Name(const Stored& record) {
  return absl::StrCat("record ", record.number, " of ", record.bridge, " (sample \"", record.sample, "\", ",
                      record.size, " bytes", record.problems.empty() ? "" : ", ", record.problems, ")");
}

// Records that say something, are no message that was sent, and that no other record repeats or replaces: whoever
// counts findings counts theirs twice. Of instruments that send messages.
void FindUnmarkedParts(const std::map<Key, std::vector<const Send*>>& sent, const std::vector<Stored>& records,
                       Verification& verdict) {
  std::set<std::string> instruments;
  std::set<std::pair<std::string, std::string>> kept;  // the instrument still has it: instrument, sample
  for (const auto& [key, sends] : sent) {
    if (!sends.front()->is_message) continue;
    instruments.insert(sends.front()->instrument);
    for (const Send* send : sends) {
      if (!send->finished) kept.insert({send->instrument, send->sample});
    }
  }
  std::set<RecordId> replaced;
  for (const Stored& record : records) replaced.insert(record.replaces.begin(), record.replaces.end());
  for (const Stored& record : records) {
    const bool marked = record.repeat_of || replaced.count({record.bridge, record.store, record.number}) > 0;
    const bool message = sent.count({true, record.instrument, record.sample, record.content_sha256}) > 0;
    if (!record.says || marked || (message && record.whole) || instruments.count(record.instrument) == 0 ||
        kept.count({record.instrument, record.sample}) > 0) {
      continue;
    }
    ++verdict.doubled;
    verdict.faults.push_back(absl::StrCat("doubled: ", Name(record), " of ", record.instrument,
                                          " holds a part of a message, and no record says that it replaces it"));
  }
}

// What the registry has instead of a lost report, for the person who looks for it.
std::string Nearest(const Send& send, const std::vector<Stored>& records) {
  for (const Stored& record : records) {
    if (record.instrument != send.instrument) continue;
    if (record.whole && (send.is_message ? record.content_sha256 : record.sha256) == send.sha256)
      return absl::StrCat("; its bytes are there under another sample number: ", Name(record));
    if (record.sample == send.sample && !send.sample.empty()) {
      return absl::StrCat("; there are other bytes of this sample: ", Name(record));
    }
  }
  return "";
}

}  // namespace

std::string Verification::Summary() const {
  return absl::StrCat("sent ", sent, ", stored ", stored, ", interrupted ", interrupted, ", repeated ", repeated,
                      ", lost ", lost, ", doubled ", doubled);
}

absl::StatusOr<Verification> Verify(const std::vector<std::string>& journals, const std::vector<std::string>& exports) {
  Ledgers ledgers;
  for (const std::string& path : journals) {
    if (absl::Status status = ledgers.Read(path); !status.ok()) return status;
  }
  std::vector<Stored> records;
  for (const std::string& path : exports) {
    if (absl::Status status = ReadExport(path, records); !status.ok()) return status;
  }
  std::map<Key, std::vector<const Stored*>> stored;
  for (const Stored& record : records) {
    stored[{false, record.instrument, record.sample, record.sha256}].push_back(&record);
    if (record.whole) stored[{true, record.instrument, record.sample, record.content_sha256}].push_back(&record);
  }
  std::map<Key, std::vector<const Send*>> sent;
  for (const Send& send : ledgers.sends())
    sent[{send.is_message, send.instrument, send.sample, send.sha256}].push_back(&send);

  Verification verdict;
  for (auto& [key, sends] : sent) {
    const std::vector<const Stored*>& found = stored[key];
    verdict.sent += sends.size();
    std::size_t missing = sends.size() - std::min(sends.size(), found.size());
    verdict.stored += sends.size() - missing;
    for (std::size_t i = sends.size(); i < found.size(); ++i) {
      if (IsMarkedRepeat(*found[i], found)) {
        ++verdict.repeated;
        continue;
      }
      ++verdict.doubled;
      verdict.faults.push_back(absl::StrCat("doubled: ", sends[0]->Name(), " was sent ", sends.size(),
                                            sends.size() == 1 ? " time" : " times", ", and is also ", Name(*found[i])));
    }
    // Of several sends of the same bytes, those that can be excused are the missing ones.
    for (const bool excused : {true, false}) {
      for (const Send* send : sends) {
        const std::string excuse = ledgers.Excuse(*send);
        if (missing == 0 || excuse.empty() == excused) continue;
        --missing;
        if (excused) {
          ++verdict.interrupted;
          verdict.interruptions.push_back(absl::StrCat("interrupted: ", send->Name(), ": ", excuse));
        } else {
          ++verdict.lost;
          verdict.faults.push_back(
              absl::StrFormat("lost: %s, %d bytes, sha256 %s: %s, and no record has it%s", send->Name(), send->size,
                              send->sha256, send->is_message ? "acknowledged" : "sent whole", Nearest(*send, records)));
        }
      }
    }
  }
  FindUnmarkedParts(sent, records, verdict);
  return verdict;
}

}  // namespace dims
