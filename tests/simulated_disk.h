// A disk that loses power: what a store wrote, step by step, and what a power cut after any step can leave of it.
//
// What: DiskRecorder writes down every change that this process makes to the files of one folder, in order;
//   SimulatedDisk takes such steps and keeps apart what a process sees (all of it) and what would survive (what was
//   synced). It works below SQLite, on the system calls, so that the database, its log and the head file are one
//   history, with the syncs of the folder as SQLite and the head file really make them.
// Promise: a power cut leaves what was synced. Of the rest, chosen from `random` for each file: nothing, all, the first
//   so many changes, or for each sector of 512 bytes any of the versions it had since. A name that was made, changed or
//   removed lasts once the folder was synced; a file's own fsync is not taken to keep its name.
// Units: bytes. Files of one flat folder.
// Threads: one recorder at a time; everything in one thread.
// Source: fsync(2); "All File Systems Are Not Created Equal" (OSDI 2014) for what may be lost and reordered.
#ifndef DIMS_TESTS_SIMULATED_DISK_H_
#define DIMS_TESTS_SIMULATED_DISK_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace dims {

struct DiskStep {
  enum class Kind { kCreate, kWrite, kResize, kSync, kSyncFolder, kRename, kUnlink };
  Kind kind = Kind::kWrite;
  int file = 0;            // kCreate, kWrite, kResize, kSync: which; a new number for each created file
  uint64_t at = 0;         // kWrite: where. kResize: the new size
  std::string bytes = {};  // kWrite
  std::string name = {};   // kCreate, kUnlink, kRename: of the entry in the folder
  std::string to = {};     // kRename: what it is called from now on
};

class SimulatedDisk {
 public:
  using Files = std::map<std::string, std::string>;  // contents by name

  SimulatedDisk() = default;
  // All of it has been synced.
  explicit SimulatedDisk(Files files);

  void Apply(const DiskStep& step);
  // What a process sees.
  Files Cached() const;
  void CopyTo(const std::string& folder) const;
  Files AfterPowerCut(std::mt19937_64& random) const;

  const std::map<std::string, int>& names() const { return names_; }
  int files() const { return static_cast<int>(contents_.size()); }

 private:
  struct Change {
    bool resize;
    uint64_t at;
    std::string bytes;
  };
  struct Content {
    std::string synced;
    std::vector<Change> since;
  };
  static void Apply(const Change& change, std::string& bytes);
  static std::string Torn(const Content& content, std::mt19937_64& random);

  std::vector<Content> contents_;  // by number of the file
  std::map<std::string, int> names_, synced_names_;
  std::vector<DiskStep> renamed_;  // kCreate, kRename, kUnlink since the folder was synced
};

// While it lives, the changes that this process makes below `folder` are recorded.
class DiskRecorder {
 public:
  // `before`: what is in the folder now.
  DiskRecorder(std::string folder, const SimulatedDisk& before);
  ~DiskRecorder();
  DiskRecorder(const DiskRecorder&) = delete;
  DiskRecorder& operator=(const DiskRecorder&) = delete;

  // A disk that lies: says that it has synced the files whose name ends so ("/": the folder), and does nothing.
  void IgnoreSyncsOf(const std::string& suffix) { ignored_ = suffix; }

  // Every fdatasync of the folder fails. That is SQLite's way to sync it, and it takes no notice.
  void FailFolderDataSyncs() { fails_folder_data_syncs_ = true; }
  bool Fails(int fd) const;

  const std::vector<DiskStep>& steps() const { return steps_; }
  std::vector<DiskStep> TakeSteps() { return std::move(steps_); }

  // Called by the system calls, after each that succeeded.
  void Opened(int fd, const std::string& path, bool was_there, bool emptied);
  void Wrote(int fd, uint64_t at, const void* bytes, std::size_t size);
  void Resized(int fd, uint64_t size, bool only_larger);
  void Synced(int fd);
  void Closed(int fd) { open_.erase(fd); }
  void Renamed(const std::string& from, const std::string& to);
  void Unlinked(const std::string& path);
  static DiskRecorder* Current();

 private:
  // The entry's name; empty where the path is not below the folder.
  std::string NameOf(const std::string& path) const;
  bool IsIgnored(int file) const;

  const std::string folder_;
  std::string ignored_;
  bool fails_folder_data_syncs_ = false;
  std::map<std::string, int> names_;
  std::vector<uint64_t> sizes_;
  std::map<int, int> open_;  // file by descriptor
  std::vector<DiskStep> steps_;
};

}  // namespace dims

#endif  // DIMS_TESTS_SIMULATED_DISK_H_
