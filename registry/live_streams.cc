#include "registry/live_streams.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "registry/stream.h"

namespace dims {
namespace {

constexpr absl::Duration kSayAgain = absl::Minutes(1);
constexpr absl::string_view kTookOver = "a newer stream of the same bridge took over";
constexpr absl::string_view kTooMany = "too many streams";

std::string NameOf(const Identity& bridge) { return absl::StrCat(bridge.laboratory, "/", bridge.name); }

}  // namespace

bool LiveStreams::HasSaid(const absl::Status& status) {
  return absl::StartsWith(status.message(), kTookOver) || absl::StartsWith(status.message(), kTooMany);
}

void LiveStreams::Say(const std::string& bridge, const std::string& what) {
  const absl::Time now = now_();
  Said& said = said_[absl::StrCat(bridge, " ", what)];
  if (now - said.at < kSayAgain) {
    ++said.unsaid;
    return;
  }
  spdlog::warn("bridge {}: {}{}", bridge, what,
               said.unsaid > 0 ? absl::StrCat(" (and ", said.unsaid, " times since this was said last)") : "");
  said = {now, 0};
  // Bridges that were not spoken of for long are not kept.
  for (auto it = said_.begin(); it != said_.end();) {
    it = now - it->second.at > 10 * kSayAgain ? said_.erase(it) : std::next(it);
  }
}

absl::Status LiveStreams::Join(const Identity& bridge, ForwardStream* stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return absl::UnavailableError("the registry is stopping");
  const std::string name = NameOf(bridge);
  const auto of_bridge = static_cast<std::size_t>(
      std::count_if(streams_.begin(), streams_.end(), [&](const auto& one) { return one.second == name; }));
  std::string why;
  if (of_bridge >= most_of_bridge_) {
    why = absl::StrCat(kTooMany, ": this bridge has ", of_bridge, "; it needs two");
  } else if (streams_.size() >= most_) {
    why = absl::StrCat(kTooMany, ": ", streams_.size(), " of all bridges; come again");
  }
  if (!why.empty()) {
    Say(name, why);
    return absl::ResourceExhaustedError(why);
  }
  streams_.emplace(stream, name);
  return absl::OkStatus();
}

void LiveStreams::Leave(ForwardStream* stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  streams_.erase(stream);
  for (auto it = by_purpose_.begin(); it != by_purpose_.end();) {
    it = it->second == stream ? by_purpose_.erase(it) : std::next(it);
  }
}

bool LiveStreams::TakeOver(const Identity& bridge, v1::StreamPurpose purpose, ForwardStream* stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string name = NameOf(bridge);
  const absl::string_view lane = purpose == v1::STREAM_PURPOSE_URGENT ? "urgent" : "in-order";
  ForwardStream*& current = by_purpose_[absl::StrCat(name, " ", lane)];
  const bool displaced = current != nullptr;
  if (displaced) {
    const std::string why = absl::StrCat(kTookOver, "; if that goes on, two bridges use one certificate");
    current->End(absl::AbortedError(why));
    Say(name, absl::StrCat(why, " (", lane, " stream)"));
  }
  current = stream;
  return displaced;
}

void LiveStreams::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  for (const auto& [stream, bridge] : streams_) stream->End(absl::UnavailableError("the registry is stopping"));
}

}  // namespace dims
