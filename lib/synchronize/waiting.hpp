// How everything here waits for a word in shared memory: looks, gives the processor away, sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/deadline.hpp"
#include "base/spinning.hpp"
#include "base/waiting.hpp"

namespace multiprocessing::detail {

/// Polls that a wait begins with: what another processor is about to do is seen without a sleep,
/// which costs some 100 µs, and what this one is to do gets done.
inline constexpr int polls_for_lock = 64;

/// The same for news, after a sleep that ended so: one who looked up by itself looks once, and so
/// does everybody on a crowded machine.
[[nodiscard]] inline int polls_for_news(Woken last) {
  return last == Woken::timed_out || is_crowded() ? 1 : 1024;
}

/// Between two looks at a lock, most of them short: its holder can take it again meanwhile, and
/// two processors that take turns at a line do less than one after the other.
inline constexpr int pauses_for_lock = 16;

/// The sleeps of one call. They get longer, for what a wake-up was lost with has just happened if
/// it has happened; and they differ in length, so that those of many waiters spread out.
class Naps {
 public:
  /// For news: who was to wake us may have died before it did, so we look once a second.
  Naps() = default;

  /// For somebody who may die, after which one waiter at least is to look within `period`. `looks`
  /// lies beside the word and counts the looks of all. The more often others look, the longer this
  /// one sleeps: 200 idle waiters have to cost less than a hundredth of a processor.
  Naps(std::atomic<std::uint32_t>& looks, std::chrono::milliseconds period)
      : looks_(&looks), period_(period), longest_(period) {}

  /// Sleeps while `word` holds `seen`, but not beyond the deadline nor for too long.
  Woken sleep(const std::atomic<std::uint32_t>& word, std::uint32_t seen, const Deadline& deadline);

 private:
  void share_the_looks();

  std::atomic<std::uint32_t>* looks_ = nullptr;
  std::chrono::nanoseconds period_ = std::chrono::seconds{1};
  std::chrono::nanoseconds longest_ = std::chrono::seconds{1};
  std::chrono::nanoseconds length_ = std::chrono::milliseconds{2};
  std::uint32_t seen_looks_ = 0;
};

/// Within which one of those who wait for a lock sees that its holder has died.
inline constexpr std::chrono::milliseconds holder_period{50};

}  // namespace multiprocessing::detail
