// Looking again before sleeping: how everything that waits for a word in shared memory begins.
#pragma once

#include <algorithm>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Whether yield_shortly() was late a short while ago.
[[nodiscard]] MULTIPROCESSING_API bool is_crowded();

/// Gives the processor away; false when it came back late, because others have work to do: then a
/// sleep, from which the kernel wakes us at once, is sooner over than the next turns.
[[nodiscard]] MULTIPROCESSING_API bool yield_shortly();

/// Looks up to `polls` times whether `done()`, giving the processor away now and then. Looks get
/// rarer, to up to `most_pauses` between two: each takes from who changes the word its cache line.
template <class Done>
[[nodiscard]] bool spin(int polls, Done done, int most_pauses = 1) {
  int pauses = 1;
  for (int poll = 1; poll <= polls; ++poll) {
    if (done()) return true;
    if (poll % 16 == 0) {
      if (!yield_shortly()) return done();
      continue;
    }
    for (int i = 0; i < pauses; ++i) pause_processor();
    pauses = std::min(2 * pauses, most_pauses);
  }
  return false;
}

}  // namespace multiprocessing::detail
