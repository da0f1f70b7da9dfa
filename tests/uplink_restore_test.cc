// The uplink against a registry that was set back: what is kept of every store id is there again, once.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "proto/hash.h"
#include "tests/uplink_fixture.h"

namespace dims {
namespace {

class Restored : public UplinkTest {
 protected:
  StoreName Name() { return {"lab-a", "bench-1", store_->Current().store_id}; }
  // The records of the current store id, as the registry would have received them.
  std::vector<ReceivedRecord> Received() {
    std::vector<ReceivedRecord> received;
    const auto records = store_->Read(store_->Current().id, 0, 1000, 1 << 20);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const StoredRecord& record : *records) {
      received.push_back({record.number, record.previous_hash, record.hash, record.schema, record.payload});
    }
    return received;
  }
  // The same number, other bytes.
  static ReceivedRecord Other(ReceivedRecord record, int sample) {
    record.payload = GoodReport(sample).SerializeAsString();
    record.hash = RecordHash(record.previous_hash, record.number, record.schema, record.payload);
    return record;
  }
  bool AllSettled() {
    return Eventually([&] { return store_->Unsettled().empty(); });
  }
  void Deliver() {
    StartUplink();
    ASSERT_TRUE(AllSettled());
  }
  void NextStoreId() {
    StopUplink();
    ASSERT_TRUE(store_->BeginGeneration(store_->Current().id, 0, "as after an unclean end").ok());
  }
  // A registry that knows nothing, not even that it was set back.
  void Forget() {
    server_.reset();
    const std::string name = std::filesystem::path(options_.database).filename();
    for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
      if (absl::StartsWith(file.path().filename().string(), name)) std::filesystem::remove(file.path());
    }
    Start();
  }
  bool HasEach(std::size_t count) {
    return Eventually([&] { return Samples().size() >= count; }, absl::Seconds(10)) && AllSettled();
  }
  std::vector<std::string> Sorted() {
    std::vector<std::string> samples = Samples();
    std::sort(samples.begin(), samples.end());
    return samples;
  }
  std::vector<std::string> SortedThrough(int last) {
    std::vector<std::string> samples = SamplesThrough(last);
    std::sort(samples.begin(), samples.end());
    return samples;
  }
  // The bridge starts anew, compares everything again, and finds nothing to send.
  void ExpectNothingMoreAfterARestart() {
    StopUplink();
    const std::size_t before = Archived().size();
    OpenStore();
    const std::string id = store_->Current().store_id;
    Keep(1);
    StartUplink();
    ASSERT_TRUE(AllSettled());
    Eventually([&] { return Archived().size() > before + 1; }, absl::Milliseconds(500));
    EXPECT_EQ(Archived().size(), before + 1);
    EXPECT_EQ(store_->Current().store_id, id);
  }
};

TEST_F(Restored, SettledRecordsOfEarlierStoreIdsComeAgain) {
  StartRegistry();
  Keep(10);
  Deliver();
  NextStoreId();
  Keep(5);
  Deliver();
  NextStoreId();
  Keep(3);
  Deliver();
  for (const bool while_it_runs : {false, true}) {
    if (!while_it_runs) StopUplink();
    Forget();
    if (!while_it_runs) StartUplink();
    ASSERT_TRUE(HasEach(18)) << Samples().size();
    EXPECT_EQ(Sorted(), SortedThrough(18));
  }
  ExpectNothingMoreAfterARestart();
}

TEST_F(Restored, WhatIsGoneOfAnEarlierStoreIdIsToldAsAGapOnce) {
  StartRegistry();
  Keep(150);
  Deliver();
  NextStoreId();
  later_ = absl::Hours(24 * 9);
  Keep(20);  // takes a hundred of the first with it
  Deliver();
  StopUplink();
  Forget();
  StartUplink();
  ASSERT_TRUE(HasEach(70)) << Samples().size();
  EXPECT_EQ(Samples().size(), 70u);
  EXPECT_EQ(Archived().size(), 71u) << "and the Gap";
  ExpectNothingMoreAfterARestart();
}

TEST_F(Restored, AConflictBelowWhatWasSettledHereLosesNothingAndDoublesNothing) {
  StartRegistry();
  Keep(10);
  Deliver();
  StopUplink();
  const StoreName name = Name();
  std::vector<ReceivedRecord> records = Received();
  Forget();  // and a copy of the bridge is there first
  records[5] = Other(records[5], 99);
  records.resize(6);
  ASSERT_TRUE(server_->archive().Append(name, records).status.ok());
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return store_->Current().store_id != name.store_id; }));
  ASSERT_TRUE(HasEach(11)) << absl::StrJoin(Samples(), " ");
  std::vector<std::string> expected = SamplesThrough(10);
  expected.push_back("S-99");
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Sorted(), expected);
  ExpectNothingMoreAfterARestart();
}

TEST_F(Restored, AForkBelowItsLastRecordIsFoundWhereItBegan) {
  StartRegistry();
  Keep(10);
  Deliver();
  StopUplink();
  const StoreName name = Name();
  std::vector<ReceivedRecord> records = Received();
  Forget();
  for (std::size_t i = 3; i < 6; ++i) {
    records[i].previous_hash = records[i - 1].hash;
    records[i] = Other(records[i], 90 + static_cast<int>(i));
  }
  records.resize(6);
  ASSERT_TRUE(server_->archive().Append(name, records).status.ok());
  StartUplink();
  ASSERT_TRUE(Eventually([&] { return store_->Current().store_id != name.store_id; }));
  ASSERT_TRUE(HasEach(13)) << absl::StrJoin(Samples(), " ");
  std::vector<std::string> expected = SamplesThrough(10);
  expected.insert(expected.end(), {"S-93", "S-94", "S-95"});
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Sorted(), expected);
  ExpectNothingMoreAfterARestart();
}

}  // namespace
}  // namespace dims
