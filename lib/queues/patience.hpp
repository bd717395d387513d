// Waiting for the other side of a queue.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "arena/event_count.hpp"
#include "base/deadline.hpp"
#include "queues/body.hpp"

namespace multiprocessing::detail {

/// Between looks for what no other process tells of, such as the end of a view.
inline constexpr std::chrono::seconds untold{1};

/// One call's waits until a position moves or the queue's state changes. No lock is held in
/// them. A wake may be lost with its sender, so sleepers look by themselves now and then, and what
/// one of them finds has it wake others.
class Patience {
 public:
  /// `operation` is for observers of sleeps.
  Patience(const QueueBody& body, PublishedPosition& watched, std::atomic<std::uint32_t>& wanted,
           const Side& side, Side& other, const char* operation)
      : body_(body),
        watched_(watched),
        wanted_(wanted),
        side_(side),
        other_(other),
        operation_(operation) {}
  Patience(const Patience&) = delete;

  /// For a call that waits for something that others do not see, or are not woken for.
  void rely_on_nobody() { alone_ = true; }

  /// What the next wait compares with; before the try that may fail.
  void note() {
    seen_ = watched_.word.load(std::memory_order_acquire);
    state_ = body_.state.load(std::memory_order_acquire);
  }

  /// Waits for a while, perhaps until it has moved; false when the deadline passed before.
  [[nodiscard]] bool wait(const Deadline& deadline);

  /// Whether the last wait was a sleep without a change.
  [[nodiscard]] bool slept_in_vain() const { return slept_in_vain_; }

 private:
  [[nodiscard]] bool moved(std::memory_order order = std::memory_order_relaxed) const {
    return watched_.word.load(order) != seen_ || body_.state.load(order) != state_;
  }

  const QueueBody& body_;
  PublishedPosition& watched_;
  std::atomic<std::uint32_t>& wanted_;
  const Side& side_;
  Side& other_;
  const char* operation_;
  std::optional<Wait> wait_ = {};  // made when it is needed, for most calls need none
  std::uint64_t seen_ = 0;
  QueueState state_ = QueueState::open;
  bool alone_ = false;
  bool slept_in_vain_ = false;
};

/// Wakes a thread that sleeps until `moved` moves, if any does.
void wake_one(std::atomic<std::uint32_t>& wanted, PublishedPosition& moved);

/// Wakes all of them, whether or not the flag is up.
void call_all(PublishedPosition& moved);

}  // namespace multiprocessing::detail
