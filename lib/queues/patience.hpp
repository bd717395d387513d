// Waiting for the other side: looks first, then sleeps that get longer.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.hpp"
#include "queues/body.hpp"

namespace multiprocessing::detail {

/// One call's waits until a position moves or the queue's state changes. Nobody holds a lock in
/// them. A wake may be lost with its sender, so no sleep is longer than a second.
class Patience {
 public:
  Patience(const QueueBody& body, const PublishedPosition& watched,
           std::atomic<std::uint32_t>& wanted, const Side& side, const Side& other)
      : body_(body), watched_(watched), wanted_(wanted), side_(side), other_(other) {}

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

  const QueueBody& body_;
  const PublishedPosition& watched_;
  std::atomic<std::uint32_t>& wanted_;
  const Side& side_;
  const Side& other_;
  std::uint64_t seen_ = 0;
  QueueState state_ = QueueState::open;
  int naps_ = 0;
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
