// Plays a transcript to its driver: what the instrument says goes in, what the driver answers and reports must be what
// the transcript says, in that order. "report:" above "bridge: <ACK>" is how "on disk before ACK" reads.
#ifndef DIMS_TESTS_TRANSCRIPT_PLAYER_H_
#define DIMS_TESTS_TRANSCRIPT_PLAYER_H_

#include "drivers/driver.h"
#include "drivers/transcript.h"

namespace dims {

// What differs is a failure of the test that runs; what comes after it in the transcript is not played.
void Play(const Driver& driver, const Transcript& transcript);

}  // namespace dims

#endif  // DIMS_TESTS_TRANSCRIPT_PLAYER_H_
