#include "simulator/link_state.h"

namespace dims {

void LinkState::Set(const Fault& fault) {
  const OneWay all{true, true, true, fault.delay, fault.rate, fault.after};
  Restore(fault, {{all, all}, true, true});
}

void LinkState::Restore(const Fault& fault, const LinkState& normal) {
  for (const Way way : kWays) {
    if (!fault.Has(way)) continue;
    OneWay& here = (*this)[way];
    const OneWay& there = normal[way];
    switch (fault.kind) {
      case Fault::Kind::kCut:
        here.cut_after = there.cut_after;
        break;
      case Fault::Kind::kStall:
        here.stalled = there.stalled;
        break;
      case Fault::Kind::kHalfOpen:
        break;  // befalls connections, not the link
      case Fault::Kind::kRefuse:
        refused = normal.refused;
        break;
      case Fault::Kind::kReject:
        rejected = normal.rejected;
        break;
      case Fault::Kind::kGarbage:
        here.garbage = there.garbage;
        break;
      case Fault::Kind::kFlip:
        here.flip = there.flip;
        break;
      case Fault::Kind::kDelay:
        here.delay = there.delay;
        break;
      case Fault::Kind::kThrottle:
        here.rate = there.rate;
        break;
    }
  }
}

std::vector<std::string> LinkState::Faults() const {
  std::vector<Fault> faults;
  const auto add = [&](Fault fault, Way way) {
    for (Fault& known : faults) {
      fault.up = known.up;
      fault.down = known.down;
      if (fault == known) {
        known.up = known.down = true;
        return;
      }
    }
    fault.up = way == Way::kUp;
    fault.down = way == Way::kDown;
    faults.push_back(fault);
  };
  for (const Way way : kWays) {
    const OneWay& one = (*this)[way];
    if (one.cut_after) add({.kind = Fault::Kind::kCut, .after = one.cut_after}, way);
    if (one.stalled) add({.kind = Fault::Kind::kStall}, way);
    if (one.garbage) add({.kind = Fault::Kind::kGarbage}, way);
    if (one.flip) add({.kind = Fault::Kind::kFlip}, way);
    if (one.delay > absl::ZeroDuration()) add({.kind = Fault::Kind::kDelay, .delay = one.delay}, way);
    if (one.rate > 0) add({.kind = Fault::Kind::kThrottle, .rate = one.rate}, way);
  }
  if (refused) faults.push_back({.kind = Fault::Kind::kRefuse});
  if (rejected) faults.push_back({.kind = Fault::Kind::kReject});
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(ToText(fault));
  return texts;
}

}  // namespace dims
