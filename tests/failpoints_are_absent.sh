#!/usr/bin/env bash
# failpoints_are_absent.sh OBJECT TEST_BUILD PROGRAM...: OBJECT, compiled without failpoints, has none; each PROGRAM has
# them where TEST_BUILD is 1 (so this script can see them at all), and none where it is 0.
set -eu
object=$1 test_build=$2
shift 2
count() { { nm -C "$1"; strings -d "$1"; } | grep -c 'failpoint::\|store\.commit\.before\|DIMS_FAILPOINT' || true; }
[ -s "$object" ] || { echo "no object file $object"; exit 2; }
nm "$object" | grep -q StepWithFailpoint || { echo "$object is not what it should be"; exit 2; }
status=0
[ "$(count "$object")" -eq 0 ] || { echo "$object: failpoints leave something in a build without them"; status=1; }
for program in "$@"; do
  found=$(count "$program")
  if [ "$test_build" = 1 ] && [ "$found" -eq 0 ]; then echo "$program: a test build without failpoints"; status=1; fi
  if [ "$test_build" = 0 ] && [ "$found" -ne 0 ]; then echo "$program: has failpoints, and is no test build"; status=1; fi
done
exit $status
