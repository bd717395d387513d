// Waiting for the other side: looks first, then sleeps that get longer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/deadline.hpp"
#include "queues/body.hpp"

namespace multiprocessing::detail {

/// One call's waits until a position moves or the queue's state changes. Nobody holds a lock in
/// them. A wake may be lost with its sender, so one of the sleepers looks each second, and what it
/// finds has it wake others; those sleep for ten, should it be killed.
class Patience {
 public:
  Patience(const QueueBody& body, PublishedPosition& watched, std::atomic<std::uint32_t>& wanted,
           const Side& side, const Side& other)
      : body_(body), watched_(watched), wanted_(wanted), side_(side), other_(other) {}
  /// Whoever looked out for others has one of them do it.
  ~Patience();
  Patience(const Patience&) = delete;

  /// For who waits for something that others do not see, or are not woken for: no sleep is longer
  /// than a second.
  void rely_on_nobody() { alone_ = true; }

  /// What the next wait compares with; before the try that may fail.
  void note() {
    seen_ = watched_.word.load(std::memory_order_acquire);
    state_ = body_.state.load(std::memory_order_acquire);
  }

  /// Waits for a while, perhaps until it has moved; false when the deadline passed before.
  [[nodiscard]] bool wait(const Deadline& deadline);

  /// How often it slept without a change.
  [[nodiscard]] int naps() const { return naps_; }

 private:
  [[nodiscard]] bool moved() const {
    return watched_.word.load(std::memory_order_relaxed) != seen_ ||
           body_.state.load(std::memory_order_relaxed) != state_;
  }
  [[nodiscard]] bool moved_soon(const Deadline& deadline) const;
  [[nodiscard]] std::chrono::nanoseconds next_nap();
  [[nodiscard]] bool looks_out();

  const QueueBody& body_;
  PublishedPosition& watched_;
  std::atomic<std::uint32_t>& wanted_;
  const Side& side_;
  const Side& other_;
  std::uint64_t seen_ = 0;
  QueueState state_ = QueueState::open;
  int naps_ = 0;
  bool alone_ = false;
  std::uint32_t lookout_until_ = 0;  // as it said last; 0: it does not look out
};

/// Where messages stream, lets the other side get ahead, so that the two meet less often.
void let_ahead(const Side& side);

/// After a flag for the other side, before a look at what it did: it has seen the flag, or we see
/// what it did. A favoured thread would have no fence between the two.
inline void fence_against(const Side& other) {
  if (other.lock.favours_anybody()) heavy_fence();
}

/// Wakes one who sleeps until `moved` moves, if anybody does.
void wake_one(std::atomic<std::uint32_t>& wanted, const PublishedPosition& moved);

}  // namespace multiprocessing::detail
