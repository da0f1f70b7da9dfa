// The uplink against a real registry, over mutual TLS: whatever is cut, every record arrives once, in order.
#include "firmware-bridge/uplink.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <random>

#include "absl/synchronization/notification.h"
#include "tests/uplink_fixture.h"

namespace dims {
namespace {

TEST_F(UplinkTest, CarriesTheQueueInOrderAndThenWhatComes) {
  Keep(700);
  StartRegistry();
  StartUplink();
  ASSERT_TRUE(Drained());
  Keep(3);
  ASSERT_TRUE(Drained());
  EXPECT_EQ(Samples(), SamplesThrough(703));
}

TEST_F(UplinkTest, EveryRecordArrivesOnceHoweverOftenEitherSideStops) {
  std::mt19937 random(7);
  absl::Notification never;
  StartRegistry();
  for (int round = 0; round < 12; ++round) {
    Keep(1 + random() % 200);
    StartUplink();
    never.WaitForNotificationWithTimeout(absl::Milliseconds(random() % 60));
    if (round % 3 == 0) server_.reset();
    Keep(1 + random() % 50);
    never.WaitForNotificationWithTimeout(absl::Milliseconds(random() % 30));
    StopUplink();
    if (round % 3 == 0) Start();
    if (round % 4 == 0) OpenStore();
  }
  StartUplink();
  ASSERT_TRUE(Drained());
  EXPECT_EQ(Samples(), SamplesThrough(kept_));
}

TEST_F(UplinkTest, SaysWhetherItIsConnectedAndWhyNot) {
  std::atomic<int> changes = 0;
  uplink_options_.changed = [&] { ++changes; };
  StartRegistry();
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return uplink_->State().connected; }));
  const UplinkState connected = uplink_->State();
  EXPECT_EQ(connected.registry, "central");
  EXPECT_EQ(connected.last_error, "");
  EXPECT_LE(connected.since, absl::Now());
  const int before = changes;
  Keep(1);
  ASSERT_TRUE(Drained());
  EXPECT_TRUE(Eventually([&] { return changes > before; })) << "what was settled is told";
  server_.reset();
  ASSERT_TRUE(Eventually([&] { return !uplink_->State().connected; }));
  EXPECT_NE(uplink_->State().last_error, "");
  EXPECT_EQ(uplink_->State().registry, "central") << "it is known who was there";
  EXPECT_GT(uplink_->State().since, connected.since);
  StartRegistry();
  ASSERT_TRUE(Eventually([&] { return uplink_->State().connected; }));
  EXPECT_EQ(uplink_->State().last_error, "");
  StopUplink();
}

// The bridge ended before it heard what the registry had settled; nothing new comes.
TEST_F(UplinkTest, TellsWhatTheRegistryHadSettledBefore) {
  StartRegistry();
  Keep(10);
  store_.reset();
  const std::filesystem::path image = folder_ / "image";
  std::filesystem::create_directory(image);
  for (const char* name : {"bridge.db", "bridge.db.head"}) std::filesystem::copy(folder_ / name, image / name);
  OpenStore();
  StartUplink();
  ASSERT_TRUE(Drained());
  StopUplink();
  store_.reset();
  for (const char* name : {"bridge.db", "bridge.db.head"}) {
    std::filesystem::copy(image / name, folder_ / name, std::filesystem::copy_options::overwrite_existing);
  }
  OpenStore();
  ASSERT_EQ(store_->Current().settled_through, 0u);
  std::atomic<uint64_t> told = 0;
  uplink_options_.changed = [&] { told = store_->Current().settled_through; };
  StartUplink();
  EXPECT_TRUE(Eventually([&] { return told == 10; }));
  StopUplink();
}

TEST_F(UplinkTest, ALargeRecordTravelsInParts) {
  StartRegistry();
  StartUplink();
  Keep(1, 5 << 20);
  Keep(2);
  ASSERT_TRUE(Drained());
  EXPECT_EQ(Samples(), SamplesThrough(3));
}

TEST_F(UplinkTest, ARefusedRecordDoesNotBlockTheQueue) {
  StartRegistry();
  Keep(1);
  origin_ = v1::ORIGIN_SIMULATED;
  Keep(1);
  origin_.reset();
  Keep(1);
  StartUplink();
  ASSERT_TRUE(Drained());
  EXPECT_EQ(Samples(), (std::vector<std::string>{"S-1", "S-3"}));
  EXPECT_TRUE(Eventually([&] { return store_->Summary().generations[0].refused == 1; }));
}

TEST_F(UplinkTest, ARegistryThatForgotGetsAgainWhatIsKept) {
  Keep(20);
  StartRegistry();
  StartUplink();
  ASSERT_TRUE(Drained());
  server_.reset();
  StopUplink();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(options_.database + suffix);
  Start();
  Keep(5);
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return Samples().size() == 25; }));
  EXPECT_EQ(Samples(), SamplesThrough(25));
}

