// Named places where a test makes a program die, fail or wait.
//
// What: DIMS_FAILPOINT("store.commit.before") is an expression. Without the CMake option DIMS_FAILPOINTS it is the
//   constant false and leaves nothing in the program. In a build with it, it is false until the environment says else:
//     DIMS_FAILPOINT=name=action[@n][,name=action[@n]...]   at the n-th time (default 1) that the place is reached:
//       kill         the process ends by SIGKILL, there
//       error        the expression is true; the code around it does what it does when that step fails
//       delay:200ms  it waits there, then goes on
//     DIMS_FAILPOINT_HITS=file   the name of each place is appended at its first hit in this process, one line each
//   A place that comes after a step and where nothing can fail knows no error: (void)DIMS_FAILPOINT(...).
// Promise: a name that is not in the table does not compile. What the environment says wrongly ends the program with
//   code 2 at the first place reached, with the names there are. What is done is said on stderr: "failpoint NAME:
//   kill".
// Units: durations as absl::ParseDuration reads them.
// Threads: any. A hit costs one atomic addition. The plan, read once from the environment, and the counters are the
// only
//   state, and are global because a place may be anywhere: to hand them through every layer would be a seam that exists
//   for tests alone.
#ifndef DIMS_PROTO_FAILPOINT_H_
#define DIMS_PROTO_FAILPOINT_H_

#include <array>
#include <cstddef>
#include <string_view>

namespace dims::failpoint {

struct Place {
  std::string_view name;
  bool fails = true;  // false: it knows no error
};

// Along the road of a result. scripts/failpoints reads the names from here.
inline constexpr std::array kPlaces = {
    // From the line into a batch.
    Place{"port.read"},
    Place{"receive.put"},
    Place{"session.take", false},
    // The store is opened.
    Place{"store.migrate.before"},
    Place{"store.migrate.after"},
    Place{"store.recover.before"},
    Place{"store.recover.after"},
    Place{"store.recover.generation.before"},
    Place{"store.recover.generation.after"},
    Place{"head.create.before"},
    Place{"head.create.after"},
    Place{"store.opened", false},
    // A batch on its way to the disk, and the answer to it.
    Place{"store.commit.begin"},
    Place{"store.prune"},
    Place{"store.commit.before"},
    Place{"store.commit.after"},
    Place{"head.write.before"},
    Place{"head.write.sync"},
    Place{"head.write.after", false},
    Place{"store.checkpoint.before"},
    Place{"store.checkpoint.after"},
    Place{"port.write.before"},
    Place{"port.write.after"},
    // To the registry.
    Place{"uplink.connect"},
    Place{"uplink.hello.before"},
    Place{"uplink.hello.after", false},
    Place{"uplink.welcome"},
    Place{"store.epoch.before"},
    Place{"store.epoch.after"},
    Place{"uplink.read"},
    Place{"uplink.write.before"},
    Place{"uplink.write.after"},
    Place{"uplink.settled"},
    Place{"uplink.ahead"},
    Place{"store.settle.before"},
    Place{"store.settle.after"},
    Place{"uplink.refusal"},
    Place{"store.refuse.before"},
    Place{"store.refuse.after"},
    Place{"store.generation.before"},
    Place{"store.generation.after"},
    // At the registry.
    Place{"registry.create.before"},
    Place{"registry.create.after"},
    Place{"registry.welcome.before"},
    Place{"registry.read"},
    Place{"registry.inbox.before"},
    Place{"registry.inbox.after"},
    Place{"registry.take"},
    Place{"registry.commit.begin"},
    Place{"registry.commit.before"},
    Place{"registry.commit.after"},
    Place{"registry.refusal.before"},
    Place{"registry.settled.before"},
    Place{"registry.answer.after"},
};

consteval std::size_t IndexOf(std::string_view name) {
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    if (kPlaces[i].name == name) return i;
  }
  throw "not in kPlaces";  // so it does not compile
}

// Counts the hit, and does what the plan says. True: fail here.
bool Hit(std::size_t place);

}  // namespace dims::failpoint

#ifdef DIMS_FAILPOINTS
#define DIMS_FAILPOINT(name) (::dims::failpoint::Hit(::dims::failpoint::IndexOf(name)))
#else
#define DIMS_FAILPOINT(name) (::dims::failpoint::IndexOf(name) == ::dims::failpoint::kPlaces.size())
#endif

#endif  // DIMS_PROTO_FAILPOINT_H_
