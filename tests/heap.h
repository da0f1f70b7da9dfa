// How much heap the code under test holds.
//
// What: counts what operator new hands out, for the whole test program (link heap.cc).
// Units: bytes, as the allocator rounds them.
// Threads: counts all threads; the tests that use it have one.
#ifndef DIMS_TESTS_HEAP_H_
#define DIMS_TESTS_HEAP_H_

#include <cstddef>

namespace dims {

std::size_t HeapInUse();
// The highest HeapInUse since the last ResetHeapPeak.
std::size_t HeapPeak();
void ResetHeapPeak();

}  // namespace dims

#endif  // DIMS_TESTS_HEAP_H_
