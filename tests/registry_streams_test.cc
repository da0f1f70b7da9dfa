// Streams that meet: two of one bridge, too many, and those that say anything at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "registry/verify.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

v1::Record PartOf(const v1::Record& record, uint32_t part, uint32_t parts) {
  v1::Record piece = record;
  const std::size_t size = record.payload().size() / parts + 1;
  piece.set_payload(record.payload().substr(part * size, size));
  piece.set_part(part);
  piece.set_parts(parts);
  return piece;
}

int Count(const std::string& log, absl::string_view text) {
  int lines = 0;
  for (absl::string_view line : absl::StrSplit(log, '\n')) lines += absl::StrContains(line, text);
  return lines;
}

class RegistryStreams : public Registry {
 protected:
  void ExpectSound() {
    std::ostringstream table;
    const absl::StatusOr<Verification> verified = Verify(options_.database, "", table);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(verified->findings, 0u) << table.str();
  }
};

TEST_F(RegistryStreams, TheNewerTakesOverFromOneInTheMiddleOfARecord) {
  Start();
  Chain chain("store-1");
  const v1::Record record = chain.Add();
  const std::unique_ptr<Client> older = Connect(), newer = Connect();
  older->Greet(Client::HelloOf("store-1"));
  older->Send({PartOf(record, 0, 3)});
  older->Send({PartOf(record, 1, 3)});
  newer->Greet(Client::HelloOf("store-1"));
  EXPECT_THAT(older->Finish(), AllOf(HasSubstr("ABORTED"), HasSubstr("a newer stream")));
  newer->Send({record});
  EXPECT_TRUE(newer->ReadUntilSettled(1)) << newer->Finish();
  EXPECT_THAT(Archived(), SizeIs(1));
}

TEST_F(RegistryStreams, TheNewerTakesOverFromOneThatSendsAndNeverReads) {
  Start();
  Chain chain("store-1");
  const std::vector<v1::Record> refused(256, chain.Add("no report"));
  const std::unique_ptr<Client> older = Connect();
  older->Greet(Client::HelloOf("store-1"));
  std::atomic<int> sent = 0;
  std::thread sender([&] {
    // Each is answered, and no answer is read: the registry can neither answer nor, soon, take more.
    while (older->Send(refused)) ++sent;
  });
  while (sent < 150) std::this_thread::yield();
  const std::unique_ptr<Client> newer = Connect();
  newer->Greet(Client::HelloOf("store-1"));
  newer->Send({chain.Add()});
  EXPECT_TRUE(newer->ReadUntilSettled(2)) << newer->Finish();
  sender.join();
  EXPECT_THAT(older->Finish(), AllOf(HasSubstr("ABORTED"), HasSubstr("a newer stream")));
  EXPECT_THAT(Archived(), SizeIs(2));
}

TEST_F(RegistryStreams, UrgentAndInOrderLeaveEachOtherAlone) {
  Start();
  Chain chain("store-1");
  const std::vector<v1::Record> records = chain.Add(40);
  const std::unique_ptr<Client> in_order = Connect();
  in_order->Greet(Client::HelloOf("store-1"));
  for (int i = 0; i < 5; ++i) {
    const std::unique_ptr<Client> urgent = Connect();
    urgent->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
    urgent->Send({records[30 + i]});
    EXPECT_TRUE(urgent->ReadUntilAhead(1)) << urgent->Finish();
    in_order->Send({records[i]});
    EXPECT_TRUE(in_order->ReadUntilSettled(i + 1)) << in_order->Finish();
  }
}

TEST_F(RegistryStreams, TwoCopiesOfABridgeThatTakeTurnsAreOneLineAMinuteAndOneHistory) {
  std::atomic<int64_t> seconds = 1'000'000;
  options_.now = [&] { return absl::FromUnixSeconds(seconds); };
  CapturedLog log;
  Start();
  Chain chain("store-1");
  std::vector<v1::Record> records = chain.Add(40);
  Chain copy("store-1");
  copy.Add(20);
  std::unique_ptr<Client> current;
  uint64_t settled = 0;
  for (int turn = 0; turn < 40; ++turn) {
    if (turn == 30) seconds += 61;
    std::unique_ptr<Client> next = Connect();
    ASSERT_EQ(next->Greet(Client::HelloOf("store-1")).settled_through(), settled);
    if (current != nullptr) {
      EXPECT_THAT(current->Finish(), HasSubstr("ABORTED: a newer stream"));
    }
    current = std::move(next);
    if (turn < 20) {
      current->Send({records[settled]});
      ASSERT_TRUE(current->ReadUntilSettled(++settled));
    } else if (turn == 20) {  // here their ways part: the first that speaks is right
      current->Send({records[20]});
      ASSERT_TRUE(current->ReadUntilSettled(++settled));
    } else if (turn == 21) {
      current->Send({copy.Add(GoodReport(99).SerializeAsString())});
      EXPECT_THAT(current->Finish(), HasSubstr("CONFLICT at record 21"));
      EXPECT_THAT(current->conflicts, SizeIs(1));
      current = nullptr;
    }
  }
  server_.reset();
  EXPECT_EQ(Count(log.text(), "took over"), 2) << log.text();
  EXPECT_EQ(Count(log.text(), "(and 27 times since this was said last)"), 1) << log.text();
  EXPECT_EQ(Count(log.text(), "in-order stream of store"), 2) << "only those that took nothing over: " << log.text();
  std::vector<ArchivedRecord> archived = Archived();
  ASSERT_THAT(archived, SizeIs(21));
  for (std::size_t i = 0; i < archived.size(); ++i) EXPECT_EQ(archived[i].payload, records[i].payload());
  ExpectSound();
}

