#include "firmware-bridge/quarantine_command.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "firmware-bridge/admin_client.h"
#include "firmware-bridge/admin_text.h"
#include "firmware-bridge/local_socket.h"
#include "firmware-bridge/quarantine.h"
#include "firmware-bridge/service.h"
#include "firmware-bridge/store.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

using Action = QuarantineArguments::Action;

// The way to the quarantine, and the store where that is open here.
struct Access {
  std::unique_ptr<Store> store;
  std::unique_ptr<Quarantine> quarantine;
};

absl::StatusOr<Access> Reach(const QuarantineArguments& arguments,
                             const std::function<absl::StatusOr<Config>(const std::string&)>& read) {
  Access access;
  std::string socket = arguments.socket;
  absl::StatusOr<Config> config = absl::NotFoundError("");
  if (socket.empty()) {
    config = read(arguments.config);
    if (!config.ok()) return config.status();
    socket = config->admin.socket;
  }
  if (!socket.empty()) {
    absl::StatusOr<std::unique_ptr<Quarantine>> running = QuarantineOverSocket::Connect(socket);
    if (running.ok()) {
      access.quarantine = *std::move(running);
      return access;
    }
    const bool nobody = absl::IsNotFound(running.status()) || absl::IsUnavailable(running.status());
    if (!config.ok() || !nobody) return running.status();
  }
  StoreOptions options = StoreOptionsOf(*config);
  options.read_only = arguments.action != Action::kRelease && arguments.action != Action::kDiscard;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  if (!store.ok()) return store.status();
  access.store = *std::move(store);
  for (const std::string& notice : access.store->notices()) SPDLOG_WARN("store: {}", notice);
  access.quarantine = std::make_unique<QuarantineInStore>(*access.store, NameOfUser(getuid()));
  return access;
}

// The one record of that number.
absl::StatusOr<dims::v1::RecordName> Find(Quarantine& quarantine, const QuarantineArguments& arguments) {
  std::set<std::string> stores;
  const absl::Status status = quarantine.List([&](const dims::v1::ListQuarantinedResponse& response) {
    const dims::v1::QuarantinedRecord& record = response.record();
    if (record.number() == arguments.number && absl::StartsWith(record.store_id(), arguments.store_id)) {
      stores.insert(record.store_id());
    }
    return true;
  });
  if (!status.ok()) return status;
  if (stores.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "record ", arguments.number,
        arguments.store_id.empty() ? "" : absl::StrCat(" of a store that begins with \"", arguments.store_id, "\""),
        " does not wait for a decision; \"dims-bridge quarantine list\" shows what does, \"... log\" what was "
        "decided"));
  }
  if (stores.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("record ", arguments.number, " is of more than one store (",
                                                   absl::StrJoin(stores, ", "), "); say which with --store"));
  }
  dims::v1::RecordName name;
  name.set_store_id(*stores.begin());
  name.set_number(arguments.number);
  return name;
}

std::string NameOf(const dims::v1::RecordName& name) {
  return absl::StrCat("record ", name.number(), " of store ", Printable(name.store_id()));
}

absl::Status PrintList(Quarantine& quarantine, bool json, std::ostream& out) {
  std::vector<dims::v1::QuarantinedRecord> records;
  const absl::Status status = quarantine.List([&](const dims::v1::ListQuarantinedResponse& response) {
    if (json) {
      out << JsonLine(response.record());
    } else {
      records.push_back(response.record());
    }
    return static_cast<bool>(out);
  });
  if (status.ok() && !json) out << QuarantineTable(records, absl::LocalTimeZone());
  return status;
}

absl::Status PrintOne(Quarantine& quarantine, const dims::v1::RecordName& name, bool json, std::ostream& out) {
  dims::v1::ShowQuarantinedRequest request;
  *request.mutable_record() = name;
  const absl::StatusOr<dims::v1::ShowQuarantinedResponse> shown = quarantine.Show(request);
  if (!shown.ok()) return shown.status();
  if (json) {
    out << JsonLine(*shown);
    return absl::OkStatus();
  }
  out << QuarantinedText(shown->record(), absl::LocalTimeZone()) << "\n"
      << (shown->has_report() ? JsonLine(shown->report()) : "its bytes are no report\n");
  return absl::OkStatus();
}

