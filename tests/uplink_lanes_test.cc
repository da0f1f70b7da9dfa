// The uplink against a registry that does as a test says: pauses, hangs, other names, conflicts, renewed certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>

#include "tests/uplink_fixture.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using Transport = grpc::ServerReaderWriter<v1::ForwardResponse, v1::ForwardRequest>;

// What it does on one stream, after Hello.
using Script = std::function<grpc::Status(const v1::Hello& hello, Transport& transport)>;

class ScriptedRegistry final : public v1::RegistryService::Service {
 public:
  ScriptedRegistry(const test::CertificateAuthority& authority, Script script) : script_(std::move(script)) {
    const test::Certificate own = authority.Registry("lab-z", "central");
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = authority.certificate();
    tls.pem_key_cert_pairs.push_back({own.key, own.certificate});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedRegistry() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  // Streams that began, by purpose.
  int streams(v1::StreamPurpose purpose) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return streams_[purpose];
  }
  // Numbers that came on streams of that purpose, in the order in which they came.
  std::vector<uint64_t> numbers(v1::StreamPurpose purpose) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return numbers_[purpose];
  }
  // Reads one message of records; the last number in it, or none where the bridge has ended the stream.
  std::optional<uint64_t> Read(const v1::Hello& hello, Transport& transport) {
    v1::ForwardRequest request;
    if (!transport.Read(&request)) return std::nullopt;
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const v1::Record& record : request.records().records()) numbers_[hello.purpose()].push_back(record.number());
    return request.records().records().rbegin()->number();
  }

 private:
  grpc::Status Forward(grpc::ServerContext*, Transport* transport) override {
    v1::ForwardRequest request;
    if (!transport->Read(&request)) return grpc::Status::OK;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++streams_[request.hello().purpose()];
    }
    return script_(request.hello(), *transport);
  }

  const Script script_;
  int port_ = 0;
  std::mutex mutex_;
  std::map<v1::StreamPurpose, int> streams_;
  std::map<v1::StreamPurpose, std::vector<uint64_t>> numbers_;
  std::unique_ptr<grpc::Server> server_;
};

constexpr v1::StreamPurpose kBulk = v1::STREAM_PURPOSE_IN_ORDER, kUrgent = v1::STREAM_PURPOSE_URGENT;

bool Welcome(Transport& transport, const std::string& registry = "central", const std::string& epoch = "one") {
  v1::ForwardResponse response;
  response.mutable_welcome()->set_registry(registry);
  response.mutable_welcome()->set_epoch(epoch);
  response.mutable_welcome()->set_contract(1);
  response.mutable_welcome()->set_window_records(4096);
  response.mutable_welcome()->set_window_bytes(8 << 20);
  return transport.Write(response);
}

class Lanes : public UplinkTest {
 protected:
  void SetUp() override {
    UplinkTest::SetUp();
    uplink_options_.clock = [this] {
      Moment moment = ReadClocks();
      const absl::Duration later = absl::Seconds(seconds_later_.load());
      return Moment{moment.wall + later, moment.uptime + later};
    };
  }
  void TearDown() override {
    UplinkTest::TearDown();
    scripted_.reset();
  }
  void Serve(Script script) {
    scripted_ = std::make_unique<ScriptedRegistry>(authority_, std::move(script));
    uplink_options_.address = scripted_->address();
  }
  // Stands after the variables of a test that its script uses: the script is over before they are.
  class ScriptEnds {
   public:
    explicit ScriptEnds(Lanes& lanes) : lanes_(lanes) {}
    ~ScriptEnds() { lanes_.TearDown(); }

   private:
    Lanes& lanes_;
  };
  // Takes what comes and answers it; on the bulk stream it stores nothing.
  grpc::Status AnswerUrgentOnly(const v1::Hello& hello, Transport& transport, const std::string& epoch = "one") {
    Welcome(transport, "central", epoch);
    while (const auto number = scripted_->Read(hello, transport)) {
      if (hello.purpose() != kUrgent) continue;
      v1::ForwardResponse response;
      for (uint64_t known : scripted_->numbers(kUrgent)) response.mutable_stored_ahead()->add_numbers(known);
      transport.Write(response);
    }
    return grpc::Status::OK;
  }
  // Time passes; nobody sleeps through it.
  void Pass(int seconds) {
    seconds_later_ += seconds;
    uplink_->Wake();
  }
  // The lane has heard so: its idle time runs.
  bool Answered() {
    return Eventually([&] { return uplink_->State().all_urgent_answered; });
  }
  bool UrgentIs(std::vector<uint64_t> numbers) {
    return Eventually([&] { return scripted_->numbers(kUrgent) == numbers; }, absl::Seconds(10));
  }