TEST_F(RegistryStreams, RefusesStreamsBeyondItsNumbersAndServesTheOtherBridges) {
  options_.most_streams = 6;
  options_.most_streams_of_bridge = 4;
  CapturedLog log;
  Start();
  const auto connect = [&](int bridge) {
    return ConnectWith(authority_.certificate(), authority_.Bridge("lab-a", absl::StrCat("bench-", bridge)));
  };
  const auto greet = [&](Client& client, int bridge, absl::string_view store, v1::StreamPurpose purpose) {
    v1::Hello hello = Client::HelloOf(store, purpose);
    hello.set_bridge(absl::StrCat("bench-", bridge));
    client.Greet(hello);
  };
  std::vector<std::unique_ptr<Client>> held;
  for (int bridge = 1; bridge <= 3; ++bridge) {
    for (v1::StreamPurpose purpose : {v1::STREAM_PURPOSE_IN_ORDER, v1::STREAM_PURPOSE_URGENT}) {
      held.push_back(connect(bridge));
      greet(*held.back(), bridge, "store-1", purpose);
    }
  }
  EXPECT_THAT(connect(4)->Finish(), HasSubstr("RESOURCE_EXHAUSTED: too many streams: 6 of all bridges; come again"));
  EXPECT_EQ(held.back()->Close(), "OK: ");
  held.pop_back();
  const std::unique_ptr<Client> late = connect(4);
  greet(*late, 4, "store-1", v1::STREAM_PURPOSE_IN_ORDER);
  EXPECT_EQ(late->Close(), "OK: ");
  held.clear();
  server_.reset();
  EXPECT_GE(Count(log.text(), "too many streams"), 1);
}

TEST_F(RegistryStreams, HoldsNoMoreStreamsOfOneBridgeThanItSaysHoweverManyComeWithoutHello) {
  options_.most_streams_of_bridge = 3;
  options_.hello_timeout = absl::Seconds(2);
  CapturedLog log;
  Start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(Connect());
  int refused = 0, timed_out = 0;
  for (const std::unique_ptr<Client>& client : clients) {
    const std::string status = client->Finish();
    refused += absl::StrContains(status, "RESOURCE_EXHAUSTED: too many streams: this bridge has 3; it needs two");
    timed_out += absl::StrContains(status, "DEADLINE_EXCEEDED: no Hello came");
  }
  EXPECT_EQ(refused + timed_out, 30);
  EXPECT_GE(refused, 20);
  EXPECT_GE(timed_out, 3);
  server_.reset();
  EXPECT_EQ(Count(log.text(), "too many streams"), 1) << "one line for all";
}

TEST_F(RegistryStreams, ADatabaseRestoredInSilenceIsANewEpochAndItsBridgeSendsAgain) {
  CapturedLog log;
  Start();
  Chain chain("store-1");
  const std::vector<v1::Record> records = chain.Add(8);
  const auto send = [&](int from, int through) {
    const std::unique_ptr<Client> client = Connect();
    v1::Hello hello = Client::HelloOf("store-1");
    hello.set_highest_number(8);
    hello.set_highest_hash(Chain::HashOf(records[7]));
    const v1::Welcome welcome = client->Greet(hello);
    EXPECT_EQ(welcome.settled_through(), static_cast<uint64_t>(from));
    client->Send({records.begin() + from, records.begin() + through});
    EXPECT_TRUE(client->ReadUntilSettled(through)) << client->Finish();
    EXPECT_EQ(client->Close(), "OK: ");
    return welcome.epoch();
  };
  const std::string epoch = send(0, 5);
  server_.reset();
  const std::string backup = folder_ / "backup.db";
  std::filesystem::copy_file(options_.database, backup);
  Start();
  EXPECT_EQ(send(5, 8), epoch);
  server_.reset();
  EXPECT_EQ(Count(log.text(), "critical"), 0) << log.text();
  std::filesystem::copy_file(backup, options_.database, std::filesystem::copy_options::overwrite_existing);
  Start();
  EXPECT_NE(send(5, 8), epoch);
  server_.reset();
  EXPECT_EQ(Count(log.text(), "store store-1: records 6 to 8 were settled once and are not in the database"), 2)
      << "at the start, and when the bridge comes: " << log.text();
  EXPECT_EQ(Count(log.text(), "the bridge says that it has 8"), 1);
  ExpectSound();
}

