// dims-registry: the receiving end of the bridges' records.
#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "registry/export.h"
#include "registry/grpc_log.h"
#include "registry/server.h"
#include "registry/verify.h"
#include "registry/watch.h"

namespace {

constexpr int kFailed = 1, kUsage = 2;

int Serve(const dims::RegistryServerOptions& options, const sigset_t& signals) {
  dims::LogGrpcMessages();
  absl::StatusOr<std::unique_ptr<dims::RegistryServer>> server = dims::RegistryServer::Start(options);
  if (!server.ok()) {
    spdlog::error("{}", std::string(server.status().message()));
    return kFailed;
  }
  std::cout << "dims-registry: listening on " << (*server)->address() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("{}: stopping", signal == SIGINT ? "interrupted" : "asked to end");
  (*server)->Stop();
  return 0;
}

int Export(const std::string& database, int64_t after, bool table) {
  const absl::Status status =
      dims::Export(database, after, table ? dims::ExportForm::kTable : dims::ExportForm::kJson, std::cout);
  if (status.ok()) return 0;
  spdlog::error("{}", std::string(status.message()));
  return kFailed;
}

int Verify(const std::string& database, const std::string& store) {
  const absl::StatusOr<dims::Verification> result = dims::Verify(database, store, std::cout);
  if (result.ok()) return result->findings == 0 ? 0 : kFailed;
  spdlog::error("{}", std::string(result.status().message()));
  return absl::IsDataLoss(result.status()) ? kFailed : kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("dims-registry"));

  CLI::App app{"The registry of the DIMS bridges: takes their records over mutual TLS, keeps each once.",
               "dims-registry"};
  app.require_subcommand(1);
  dims::RegistryServerOptions options;
  CLI::App* serve = app.add_subcommand("serve", "Listen and keep what the bridges send, until SIGTERM or SIGINT.");
  serve->add_option("--listen", options.listen, "Address and port, e.g. 0.0.0.0:7443; port 0 takes a free one")
      ->required();
  serve->add_option("--database", options.database, "SQLite database; made where there is none")->required();
  serve->add_option("--ca", options.ca, "PEM: the authority of the bridges' certificates")->required();
  serve
      ->add_option("--certificate", options.certificate,
                   "PEM: this registry's certificate, with the URI urn:dims:<laboratory>:registry:<name>")
      ->required();
  serve->add_option("--key", options.key, "PEM: its key, without passphrase")->required();
  uint64_t memory_mib = options.memory >> 20;
  serve
      ->add_option("--memory", memory_mib,
                   "MiB that all streams may hold between wire and disk; as much again goes to gRPC's buffers")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  serve->add_flag("--accept-simulated", options.accept_simulated,
                  "Also take results that are SIMULATED or of an EXERCISE. Not for a registry in production");
  serve->add_flag("--restored", options.restored,
                  "The database was restored from a backup: tell the bridges, so that they send again what they kept");

  std::string database;
  int64_t after = 0;
  bool table = false;
  CLI::App* dump = app.add_subcommand(
      "export", "Print every record as one line of JSON, in the order stored. Works while the registry runs.");
  dump->add_option("--database", database, "SQLite database of the registry")->required();
  dump->add_option("--after", after, "Leave out the records up to this position")->check(CLI::NonNegativeNumber);
  dump->add_flag("--table", table, "Print rows of a table for a person instead");
  CLI::App* watch = app.add_subcommand(
      "watch",
      "Show the latest findings, live. Works while the registry runs; appends lines where there is no terminal.");
  watch->add_option("--database", database, "SQLite database of the registry")->required();
  std::string store;
  CLI::App* verify = app.add_subcommand(
      "verify",
      "Check every record against its hash and its chain. Works while the registry runs. Exit code 0: sound, 1: "
      "damaged, 2: there was nothing to check.");
  verify->add_option("--database", database, "SQLite database of the registry")->required();
  verify->add_option("--store", store, "Only the store with this id");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }

  if (dump->parsed()) return Export(database, after, table);
  if (verify->parsed()) return Verify(database, store);
  if (watch->parsed()) {
    const absl::Status status = dims::Watch(database);
    if (!status.ok()) spdlog::error("{}", std::string(status.message()));
    return status.ok() ? 0 : kFailed;
  }
  // Before gRPC starts threads, which inherit it: the signals are for sigwait. `export` keeps the usual Ctrl-C.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  options.memory = memory_mib << 20;
  return Serve(options, signals);
}
