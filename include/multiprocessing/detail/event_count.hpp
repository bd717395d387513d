// EventCount: for sleeping in shared memory until another process tells of a change.
#pragma once

#include <atomic>
#include <climits>
#include <cstdint>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

class Deadline;
class Wait;

/// Lies in shared memory; all zero at first. What is waited for lies elsewhere: a thread that waits
/// takes a key, looks, and then waits for a notification after that key; a thread that changes it
/// notifies. A process that dies anywhere in this leaves nothing to mend.
class MULTIPROCESSING_API EventCount {
 public:
  /// Before the look at what is waited for.
  [[nodiscard]] std::uint32_t key() const { return word_.load() & ~sleepers; }

  /// The same for what changes often, and is told of by notify_prepared() alone.
  [[nodiscard]] std::uint32_t prepare() { return word_.fetch_or(sleepers) & ~sleepers; }

  /// Waits for a notification after the key, but not for ever: take a key and look again then. The
  /// process that was to notify may have died. See arena/event_count.hpp.
  void wait(Wait& wait, std::uint32_t key, const Deadline& deadline);

  /// To be given to each Wait for this.
  [[nodiscard]] std::atomic<std::uint32_t>& looks() { return looks_; }

  /// After the change. Wakes up to `count` threads that sleep.
  void notify(int count) {
    if ((word_.fetch_add(one) & sleepers) != 0) wake_some(count);
  }
  void notify_all() { notify(INT_MAX); }

  /// The same for threads that have prepared, after a change by a locked instruction: no more than
  /// a load when there are none.
  void notify_prepared() {
    if ((word_.load() & sleepers) != 0) notify_all();
  }

 private:
  static constexpr std::uint32_t sleepers = 1;  // some may sleep
  static constexpr std::uint32_t one = 2;

  void wake_some(int count);

  std::atomic<std::uint32_t> word_;
  std::atomic<std::uint32_t> looks_;
};

}  // namespace multiprocessing::detail
