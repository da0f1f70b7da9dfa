// The archive from the inside: what its files share.
//
// What: archive_file.cc opens the database and its neighbours, archive.cc stores.
// Threads: every method but the constructor's and destructor's wants `mutex_` held; Archive does that.
#ifndef DIMS_REGISTRY_ARCHIVE_IMPL_H_
#define DIMS_REGISTRY_ARCHIVE_IMPL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "registry/archive.h"
#include "registry/database.h"
#include "registry/high_water.h"

namespace dims {

class Archive::Impl {
 public:
  explicit Impl(ArchiveOptions options) : options_(std::move(options)) {}
  ~Impl();

  absl::Status Open();
  absl::StatusOr<StorePosition> Position(const StoreName& store);
  absl::StatusOr<std::string> Hash(const StoreName& store, uint64_t number);
  absl::StatusOr<std::vector<v1::Refusal>> LatestRefusals(const StoreName& store, uint64_t within, int most);
  StoreResult Store(const StoreName& store, absl::Span<const ReceivedRecord> records, bool ahead);
  absl::Status NewEpoch();
  absl::StatusOr<std::string> Meta(absl::string_view name);
  const std::vector<std::string>& notices() const { return notices_; }
  bool set_back() const { return set_back_; }

  std::mutex mutex_;

 private:
  // A record that the archive knows.
  struct Known {
    std::string hash;
    v1::RefusalReason refusal;
    std::string refusal_message;
  };
  struct StoreRow {
    int64_t id = 0;  // zero: not on disk yet
    StorePosition position;
    bool others_left = false;  // other stores of the bridge have records that were stored ahead and never settled
  };

  absl::Status Lock();
  absl::Status CreateOrCheck();
  absl::Status Prepare();
  // Compares the database with what it once had.
  absl::Status CompareWithHighWater();
  absl::Status SetMeta(absl::string_view name, absl::string_view value);

  absl::StatusOr<StoreRow> FindStore(const StoreName& name);
  absl::StatusOr<std::optional<Known>> Find(int64_t store, uint64_t number);
  absl::Status Insert(const StoreName& name, StoreRow& row, const ReceivedRecord& record);
  // Where the same report is under another store's number; zero: nowhere.
  absl::StatusOr<int64_t> FindSame(archive_db::Statement& find, const StoreName& name);
  absl::Status MarkAgain(const StoreName& name, const StoreRow& row, const ReceivedRecord& record, bool ahead);
  // One record into `result`, whose status it sets where the stream must end. An error of its own: roll back.
  absl::Status StoreOne(const StoreName& name, StoreRow& row, const ReceivedRecord& record, bool ahead,
                        StoreResult& result);
  absl::Status StoreAll(const StoreName& name, absl::Span<const ReceivedRecord> records, bool ahead,
                        StoreResult& result);

  const ArchiveOptions options_;
  int lock_ = -1;
  std::unique_ptr<archive_db::Database> database_;
  archive_db::Statement find_store_, insert_store_, settle_, find_, insert_, refusals_, same_left_, same_lately_,
      insert_again_;
  std::unique_ptr<HighWater> high_water_;
  std::string epoch_;
  std::vector<std::string> notices_;
  std::vector<StoreName> behind_;  // of these the database had more
  bool set_back_ = false;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_ARCHIVE_IMPL_H_
