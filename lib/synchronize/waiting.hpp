// How everything here waits for a word in shared memory: looks, gives the processor away, sleeps.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.hpp"
#include "base/waiting.hpp"

namespace multiprocessing::detail {

/// What a waiter waits for decides how often it looks by itself.
enum class Awaited {
  named,    // a process that may have died: looked at within 50 ms
  unnamed,  // a wake-up, which may have died with whoever was woken for it
};

/// Polls that a wait begins with: what another processor is about to do is seen without a sleep,
/// which costs some 100 µs, and what this one is to do gets done.
inline constexpr int polls_for_lock = 64;
inline constexpr int polls_for_news = 1024;

inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Gives the processor away; false when it came back late, because others have work to do: then a
/// sleep, from which the kernel wakes us at once, is sooner over than the next turns.
[[nodiscard]] bool yield_shortly();

/// Looks up to `polls` times whether `done()`, giving the processor away now and then.
template <class Done>
[[nodiscard]] bool spin(int polls, Done done) {
  for (int poll = 1; poll <= polls; ++poll) {
    if (done()) return true;
    if (poll % 16 != 0)
      pause_processor();
    else if (!yield_shortly())
      return done();
  }
  return false;
}

/// The sleeps of one call, which get longer.
class Naps {
 public:
  explicit Naps(Awaited awaited) : awaited_(awaited) {}

  /// Sleeps while `word` holds `seen`, but not beyond the deadline nor for too long.
  Woken sleep(const std::atomic<std::uint32_t>& word, std::uint32_t seen, const Deadline& deadline);

 private:
  Awaited awaited_;
  int round_ = 0;
};

}  // namespace multiprocessing::detail