TEST_F(RegistryStreams, LivesAndKeepsItsPromisesWhateverClientsSay) {
  options_.largest_record = 3'000;
  options_.hello_timeout = absl::Milliseconds(50);
  CapturedLog log;
  Start();
  std::mt19937 random(77);
  const auto below = [&](uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random); };
  const auto noise = [&](std::size_t most) {
    std::string bytes(below(most + 1), '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
  };
  Chain chain("store-1"), other("store-1");
  std::vector<v1::Record> records = chain.Add(60), others = other.Add(10);
  for (int i = 0; i < 10; ++i) others.push_back(other.Add(noise(5'000)));
  for (int round = 0; round < 250; ++round) {
    const std::unique_ptr<Client> client = Connect();
    v1::Hello hello =
        Client::HelloOf(below(10) == 0 ? std::string(below(70), '?') : absl::StrCat("store-", 1 + below(2)),
                        static_cast<v1::StreamPurpose>(below(4)));
    if (below(10) == 0) hello.set_contract(static_cast<uint32_t>(below(4)));
    if (below(10) == 0) hello.set_bridge("someone-else");
    hello.set_highest_number(below(4) == 0 ? random() : below(70));
    hello.set_highest_hash(below(2) == 0 ? noise(40) : std::string(32, 'h'));
    hello.mutable_sent_at()->set_seconds(static_cast<int64_t>(random()) << below(31));
    hello.mutable_sent_at()->set_nanos(static_cast<int32_t>(random()));
    if (below(20) > 0) client->Say(hello);
    for (uint64_t messages = below(8), at = below(60); messages > 0; --messages) {
      v1::ForwardRequest request;
      if (below(40) == 0) *request.mutable_hello() = hello;
      if (below(30) == 0) request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(99, noise(50));
      if (below(50) > 0) request.mutable_records();
      for (uint64_t count = below(12); count > 0; --count) {
        v1::Record record = below(6) == 0 ? others[below(others.size())] : records[std::min<uint64_t>(at++, 59)];
        switch (below(14)) {
          case 0:
            record.set_number(below(2) == 0 ? random() : (uint64_t{1} << 63) + below(3) - 1);
            break;
          case 1:
            record.set_previous_hash(noise(40));
            break;
          case 2:
            record.set_schema(static_cast<uint32_t>(below(3)));
            break;
          case 3:
            record.set_payload(noise(4'000));
            break;
          case 4:
            record.set_part(static_cast<uint32_t>(below(4)));
            record.set_parts(static_cast<uint32_t>(below(2) == 0 ? below(4) : random()));
            break;
          case 5: {
            const uint32_t parts = 2 + static_cast<uint32_t>(below(3));
            for (uint32_t part = 0; part + 1 < parts; ++part) {
              *request.mutable_records()->add_records() = PartOf(record, part, parts);
            }
            record = PartOf(record, parts - 1, parts);
            break;
          }
          default:
            break;
        }
        *request.mutable_records()->add_records() = record;
      }
      if (!client->Say(request)) break;
    }
    if (below(2) == 0) {
      client->Close();
    } else {
      client->Cut();
    }
  }
  // It takes a good store as if nothing had been.
  Chain good("store-good");
  const std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-good"));
  client->Send(good.Add(30));
  EXPECT_TRUE(client->ReadUntilSettled(30)) << client->Finish();
  server_.reset();
  EXPECT_GT(Archived().size(), 30u + 20u) << "the test must get somewhere";
  // Records that were sent ahead need not fit together; all that is settled does.
  std::ostringstream table;
  const absl::StatusOr<Verification> verified = Verify(options_.database, "", table);
  ASSERT_TRUE(verified.ok()) << verified.status();
  for (absl::string_view line : absl::StrSplit(table.str(), '\n')) {
    if (absl::StrContains(line, "DAMAGED:") && absl::StrContains(line, "record ")) {
      EXPECT_THAT(std::string(line), HasSubstr("does not continue the chain"));
    }
  }
}

}  // namespace
}  // namespace dims
