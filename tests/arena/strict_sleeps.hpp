// Sleeps that only a wake ends.
#pragma once

#include <atomic>
#include <thread>

#include "arena/event_count.hpp"

namespace arena_test {

namespace mp = multiprocessing;

/// Has no sleeper of this process look up by itself, and notes of what it was told.
class Strict final : public mp::detail::SleepObserver {
 public:
  Strict() : before_(mp::detail::observe_sleeps(this)) {}
  ~Strict() { mp::detail::observe_sleeps(before_); }

  bool begins(const mp::detail::Sleep& sleep) override {
    last = sleep.operation;
    ++asleep;
    return false;
  }
  void ended(const mp::detail::Sleep&) override { --asleep; }

  /// From then on a wake reaches them, also where the kernel has not put them to sleep yet: the
  /// kernel looks at the word once more.
  void wait_until_asleep(int threads) const {
    while (asleep.load() < threads) std::this_thread::yield();
  }

  std::atomic<const char*> last{nullptr};
  std::atomic<int> asleep{0};

 private:
  mp::detail::SleepObserver* const before_;
};

}  // namespace arena_test