  std::atomic<int64_t> seconds_later_ = 0;
  std::unique_ptr<ScriptedRegistry> scripted_;
};

TEST_F(Lanes, AnUrgentRecordIsSentAheadAloneWhateverIsQueued) {
  Keep(3000);
  KeepUrgent();
  Keep(10);
  KeepUrgent();
  Serve([this](const v1::Hello& hello, Transport& transport) { return AnswerUrgentOnly(hello, transport); });
  StartUplink();
  EXPECT_TRUE(UrgentIs({3001, 3012}));
  EXPECT_TRUE(uplink_->State().urgent_connected);
  EXPECT_EQ(store_->OldestUnsettled().settled_through, 0u) << "ahead is not settled";
  KeepUrgent();
  EXPECT_TRUE(UrgentIs({3001, 3012, 3013}));
  EXPECT_EQ(scripted_->streams(kUrgent), 1) << "the connection stayed";
  ASSERT_TRUE(Answered());
  Pass(601);
  EXPECT_TRUE(Eventually([&] { return !uplink_->State().urgent_connected; })) << "but not for ever";
}

TEST_F(Lanes, NothingUrgentMeansNoConnectionForIt) {
  StartRegistry();
  Keep(50);
  StartUplink();
  ASSERT_TRUE(Drained());
  EXPECT_FALSE(uplink_->State().urgent_connected);
}

TEST_F(Lanes, WhatWasSentAheadAlsoArrivesInItsPlaceAndOnce) {
  Keep(700);
  KeepUrgent();
  Keep(20);
  KeepUrgent();
  StartRegistry();
  StartUplink();
  ASSERT_TRUE(Drained());
  KeepUrgent();
  ASSERT_TRUE(Drained());
  std::vector<std::string> samples = Samples();
  std::sort(samples.begin(), samples.end());
  std::vector<std::string> expected = SamplesThrough(723);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(samples, expected);
}

TEST_F(Lanes, WhatIsKnownToBeStoredAheadIsNotSentAgainUnlessTheRegistryWasRestored) {
  std::atomic<bool> restored = false;
  const ScriptEnds ends(*this);
  KeepUrgent();
  Serve([&](const v1::Hello& hello, Transport& transport) {
    return AnswerUrgentOnly(hello, transport, restored ? "two" : "one");
  });
  StartUplink();
  ASSERT_TRUE(UrgentIs({1}));
  ASSERT_TRUE(Answered());
  Pass(601);
  ASSERT_TRUE(Eventually([&] { return !uplink_->State().urgent_connected; }));
  KeepUrgent();
  ASSERT_TRUE(UrgentIs({1, 2})) << "on a second stream, 2 alone";
  restored = true;
  ASSERT_TRUE(Answered());
  Pass(601);
  ASSERT_TRUE(Eventually([&] { return !uplink_->State().urgent_connected; }));
  KeepUrgent();
  EXPECT_TRUE(Eventually([&] { return scripted_->numbers(kUrgent).size() == 5; }));
  EXPECT_THAT(scripted_->numbers(kUrgent), ElementsAre(1, 2, 1, 2, 3));
}

TEST_F(Lanes, APauseHoldsBackBulkAndNothingUrgentAndIsSeen) {
  Keep(5);
  KeepUrgent();
  Serve([this](const v1::Hello& hello, Transport& transport) {
    if (hello.purpose() == kBulk && scripted_->streams(kBulk) == 1) {
      v1::ForwardResponse response;
      response.mutable_pause()->mutable_duration()->set_seconds(3600);
      transport.Write(response);
      Welcome(transport);
      scripted_->Read(hello, transport);
      return grpc::Status::OK;
    }
    return AnswerUrgentOnly(hello, transport);
  });
  StartUplink();
  ASSERT_TRUE(UrgentIs({6}));
  ASSERT_TRUE(Eventually([&] { return uplink_->State().connected; }));
  EXPECT_TRUE(Eventually([&] { return uplink_->State().paused_until > absl::Now() + absl::Minutes(59); }));
  EXPECT_THAT(scripted_->numbers(kBulk), ElementsAre());
  Pass(3601);
  EXPECT_TRUE(Eventually([&] { return !scripted_->numbers(kBulk).empty(); })) << "and then it goes on";
}

