// A step with a failpoint, compiled as in a build without DIMS_FAILPOINTS, whatever this one is: nothing of it may be
// left (failpoints_are_absent.sh).
#include "proto/failpoint.h"

static_assert(!DIMS_FAILPOINT("store.commit.before"));

int Step();
int StepWithFailpoint();

int StepWithFailpoint() {
  if (DIMS_FAILPOINT("store.commit.before")) return -1;
  (void)DIMS_FAILPOINT("session.take");
  return Step();
}
