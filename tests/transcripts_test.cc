// Every transcript is played.
#include <gtest/gtest.h>

#include "drivers/catalog.h"
#include "tests/inputs.h"
#include "tests/transcript_player.h"

namespace dims {
namespace {

class Transcripts : public testing::TestWithParam<const Driver*> {};

TEST_P(Transcripts, AreWhatTheDriverSays) {
  for (const Transcript& transcript : TranscriptsOf(*GetParam())) {
    SCOPED_TRACE(transcript.file);
    Play(*GetParam(), transcript);
  }
}

INSTANTIATE_TEST_SUITE_P(Catalog, Transcripts, testing::ValuesIn(Catalog().begin(), Catalog().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace dims