TEST_F(Lanes, ADrainLimitHoldsBackBulkAndNothingUrgent) {
  uplink_options_.drain_limit = 1;
  Keep(5);
  KeepUrgent();
  KeepUrgent();
  Serve([this](const v1::Hello& hello, Transport& transport) { return AnswerUrgentOnly(hello, transport); });
  StartUplink();
  EXPECT_TRUE(UrgentIs({6, 7}));
  EXPECT_TRUE(Eventually([&] { return !scripted_->numbers(kBulk).empty(); }));
  EXPECT_THAT(scripted_->numbers(kBulk), ElementsAre(1));
  EXPECT_EQ(uplink_->State().records_under_way, 1u);
}

TEST_F(Lanes, AConflictOnBothLanesMakesOneNewStoreId) {
  Keep(3);
  KeepUrgent();
  const std::string first = store_->Current().store_id;
  const ScriptEnds ends(*this);
  Serve([&](const v1::Hello& hello, Transport& transport) {
    Welcome(transport);
    while (const auto number = scripted_->Read(hello, transport)) {
      v1::ForwardResponse response;
      if (hello.store_id() == first) {
        // Both have sent before either is answered.
        Eventually([&] { return !scripted_->numbers(kBulk).empty() && !scripted_->numbers(kUrgent).empty(); });
        response.mutable_conflict()->set_number(1);
        transport.Write(response);
        return grpc::Status(grpc::StatusCode::ABORTED, "CONFLICT");
      }
      if (hello.purpose() == kBulk) {
        response.mutable_settled()->set_through(*number);
      } else {
        response.mutable_stored_ahead()->add_numbers(*number);
      }
      transport.Write(response);
    }
    return grpc::Status::OK;
  });
  StartUplink();
  ASSERT_TRUE(UrgentIs({4}));
  Pass(3);  // bulk has given way long enough
  ASSERT_TRUE(Eventually([&] { return store_->Current().store_id != first && store_->Unsettled().empty(); }));
  StopUplink();
  EXPECT_EQ(store_->Summary().generations.size(), 2u);
  EXPECT_EQ(store_->Current().highest_number, 4u) << "all have moved";
}

TEST_F(Lanes, ARefusalOnTheUrgentLaneCountsAndBlocksNothing) {
  StartRegistry();
  origin_ = v1::ORIGIN_SIMULATED;
  KeepUrgent();
  origin_.reset();
  KeepUrgent();
  Keep(1);
  StartUplink();
  ASSERT_TRUE(Drained());
  EXPECT_TRUE(Eventually([&] { return store_->Summary().generations[0].refused == 1; }));
  EXPECT_TRUE(Eventually([&] { return Samples() == std::vector<std::string>{"S-2", "S-3"}; }));
}

TEST_F(Lanes, ARefusalThatIsRepeatedIsNoNews) {
  const auto before = spdlog::default_logger();
  const auto lines = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1000);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("both sides", lines));
  StartRegistry();
  origin_ = v1::ORIGIN_SIMULATED;
  Keep(1);
  origin_.reset();
  for (int stream = 1; stream <= 3; ++stream) {
    StartUplink();
    Keep(1);
    ASSERT_TRUE(Drained());  // after the refusals of this stream
    StopUplink();
  }
  server_.reset();
  spdlog::set_default_logger(before);
  const std::vector<std::string> logged = lines->last_formatted();
  EXPECT_EQ(std::count_if(logged.begin(), logged.end(),
                          [](const std::string& line) { return absl::StrContains(line, "refused record 1 for good"); }),
            1)
      << absl::StrJoin(logged, "");
}

TEST_F(Lanes, TheNextAddressIsTakenWhereOneFails) {
  StartRegistry();
  uplink_options_.more_addresses = {uplink_options_.address};
  uplink_options_.address = "127.0.0.1:1";
  Keep(10);
  StartUplink();
  ASSERT_TRUE(Drained());
  EXPECT_EQ(uplink_->State().address, uplink_options_.more_addresses[0]);
}