absl::Status Release(Quarantine& quarantine, const dims::v1::RecordName& name, const std::string& why,
                     std::ostream& out) {
  dims::v1::ReleaseQuarantinedRequest request;
  *request.mutable_record() = name;
  request.set_why(why);
  const absl::StatusOr<dims::v1::ReleaseQuarantinedResponse> released = quarantine.Release(request);
  if (!released.ok()) return released.status();
  out << NameOf(name) << " goes to the registry again, as " << NameOf(released->record()) << "\n";
  return absl::OkStatus();
}

absl::Status Discard(Quarantine& quarantine, const dims::v1::RecordName& name, const std::string& why,
                     std::ostream& out) {
  dims::v1::DiscardQuarantinedRequest request;
  *request.mutable_record() = name;
  request.set_why(why);
  const absl::Status status = quarantine.Discard(request).status();
  if (status.ok()) out << NameOf(name) << " is gone; \"dims-bridge quarantine log\" has what it was\n";
  return status;
}

absl::Status PrintLog(Quarantine& quarantine, bool json, std::ostream& out) {
  bool any = false;
  const absl::Status status = quarantine.ListAudit([&](const dims::v1::ListAuditResponse& entry) {
    any = true;
    out << (json ? JsonLine(entry) : AuditText(entry, absl::LocalTimeZone()));
    return static_cast<bool>(out);
  });
  if (status.ok() && !any && !json) out << "nothing was released or discarded yet\n";
  return status;
}

}  // namespace

CLI::App* AddQuarantineCommand(CLI::App& app, QuarantineArguments& arguments) {
  CLI::App* quarantine = app.add_subcommand(
      "quarantine", "What the registry refused: look at it, send it again, or discard it; running bridge or not");
  quarantine->require_subcommand(1);
  struct Verb {
    Action action;
    const char *name, *help;
  };
  for (const Verb& verb : {Verb{Action::kList, "list", "Show what waits for a decision"},
                           {Action::kShow, "show", "Show one: why it was refused, what can be done, its report"},
                           {Action::kRelease, "release", "Send one again, as it is, as a new record"},
                           {Action::kDiscard, "discard", "Forget one for good; the log keeps what it was"},
                           {Action::kLog, "log", "Show who released or discarded what, and why"}}) {
    CLI::App* command = quarantine->add_subcommand(verb.name, verb.help);
    command->callback([&arguments, action = verb.action] { arguments.action = action; });
    command->add_option("--config", arguments.config, "Configuration file that names socket and store")
        ->capture_default_str();
    command->add_option("--socket", arguments.socket, "The control socket itself, instead of a configuration");
    const bool decides = verb.action == Action::kRelease || verb.action == Action::kDiscard;
    if (!decides) command->add_flag("--json", arguments.json, "One JSON object a line");
    if (verb.action == Action::kList || verb.action == Action::kLog) continue;
    command->add_option("number", arguments.number, "The record's number")->required();
    command->add_option("--store", arguments.store_id,
                        "The beginning of its store's id, where several have the number");
    if (decides) command->add_option("--why", arguments.why, "For the log")->required();
  }
  return quarantine;
}

absl::Status RunQuarantineCommand(const QuarantineArguments& arguments,
                                  const std::function<absl::StatusOr<Config>(const std::string&)>& read,
                                  std::ostream& out) {
  const bool decides = arguments.action == Action::kRelease || arguments.action == Action::kDiscard;
  if (decides && absl::StripAsciiWhitespace(arguments.why).empty()) {
    return absl::InvalidArgumentError("--why is empty: say why, for the log");
  }
  const absl::StatusOr<Access> access = Reach(arguments, read);
  if (!access.ok()) return access.status();
  Quarantine& quarantine = *access->quarantine;
  if (arguments.action == Action::kList) return PrintList(quarantine, arguments.json, out);
  if (arguments.action == Action::kLog) return PrintLog(quarantine, arguments.json, out);
  const absl::StatusOr<dims::v1::RecordName> name = Find(quarantine, arguments);
  if (!name.ok()) return name.status();
  if (arguments.action == Action::kShow) return PrintOne(quarantine, *name, arguments.json, out);
  if (arguments.action == Action::kRelease) return Release(quarantine, *name, arguments.why, out);
  return Discard(quarantine, *name, arguments.why, out);
}

}  // namespace dims
