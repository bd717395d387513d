// StreamPace: lets the other side of a stream of messages get ahead.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "base/back_off.hpp"

namespace multiprocessing::detail {

/// How a stream is paced; counts of messages are per look at the other side.
struct Pacing {
  std::uint32_t looks;  // in a round, after each of which the pace may change
  std::uint32_t few;    // messages: up to these, longer pauses
  std::uint32_t many;   // above these, shorter ones
  std::uint32_t first;  // pauses to begin with
  std::uint32_t longest;
  std::uint8_t rest;  // rounds between a trial in vain and the next
};

/// A stream of messages is faster when each side lets the other get ahead before it looks, because
/// then the two meet in fewer cache lines. A single answer that the other side waits for is slower
/// by it, and so is a side that waits for this processor. Which case it is, and how long to pause,
/// shows only by trying.
///
/// All zero at first; may lie in shared memory, where a crash leaves nothing to repair.
class StreamPace {
 public:
  /// A look at the other side found `news` messages; by one thread at a time.
  void note(const Pacing& how, std::uint32_t news, bool ahead = false) {
    constexpr std::uint32_t streaming = 2;  // an answer comes alone
    news_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(news_ + news, 0xffff));
    if (++looks_ < how.looks) return;
    const std::uint32_t found = std::exchange(news_, std::uint16_t{0});
    looks_ = 0;
    std::uint32_t pauses = pauses_.load(std::memory_order_relaxed);
    if (pauses == 0) {
      if (rest_ != 0)
        --rest_;
      else if (found < how.few * how.looks)
        pauses = how.first;
    } else if (found < streaming * how.looks) {
      pauses = 0;
      rest_ = how.rest;
    } else if (ahead || found > how.many * how.looks) {
      pauses = pauses / 2 < least ? 0 : pauses / 2;
    } else if (found < how.few * how.looks) {
      pauses = std::min(2 * pauses, how.longest);
    }
    pauses_.store(static_cast<std::uint16_t>(pauses), std::memory_order_relaxed);
  }

  /// No pauses until the next trial; by the thread that notes.
  void stop(const Pacing& how) {
    if (pauses_.exchange(0, std::memory_order_relaxed) != 0) rest_ = how.rest;
  }

  void let_ahead() const {
    const unsigned pauses = pauses_.load(std::memory_order_relaxed);
    if (pauses != 0 && !is_crowded()) pause_processor(pauses);
  }

 private:
  static constexpr std::uint32_t least = 32;

  std::uint16_t news_ = 0;
  std::uint8_t looks_ = 0;
  std::uint8_t rest_ = 0;
  std::atomic<std::uint16_t> pauses_ = 0;
};

}  // namespace multiprocessing::detail
