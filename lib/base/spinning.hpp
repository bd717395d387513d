// Looking again before sleeping: how everything that waits for a word in shared memory begins.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Gives the processor away; false when it came back late, because others have work to do: then a
/// sleep, from which the kernel wakes us at once, is sooner over than the next turns.
[[nodiscard]] MULTIPROCESSING_API bool yield_shortly();

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

}  // namespace multiprocessing::detail
