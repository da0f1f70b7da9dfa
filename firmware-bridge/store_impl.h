// What is behind Store: the connection, its statements, and the heads of chains and lines in memory.
//
// store_recovery.cc opens, store_load.cc reads where lines and chains stand, store_damage.cc finds and reports what is
// damaged, store_generations.cc makes chains, store_commit.cc takes batches, store_limits.cc sees to it that there is
// room, store_quarantine.cc keeps what was refused, store.cc reads and keeps the books. What is in memory changes only
// after the transaction that wrote it was committed.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_IMPL_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_IMPL_H_

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "firmware-bridge/ballast.h"
#include "firmware-bridge/head_file.h"
#include "firmware-bridge/sqlite.h"
#include "firmware-bridge/store.h"

namespace dims {

inline constexpr uint32_t kReportSchema = 1;  // registry.proto, Record.schema
inline constexpr int kMostPrunings = 16;      // of one call, so that nobody waits for long

class Store::Impl {
 public:
  explicit Impl(StoreOptions options, std::vector<std::string> notices = {})
      : options_(std::move(options)), notices_(std::move(notices)) {}
  ~Impl();
  absl::Status Open();

  absl::Status Commit(const Batch& batch);
  absl::Status Admits(const SessionBatch& session);
  void Tidy(bool idle);
  std::vector<std::string> TakeNews();
  // A write that has no other way out of a full disk than the ballast's room.
  template <typename Write>
  auto WithBallast(Write write) {
    auto result = write();
    if (absl::IsResourceExhausted(StatusOf(result)) && GiveBallastLocked()) result = write();
    return result;
  }
  std::vector<IntakeEntry> OpenIntake(absl::string_view instrument);
  std::vector<UnheardRecord> AllUnheard(absl::string_view instrument);
  absl::StatusOr<std::string> ReadIntake(absl::string_view instrument, uint64_t begin, uint64_t end);
  IntakePosition Position(absl::string_view instrument);
  Generation OldestUnsettled();
  Generation Current();
  std::vector<Generation> Unsettled();
  std::vector<Generation> Kept();
  absl::StatusOr<std::vector<StoredRecord>> Read(int64_t generation, uint64_t after, std::size_t most_records,
                                                 std::size_t most_bytes);
  absl::StatusOr<std::vector<StoredRecord>> ReadUrgent(int64_t generation, uint64_t after, std::size_t most_records);
  absl::Status Settle(int64_t generation, uint64_t through);
  absl::Status MarkRefused(int64_t generation, uint64_t number, dims::v1::RefusalReason reason,
                           absl::string_view message, bool* news);
  absl::StatusOr<std::vector<QuarantinedRecord>> Quarantined(int64_t after, std::size_t most_records,
                                                             std::size_t most_bytes);
  absl::StatusOr<QuarantinedRecord> Quarantined(absl::string_view store_id, uint64_t number);
  absl::StatusOr<Generation> Release(absl::string_view store_id, uint64_t number, absl::string_view who,
                                     absl::string_view why);
  absl::Status Discard(absl::string_view store_id, uint64_t number, absl::string_view who, absl::string_view why);
  absl::StatusOr<std::vector<AuditEntry>> Audit(int64_t after, std::size_t most);
  absl::StatusOr<Generation> BeginGeneration(int64_t from, uint64_t first, absl::string_view why, Store::Carry carry);
  std::string RegistryEpoch();
  absl::Status SetRegistryEpoch(absl::string_view epoch);
  StoreSummary Summary();
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  struct Line {
    int64_t id = 0;
    IntakePosition position;
    int64_t open_from = 0;  // first intake row that a crash would replay
    bool unheard = false;   // there are rows of it in that table
    absl::Time nothing_to_prune_until = absl::InfinitePast();
  };
  struct Chain {
    Generation generation;
    uint64_t lowest = 1;  // lowest number kept; highest + 1 where none is
    // Closed ones: the last record that it is known to have had, also where that is lost or has moved.
    std::optional<store_db::Head> last;
    bool sealed = false;  // its row has a sum, which is right
    // Where settled_through was `verdicts_of`: the first of the last settled ones, whose refusals may still be told.
    uint64_t verdicts_from = 0, verdicts_of = 0;
  };
  using Lines = std::map<std::string, Line, std::less<>>;
  // What of a store is missing, as the head file tells.
  struct Loss {
    std::string store_id;
    uint64_t from = 0, through = 0;
    std::string reason;
  };
  // A warning that is said when it begins to be true.
  struct Warning {
    bool on = false;
    std::string text;
  };
  struct Pruned {
    std::map<int64_t, uint64_t> lowest;   // by generation
    std::map<int64_t, absl::Time> quiet;  // by line: Line::nothing_to_prune_until
    int rows = 0;
  };
  // The registry tells refusals in order: of settled records below this one none is still to come.
  struct Heard {
    int64_t generation;
    uint64_t below;
  };
  // While it lives, the last pages of the budget may be used: a full store must still settle, and close a generation.
  class WholeBudget {
   public:
    explicit WholeBudget(Impl& impl) : impl_(impl) { impl_.LimitPages(impl_.all_pages_); }
    ~WholeBudget() { impl_.LimitPages(impl_.commit_pages_); }