TEST_F(Lanes, AnotherRegistryGetsNothing) {
  std::atomic<bool> central_is_there = true;
  const ScriptEnds ends(*this);
  Keep(1);
  Serve([&](const v1::Hello& hello, Transport& transport) {
    if (!central_is_there) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
    Welcome(transport);
    scripted_->Read(hello, transport);
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  });
  std::atomic<int> strangers = 0;
  ScriptedRegistry stranger(authority_, [&](const v1::Hello&, Transport& transport) {
    ++strangers;
    Welcome(transport, "elsewhere");
    v1::ForwardRequest request;
    EXPECT_FALSE(transport.Read(&request)) << request.ShortDebugString();
    return grpc::Status::OK;
  });
  uplink_options_.more_addresses = {stranger.address()};
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return scripted_->streams(kBulk) == 1; }));
  ASSERT_TRUE(Eventually([&] { return strangers > 0; })) << "tried, as the first one failed";
  EXPECT_TRUE(
      Eventually([&] { return absl::StrContains(uplink_->State().last_error, "ANOTHER REGISTRY: \"elsewhere\""); }));
  ASSERT_TRUE(Eventually([&] { return scripted_->streams(kBulk) >= 2; })) << "and the first again";
  StopUplink();
}

TEST_F(Lanes, ARenewedCertificateIsInUseAfterAMinuteAndHalfOfOneIsNot) {
  std::atomic<int> orderly = 0;
  const ScriptEnds ends(*this);
  Serve([&](const v1::Hello& hello, Transport& transport) {
    Welcome(transport);
    while (const auto number = scripted_->Read(hello, transport)) {
      v1::ForwardResponse response;
      response.mutable_settled()->set_through(*number);
      transport.Write(response);
    }
    ++orderly;
    return grpc::Status::OK;
  });
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return uplink_->State().connected; }));
  const auto before = spdlog::default_logger();
  const auto lines = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1000);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("uplink", lines));
  const auto logged = [&](absl::string_view words) {
    return Eventually([&] { return absl::StrContains(absl::StrJoin(lines->last_formatted(), ""), words); },
                      absl::Seconds(10));
  };
  const test::Certificate renewed = authority_.Bridge("lab-a", "bench-1");
  std::ofstream(uplink_options_.key) << renewed.key;
  Pass(61);
  EXPECT_TRUE(logged("cannot be used: key")) << absl::StrJoin(lines->last_formatted(), "");
  Keep(1);
  ASSERT_TRUE(Drained());
  EXPECT_EQ(scripted_->streams(kBulk), 1);
  std::ofstream(uplink_options_.certificate) << renewed.certificate;
  Pass(30);
  Pass(31);
  EXPECT_TRUE(logged("have changed and are in use"));
  EXPECT_TRUE(Eventually([&] { return scripted_->streams(kBulk) == 2 && uplink_->State().connected; }));
  EXPECT_EQ(orderly, 1) << "the old stream ended, it was not cut";
  Keep(1);
  ASSERT_TRUE(Drained());
  StopUplink();
  spdlog::set_default_logger(before);
}

TEST_F(Lanes, TwoBridgesWithOneCertificateDoNotFight) {
  Serve([](const v1::Hello&, Transport& transport) {
    Welcome(transport);
    return grpc::Status(grpc::StatusCode::ABORTED, "a newer stream of the same bridge took over");
  });
  const auto before = spdlog::default_logger();
  const auto lines = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1000);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("uplink", lines));
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return scripted_->streams(kBulk) == 2; })) << "once is no sign";
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(absl::StrJoin(lines->last_formatted(), ""), "TWO BRIDGES USE ONE CERTIFICATE");
  }));
  Pass(28);
  EXPECT_FALSE(Eventually([&] { return scripted_->streams(kBulk) > 2; }, absl::Milliseconds(300)));
  Pass(18);
  EXPECT_TRUE(Eventually([&] { return scripted_->streams(kBulk) == 3; }));
  StopUplink();
  spdlog::set_default_logger(before);
}

TEST_F(Lanes, ARegistryThatTakesRecordsAndSettlesNoneIsGivenUp) {
  uplink_options_.answer_deadline = absl::Milliseconds(200);
  Keep(1);
  Serve([this](const v1::Hello& hello, Transport& transport) { return AnswerUrgentOnly(hello, transport); });
  StartUplink();
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(uplink_->State().last_error, "did not answer for"); }));
  EXPECT_TRUE(Eventually([&] { return scripted_->streams(kBulk) == 2; }));
}

