// Waiting for words in shared memory: all sleeps of the library but those on descriptors.
//
// An eventcount: a thread that waits says so in shared memory, looks again at what it waits for,
// and sleeps; a thread that changes that changes it first, then looks whether any thread sleeps,
// and wakes. So one of the two sees the other. A waker may be killed between its change and its
// wake, so sleepers look by themselves now and then, as the table in base/back_off.hpp says.
#pragma once

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>

#include "base/back_off.hpp"
#include "base/deadline.hpp"
#include "base/futex.hpp"
#include "multiprocessing/detail/event_count.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// One call's wait: its looks, and its sleeps that get longer. They differ a little in length, so
/// that those of many waiters spread out.
class MULTIPROCESSING_API Wait {
 public:
  /// `operation` is passed to an observer of sleeps, such as "Lock.acquire". `looks` lies beside
  /// the word and counts how often sleepers looked by themselves: the more often others do, the
  /// longer this one sleeps.
  Wait(const BackOff& how, const char* operation, std::atomic<std::uint32_t>* looks = nullptr)
      : how_(how),
        operation_(operation),
        looks_(looks),
        length_(how.first),
        longest_(how.longest) {}

  /// Looks whether `done()`: several times, but once after a sleep that ran out, because then
  /// nothing has come for long.
  template <class Done>
  [[nodiscard]] bool spin(Done done) const {
    return detail::spin(how_, last_ == Woken::timed_out ? 1 : how_.polls, done);
  }

  /// Sleeps while `word` holds `seen`, but not beyond the deadline nor for too long. In a wait of
  /// the program's, throws Interrupted.
  void sleep(const std::atomic<std::uint32_t>& word, std::uint32_t seen, const Deadline& deadline);

  /// What was waited for has come: the next sleep is as short as the first.
  void start_again() { length_ = how_.first; }

  /// How the last sleep ended; `changed` when there was none.
  [[nodiscard]] Woken last() const { return last_; }

 private:
  void share_the_looks();

  const BackOff& how_;
  const char* operation_;
  std::atomic<std::uint32_t>* looks_;
  std::chrono::nanoseconds length_;
  std::chrono::nanoseconds longest_;
  std::uint32_t seen_looks_ = 0;
  Woken last_ = Woken::changed;
};

/// Wakes up to `count` threads that sleep on the word; how many it woke. Allowed in signal
/// handlers.
MULTIPROCESSING_API int wake(const std::atomic<std::uint32_t>& word, int count = INT_MAX);

// ---- the seam for an observer

/// A thread that is about to sleep.
struct Sleep {
  const std::atomic<std::uint32_t>& word;  // lies in the object that is waited for
  const char* operation;
  std::chrono::steady_clock::time_point since;
};

/// Called where a thread begins to sleep and where it has slept. Costs nothing elsewhere.
class SleepObserver {
 public:
  /// Whether the sleeper is to look by itself before its deadline.
  virtual bool begins(const Sleep& sleep) = 0;
  virtual void ended(const Sleep& sleep) = 0;

 protected:
  ~SleepObserver() = default;
};

/// Of this process; null: none. It stays for as long as the process lives. Returns the one before.
MULTIPROCESSING_API SleepObserver* observe_sleeps(SleepObserver* observer);

}  // namespace multiprocessing::detail
