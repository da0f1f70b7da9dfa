// The registry's memory as the system sees it, while clients do their worst.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // they keep what was freed
#else
constexpr bool kSanitized = false;
#endif

// dims-registry as a process of its own.
class Process {
 public:
  Process(const RegistryServerOptions& options, int memory_mib) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) std::abort();
    const std::string memory = absl::StrCat(memory_mib);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(pipe_ends[1], STDOUT_FILENO);
      execl(DIMS_BINARY_DIR "/registry/dims-registry", "dims-registry", "serve", "--listen", "127.0.0.1:0",
            "--database", options.database.c_str(), "--ca", options.ca.c_str(), "--certificate",
            options.certificate.c_str(), "--key", options.key.c_str(), "--memory", memory.c_str(), nullptr);
      _exit(127);
    }
    close(pipe_ends[1]);
    std::string line;
    for (char c; read(pipe_ends[0], &c, 1) == 1 && c != '\n';) line += c;
    close(pipe_ends[0]);
    EXPECT_TRUE(absl::SimpleAtoi(line.substr(line.rfind(':') + 1), &port_)) << line;
  }
  ~Process() {
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "it must live to the end";
  }
  int port() const { return port_; }
  // MiB; `what`: VmRSS or VmHWM.
  int Memory(absl::string_view what) const {
    std::ifstream file(absl::StrCat("/proc/", pid_, "/status"));
    for (std::string line; std::getline(file, line);) {
      if (line.rfind(std::string(what), 0) != 0) continue;
      const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
      int kib = 0;
      if (absl::SimpleAtoi(words.at(1), &kib)) return kib / 1024;
    }
    return -1;
  }

 private:
  pid_t pid_;
  int port_ = 0;
};

class RegistryMemory : public Registry {
 protected:
  std::unique_ptr<Client> ConnectTo(const Process& process, int bridge) {
    const test::Certificate certificate = authority_.Bridge("lab-a", absl::StrCat("bench-", bridge));
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = authority_.certificate();
    tls.pem_cert_chain = certificate.certificate;
    tls.pem_private_key = certificate.key;
    return std::make_unique<Client>(process.port(), grpc::SslCredentials(tls));
  }
  static v1::Hello HelloOfBridge(int bridge) {
    v1::Hello hello = Client::HelloOf("store-1");
    hello.set_bridge(absl::StrCat("bench-", bridge));
    return hello;
  }
};

TEST_F(RegistryMemory, IsBoundedWhenManyBridgesLeaveLargeRecordsUnfinished) {
  constexpr int kBridges = 20, kParts = 14, kMemory = 24;
  const Process process(options_, kMemory);
  const int before = process.Memory("VmRSS");
  Chain chain("store-1");
  v1::Record record = chain.Add(std::string(1 << 20, 'x'));
  record.set_parts(16);
  std::vector<std::unique_ptr<Client>> clients;
  int refused = 0;
  for (int bridge = 0; bridge < kBridges; ++bridge) {
    clients.push_back(ConnectTo(process, bridge));
    clients.back()->Greet(HelloOfBridge(bridge));
  }
  for (int part = 0; part < kParts; ++part) {
    for (const std::unique_ptr<Client>& client : clients) {
      record.set_part(part);
      client->Send({record});
    }
  }
  const int peak = process.Memory("VmHWM");
  for (const std::unique_ptr<Client>& client : clients) {
    refused += absl::StrContains(client->Close(), "RESOURCE_EXHAUSTED");
  }
  RecordProperty("grown_mib", peak - before);
  EXPECT_GE(refused, kBridges - kMemory / kParts - 1) << "280 MiB cannot be had in " << kMemory;
  // The allowance, and for each stream what is on its way through gRPC.
  if (!kSanitized) {
    EXPECT_LT(peak - before, kMemory + kBridges * 4) << "before: " << before << " MiB";
  }
  const std::unique_ptr<Client> client = ConnectTo(process, 1);
  client->Greet(HelloOfBridge(1));
  Chain good("store-1");
  client->Send({good.Add("no report")});
  EXPECT_TRUE(client->ReadUntilSettled(1)) << "and then it serves as before: " << client->Finish();
}

TEST_F(RegistryMemory, IsBoundedWhenClientsSendForEverAndNeverRead) {
  constexpr int kBridges = 16, kMemory = 8;
  const Process process(options_, kMemory);
  const int before = process.Memory("VmRSS");
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> senders;
  std::atomic<uint64_t> sent = 0;
  for (int bridge = 0; bridge < kBridges; ++bridge) {
    clients.push_back(ConnectTo(process, bridge));
    clients.back()->Greet(HelloOfBridge(bridge));
    senders.emplace_back([&, client = clients.back().get()] {
      // The same refused record for ever: each time an answer that is not read. What is empty in the registry weighs.
      Chain chain("store-1");
      const std::vector<v1::Record> records(1'000, chain.Add("no report"));
      while (client->Send(records)) sent += records.size();
    });
  }
  // Until nothing moves: all are held up.
  absl::Notification never;
  for (uint64_t seen = 0, still = 0; still < 40;) {
    never.WaitForNotificationWithTimeout(absl::Milliseconds(25));
    still = sent == seen ? still + 1 : 0;
    seen = sent;
  }
  const int peak = process.Memory("VmHWM");
  for (const std::unique_ptr<Client>& client : clients) client->Cut();
  for (std::thread& sender : senders) sender.join();
  RecordProperty("grown_mib", peak - before);
  // Inboxes of 8 MiB each would be 128 MiB alone.
  if (!kSanitized) {
    EXPECT_LT(peak - before, kMemory + kBridges * 5) << "before: " << before << " MiB";
  }
  EXPECT_GT(sent, 10'000u);
}

}  // namespace
}  // namespace dims