TEST_F(Lanes, WhatIsUnderWayAtTheEndIsStillSettled) {
  Keep(20);
  Serve([this](const v1::Hello& hello, Transport& transport) {
    Welcome(transport);
    uint64_t through = 0;
    while (const auto number = scripted_->Read(hello, transport)) through = *number;
    v1::ForwardResponse response;
    response.mutable_settled()->set_through(through);
    transport.Write(response);
    return grpc::Status::OK;
  });
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return scripted_->numbers(kBulk).size() == 20; }));
  EXPECT_EQ(store_->OldestUnsettled().settled_through, 0u);
  StopUplink();
  EXPECT_EQ(store_->OldestUnsettled().settled_through, 20u);
}

TEST_F(Lanes, AnEpochThatTheBulkLaneHearsReachesTheUrgentOne) {
  std::atomic<bool> restored = false;
  const ScriptEnds ends(*this);
  KeepUrgent();
  Serve([&](const v1::Hello& hello, Transport& transport) {
    Welcome(transport, "central", restored ? "two" : "one");
    while (const auto number = scripted_->Read(hello, transport)) {
      if (hello.purpose() == kBulk) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarts");
      v1::ForwardResponse response;
      response.mutable_stored_ahead()->add_numbers(*number);
      transport.Write(response);
    }
    return grpc::Status::OK;
  });
  StartUplink();
  ASSERT_TRUE(UrgentIs({1}));
  ASSERT_TRUE(Answered());
  Pass(601);
  ASSERT_TRUE(Eventually([&] { return !uplink_->State().urgent_connected; }));
  restored = true;
  Pass(60);
  ASSERT_TRUE(Eventually([&] { return store_->RegistryEpoch() == "two"; }));
  EXPECT_TRUE(UrgentIs({1, 1}));
}

TEST_F(Lanes, ARegistryThatGreetsAndThenHasNoRoomIsNotBesieged) {
  uplink_options_.first_wait = absl::Milliseconds(100);
  Keep(3);
  KeepUrgent();
  Serve([&](const v1::Hello& hello, Transport& transport) {
    Welcome(transport);
    scripted_->Read(hello, transport);
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the disk is full");
  });
  StartUplink();
  Eventually([&] { return scripted_->streams(kBulk) + scripted_->streams(kUrgent) > 16; }, absl::Seconds(3));
  EXPECT_LE(scripted_->streams(kBulk), 8);
  EXPECT_LE(scripted_->streams(kUrgent), 8);
}

TEST_F(Lanes, AfterHalfAMinuteWithNothingToSendTheNextFailureIsTheFirst) {
  uplink_options_.first_wait = absl::Seconds(5);
  uplink_options_.longest_wait = absl::Hours(1);
  std::atomic<bool> over = false;
  const ScriptEnds ends(*this);
  Serve([&](const v1::Hello&, Transport& transport) {
    if (scripted_->streams(kBulk) < 4) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
    Welcome(transport);
    Eventually([&] { return over.exchange(false); });
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarts");
  });
  StartUplink();
  for (int streams = 1; streams < 4; ++streams) {
    ASSERT_TRUE(
        Eventually([&] { return scripted_->streams(kBulk) == streams && !uplink_->State().last_error.empty(); }));
    ASSERT_TRUE(Eventually([&] {
      Pass(5);
      return scripted_->streams(kBulk) > streams;
    }));
  }
  ASSERT_TRUE(Eventually([&] { return uplink_->State().connected; }));
  Pass(31);
  over = true;
  ASSERT_TRUE(Eventually([&] { return !uplink_->State().connected; }));
  Pass(5);
  EXPECT_TRUE(Eventually([&] { return scripted_->streams(kBulk) == 5; }, absl::Seconds(3)));
  over = true;
}

TEST_F(Lanes, AFreshRecordLeavesAtOnceAndAlone) {
  Serve([this](const v1::Hello& hello, Transport& transport) {
    Welcome(transport);
    while (const auto number = scripted_->Read(hello, transport)) {
      v1::ForwardResponse response;
      response.mutable_settled()->set_through(*number);
      transport.Write(response);
    }
    return grpc::Status::OK;
  });
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return uplink_->State().connected; }));
  for (int i = 1; i <= 5; ++i) {
    Keep(1);
    ASSERT_TRUE(Drained());
    EXPECT_EQ(scripted_->numbers(kBulk).size(), static_cast<std::size_t>(i));
  }
}

}  // namespace
}  // namespace dims
