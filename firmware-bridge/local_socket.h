// A socket of this computer, for who may.
//
// What: a Unix stream socket with a name in the file system: listening, connecting, and who is at the other end.
// Promise: the kernel says who a peer is (SO_PEERCRED): none can claim to be another user. The file is never open to
//   more than it should be, not for a moment: 0600, or 0660 where a group may also connect. A file that a dead process
//   left is replaced; one that a living process serves, and one that is no socket, never.
// Errors: AlreadyExists (a living process serves it, named), NotFound, PermissionDenied, InvalidArgument (a path that
// is
//   too long, a group that does not exist), each with its remedy.
// Threads: Accept in one; Wake from any.
// Source: Linux unix(7), socket(7) (SO_PEERCRED), getgrouplist(3).
#ifndef DIMS_FIRMWARE_BRIDGE_LOCAL_SOCKET_H_
#define DIMS_FIRMWARE_BRIDGE_LOCAL_SOCKET_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dims {

struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};

struct AcceptedPeer {
  int fd = -1;  // the caller's to close; not blocking
  Peer peer;
};

class LocalSocket {
 public:
  // `group`: its members may connect too; this process must be a member of it, or root.
  static absl::StatusOr<std::unique_ptr<LocalSocket>> Listen(const std::string& path,
                                                             const std::optional<std::string>& group);
  // Removes the file.
  ~LocalSocket();

  // Waits for a peer. Cancelled after Wake; ResourceExhausted where this process has no descriptor left.
  absl::StatusOr<AcceptedPeer> Accept();
  // Ends Accept for good.
  void Wake();

  // root, this process's own user, members of the group.
  bool Allows(const Peer& peer) const;

 private:
  LocalSocket(std::string path, int fd, std::optional<gid_t> group);

  const std::string path_;
  const int fd_;
  const std::optional<gid_t> group_;
};

// A connected descriptor, not blocking, the caller's to close.
absl::StatusOr<int> ConnectLocalSocket(const std::string& path);

// Who is at the other end of a connected descriptor: for a client, the process that listens.
absl::StatusOr<Peer> PeerOf(int fd);

// "alice (user 1000)", or "user 1000" where this computer knows no name.
std::string NameOfUser(uid_t user);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_LOCAL_SOCKET_H_
