#include "drivers/jcamp/table.h"

#include <utility>

namespace dims::jcamp {

void Expect(std::optional<double> points, Samples& samples) {
  if (points && *points > 0 && *points <= OpenReport::kMostPoints) samples.Reserve(static_cast<int>(*points));
}

void Fit(Samples& samples) {
  if (samples.Capacity() / 2 <= samples.size()) return;
  Samples fitting(samples.begin(), samples.end());
  samples.Swap(&fitting);
}

OpenReport OpenReport::Fork() const {
  OpenReport fork;
  fork.room_ = room_;
  fork.text_room_ = text_room_;
  fork.full_ = full_;
  return fork;
}

void OpenReport::Join(const OpenReport& fork) {
  for (const dims::v1::Problem& problem : fork.report_.problems())
    Add(problem.type(), problem.offset(), problem.message());
  room_ = fork.room_;
  text_room_ = fork.text_room_;
  full_ = fork.full_;
}

bool OpenReport::Refuse(uint64_t at, std::size_t& room) {
  room = 0;  // a smaller piece that comes later would hide the gap
  if (!std::exchange(full_, true)) {
    Add(dims::v1::PROBLEM_TYPE_OVERSIZE, at, "more than one record takes; points from here on are left out");
  }
  return false;
}

}  // namespace dims::jcamp