   private:
    Impl& impl_;
  };

  // store_recovery.cc
  absl::Status OpenDatabase();
  absl::Status TakeOverLog();
  absl::Status BringUpToDate(int version);
  absl::Status Configure();
  absl::Status KnowBudget();
  absl::Status Prepare();
  absl::Status Recover(absl::string_view why, const std::optional<Loss>& loss);
  // What the head file has and the database has not; `why` a new generation must begin (empty: it need not).
  absl::StatusOr<std::optional<Loss>> CompareWithHead(std::string& why);
  void LimitPages(uint64_t pages);

  // store_load.cc
  absl::Status LoadLines();
  absl::Status LoadChains();
  absl::Status CheckSettled();

  // store_damage.cc
  absl::Status Examine();
  absl::Status SetLogAside();
  absl::Status SetHeadFileAside();
  absl::Status BeginAfterSalvage(Generation& next, const std::optional<Loss>& loss);
  absl::Status CloseDamagedIntake();
  void LoadFailures();
  // After two failures of the disk within ten minutes nothing is accepted until ten have passed since the last.
  absl::Status CheckDisk();

  // store_generations.cc
  // Within a transaction: closes the current generation, knowing `last` of it, and begins one.
  absl::StatusOr<Chain> AddGeneration(absl::string_view why, const std::optional<store_db::Head>& last);
  // Within a transaction: a record at the end of a chain.
  absl::Status Append(Generation& generation, absl::string_view payload, bool urgent = false);
  absl::Status AppendGap(Generation& generation, const Loss& loss);
  absl::Status MoveRecords(const Generation& from, uint64_t first, Store::Carry carry, Generation& to);
  void WriteHead();
  void NoteCommits();

  // store_commit.cc
  absl::Status TryCommit(const Batch& batch);
  absl::Status CommitSession(const SessionBatch& session, Line& line, int64_t& next_intake);
  absl::Status PutLine(absl::string_view instrument, const Line& line);
  absl::Status CommitUnheard(const SessionBatch& session, Line& line, const Generation& head);
  absl::StatusOr<int64_t> FirstOpenRow(const SessionBatch& session, const Line& before, const Line& line,
                                       int64_t next_intake);
  absl::StatusOr<int64_t> FirstRowPast(const Line& line, int64_t none);
  absl::StatusOr<Pruned> Prune(bool early, Heard heard = {});
  absl::Status PruneRecords(bool early, Heard heard, Pruned& pruned);
  absl::StatusOr<uint64_t> VerdictsFrom(Chain& chain);
  absl::Status PruneIntake(bool early, Pruned& pruned);
  absl::StatusOr<int> PruneAlone(bool early, Heard heard = {});
  void Apply(const Pruned& pruned);
  void CheckpointWhenLong();