TEST_F(UplinkTest, ARegistryThatForgotLongAgoIsToldWhatIsGoneAndGetsTheRest) {
  StartRegistry();
  StartUplink();
  Keep(150);
  ASSERT_TRUE(Drained());
  later_ = absl::Hours(24 * 9);
  Keep(20);  // takes the first hundred with it
  ASSERT_TRUE(Drained());
  StopUplink();
  server_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(options_.database + suffix);
  Start();
  StartUplink();
  const auto last_arrived = [&] { return !Samples().empty() && Samples().back() == "S-170"; };
  ASSERT_TRUE(Eventually(last_arrived));
  v1::Report first;
  ASSERT_TRUE(first.ParseFromString(Archived()[0].payload));
  ASSERT_TRUE(first.has_gap()) << first.DebugString();
  EXPECT_EQ(first.gap().from(), 1u);
  const uint64_t gone = first.gap().through();
  EXPECT_GE(gone, 50u);
  const std::vector<std::string> all = SamplesThrough(170);
  EXPECT_EQ(Samples(), std::vector<std::string>(all.begin() + gone, all.end()));
}

// The machine was restored from yesterday's image: its numbers would be used twice.
TEST_F(UplinkTest, AStoreThatWasSetBackUsesNoNumberForOtherBytes) {
  StartRegistry();
  Keep(10);
  StartUplink();
  ASSERT_TRUE(Drained());
  StopUplink();
  store_.reset();
  const std::filesystem::path image = folder_ / "image";
  std::filesystem::create_directory(image);
  for (const char* name : {"bridge.db", "bridge.db.head"}) std::filesystem::copy(folder_ / name, image / name);
  OpenStore();
  Keep(5);
  StartUplink();
  ASSERT_TRUE(Drained());
  StopUplink();
  store_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.path().filename().string().rfind("bridge.db", 0) == 0) std::filesystem::remove(entry.path());
  }
  for (const char* name : {"bridge.db", "bridge.db.head"}) std::filesystem::copy(image / name, folder_ / name);
  OpenStore();
  const std::string old_id = store_->Current().store_id;
  Keep(7);  // S-16 to S-22, under the numbers of S-11 to S-15 and two more
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return Samples().size() == 22; }));
  EXPECT_EQ(Samples(), SamplesThrough(22));
  EXPECT_NE(store_->Current().store_id, old_id);
}

TEST_F(UplinkTest, ARegistryThatDoesNotAnswerIsGivenUp) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 5), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  uplink_options_.address = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  uplink_options_.answer_deadline = absl::Milliseconds(300);
  ExpectLogged({"no answer within 300ms"});
  close(listener);
}

TEST_F(UplinkTest, AnotherAuthoritysRegistryIsNotTrusted) {
  StartRegistry();
  const test::CertificateAuthority other("another authority");
  UseCertificate(other, authority_.Bridge("lab-a", "bench-1"));
  ExpectLogged({"registry 127.0.0.1", "certificate verify failed"});
}

TEST_F(UplinkTest, ACertificateOfAnotherAuthorityIsRefusedWithAWordOnBothSides) {
  StartRegistry();
  const test::CertificateAuthority other("another authority");
  UseCertificate(authority_, other.Bridge("lab-a", "bench-1"));
  ExpectLogged({"did not accept the other's certificate", "refused a connection"});
}

TEST_F(UplinkTest, AnExpiredCertificateIsRefusedWithAWordOnBothSides) {
  StartRegistry();
  UseCertificate(authority_,
                 authority_.Bridge("lab-a", "bench-1", {absl::Now() - absl::Hours(48), absl::Now() - absl::Hours(24)}));
  ExpectLogged({"did not accept the other's certificate", "refused a connection"});
}

TEST_F(UplinkTest, AnotherLaboratorysNameIsRefusedWithAWordOnBothSides) {
  StartRegistry();
  UseCertificate(authority_, authority_.Bridge("lab-b", "bench-1"));
  ExpectLogged({"lab-b", "results are kept here and sent later"});
}

TEST_F(UplinkTest, ABridgesCertificateIsNoRegistrys) {
  const test::CertificateFiles files = test::WriteCertificates(folder_.path(), "registry-", authority_,
                                                               authority_.WithUri("urn:dims:lab-z:bridge:localhost"));
  options_.certificate = files.certificate;
  options_.key = files.key;
  absl::StatusOr<std::unique_ptr<RegistryServer>> server = RegistryServer::Start(options_);
  EXPECT_FALSE(server.ok()) << "a registry needs a registry's name";
}

}  // namespace
}  // namespace dims