  // store_limits.cc
  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename Value>
  static const absl::Status& StatusOf(const absl::StatusOr<Value>& result) {
    return result.status();
  }
  // Notes how much of the file is in use, and says what threshold that passes.
  void Measure();
  void Warn(Warning& warning, bool begins, bool ends, const std::string& text);
  bool IsTight() const;
  // Whether that is beyond `percent` of the budget, or the disk has no more than `percent_of_ballast` of the ballast.
  bool IsBeyond(uint64_t percent, uint64_t percent_of_ballast, uint64_t more_bytes) const;
  bool IsDiskReserved(uint64_t percent_of_ballast = 100) const;
  bool GiveBallast();
  bool GiveBallastLocked();
  void MakeBallast();
  // Gives to the disk what is free in the file; the line that says so, empty where there was nothing to do.
  std::string Shrink();
  absl::Status WhyFull(absl::string_view full) const;

  // store_quarantine.cc
  bool WasRefused(const Chain& chain, uint64_t number);
  absl::Status TryMarkRefused(int64_t generation, uint64_t number, dims::v1::RefusalReason reason,
                              absl::string_view message, bool* news);
  // A row of the quarantine, and what a person decides about it.
  struct Decision;
  absl::StatusOr<Decision> FindQuarantined(absl::string_view store_id, uint64_t number);
  absl::StatusOr<Decision> BeginDecision(absl::string_view store_id, uint64_t number, absl::string_view who,
                                         absl::string_view why);
  // Within a transaction.
  absl::Status WriteAudit(const Decision& decision, absl::string_view action, absl::string_view outcome);
  absl::StatusOr<uint64_t> CountQuarantined();

  // Within a transaction.
  absl::Status NoteSettlement(int64_t generation, uint64_t through);

  Chain* Find(int64_t generation);
  // A record's hash as it is on disk; nothing where it is not kept.
  absl::StatusOr<std::optional<std::string>> HashOf(int64_t generation, uint64_t number);
  // In the middle of the bridge's life an unexpected error leaves only one way to keep the promise.
  void Must(const absl::Status& status) const;
  absl::Status CheckWritable() const;
  int64_t Now() const { return absl::ToUnixNanos(options_.now()); }

  const StoreOptions options_;
  std::vector<std::string> notices_;
  std::mutex mutex_;  // not Abseil's: ThreadSanitizer sees nothing of the one that Debian compiled
  std::unique_ptr<store_db::Database> db_;  // before the statements: they go first
  std::unique_ptr<store_db::HeadFile> head_file_;
  store_db::HeadFile::Found found_head_;
  bool opened_ = false;           // to the end, for writing
  bool leaves_no_trace_ = false;  // the log file was not there, and nothing has been written
  uint64_t all_pages_ = 0, commit_pages_ = 0;
  uint64_t file_pages_ = 0, free_pages_ = 0, page_bytes_ = 0;
  Warning nearly_full_, reserved_, disk_low_, disk_failed_;
  std::vector<std::string> news_;
  std::optional<store_db::Ballast> ballast_;
  bool ballast_given_ = false;  // by this process, and not made again
  absl::Time no_shrinking_until_ = absl::InfinitePast();
  std::vector<Chain> chains_;  // by id; the last one is current
  Lines lines_;
  int64_t next_intake_ = 1, next_line_ = 1;
  uint64_t commits_ = 0;                            // batches taken, ever
  uint64_t log_bytes_ = 0;                          // that the last run left
  absl::Duration refusing_ = absl::ZeroDuration();  // so long yet, as of refusing_as_of_
  absl::Time refusing_as_of_;
  bool unreadable_ = false;  // the disk failed at a read, less than ten minutes ago

  store_db::Statement insert_record_, move_record_, records_after_, urgent_after_, record_hash_, delete_records_,
      expired_settlement_, refuse_, put_quarantined_, delete_quarantined_, count_quarantined_, insert_generation_,
      close_generation_, settle_, add_settlement_, forget_settlements_, set_aside_, delete_record_, put_line_,
      insert_intake_, row_at_, row_after_, last_opened_, oldest_intake_, delete_intake_, open_intake_, intake_between_,
      count_refused_, get_unheard_, put_unheard_, bound_unheard_, delete_unheard_, forget_unheard_, get_meta_,
      put_meta_, delete_meta_, page_count_, free_count_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_IMPL_H_
