// Back-off: how a thread waits for a word in shared memory. It first looks at the word a number of
// times, because a change that comes soon is then seen without a sleep, which costs some 100 µs.
// Then it sleeps, twice as long each time. Sleeping and waking are in arena/event_count.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

struct BackOff {
  using Length = std::chrono::milliseconds;

  int polls;      // looks before a sleep, also after one that a wake has ended
  int rushed;     // the first of these, without a pause between them
  int pauses;     // between two of the others, at most; the number doubles from 1 on
  int per_yield;  // looks until the processor is given away to others
  Length first;   // the first sleep
  Length longest;
  Length seldom;    // the longest when many wait for the same word, and share the looks
  bool of_program;  // such a wait is the program's: signals end it, see interruption.hpp
};

// A wake is lost if the process that was to send it is killed, so no sleep is longer than
// `longest`; of many threads that sleep on one word, some look each `longest`.
namespace back_off {

using namespace std::chrono_literals;

// The fields in each row: polls, rushed, pauses, per_yield, first, longest, seldom, of_program.

// A lock inside an object, which is held for microseconds unless its holder is stopped or killed.
inline constexpr BackOff inner_lock{64, 0, 1, 16, 2ms, 50ms, 50ms, false};
// A lock of the program. Pauses are long, because each look takes the cache line from the holder:
// two processors that take turns at a line get less done than one after the other, and the holder
// often takes the lock again meanwhile. One waiter sees within some 50 ms that the holder has died,
// and wakes the others.
inline constexpr BackOff lock{64, 0, 16, 16, 2ms, 50ms, 1s, true};
// The others at a barrier, each of which may die.
inline constexpr BackOff party{1024, 0, 1, 16, 2ms, 400ms, 1s, true};
// Events, notifications, units of semaphores, values: any time may pass until one comes.
inline constexpr BackOff news{1024, 0, 1, 16, 2ms, 1s, 10s, true};
// Tasks of a queue. One look at a time, because each asks the kernel whether the processes that
// have tasks in hand live.
inline constexpr BackOff tasks{1, 0, 1, 16, 2ms, 1s, 1s, true};
// Messages of queues and chunks of jobs. They come in streams, sooner than a pause is over.
inline constexpr BackOff messages{2000, 2000, 0, 32, 50ms, 1s, 10s, true};
// Packets of a pipe, and room in it. Its sleeps on the descriptor are in connection/ring.cpp.
inline constexpr BackOff packets{2000, 0, 1, 16, 10ms, 100ms, 100ms, true};
inline constexpr BackOff room{2000, 0, 64, 16, 100ms, 100ms, 100ms, true};
// The same from a receiver that was last seen on this processor, where it makes room only when this
// thread gives the processor away.
inline constexpr BackOff room_here{4, 4, 0, 1, 100ms, 100ms, 100ms, true};
// A packet that may be on its way: looks only, and no yield.
inline constexpr BackOff on_its_way{50, 8, 1, 51, 0ms, 0ms, 0ms, true};

}  // namespace back_off

inline void pause_processor(unsigned times = 1) {
  for (unsigned i = 0; i < times; ++i) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
}

/// Whether this machine is oversubscribed, as far as waits have met it of late: it has more
/// runnable threads than processors. Then a sleep, from which the kernel wakes a thread at once, is
/// over sooner than a spin that has to wait for a processor.
[[nodiscard]] MULTIPROCESSING_API bool is_crowded();

/// Gives the processor away; for how long it was away. Nothing is done on a crowded machine.
[[nodiscard]] MULTIPROCESSING_API std::optional<std::chrono::nanoseconds> yield_processor();

/// From so long an absence on, a wait that it has not ended takes the machine for crowded.
inline constexpr std::chrono::microseconds long_absence{50};
MULTIPROCESSING_API void note_crowded(std::chrono::nanoseconds absence);

/// Looks up to `polls` times whether `done()`.
template <class Done>
[[nodiscard]] bool spin(const BackOff& how, int polls, Done done) {
  int pauses = 1;
  for (int poll = 1; poll <= polls; ++poll) {
    if (done()) return true;
    if (poll % how.per_yield == 0) {
      const auto absence = yield_processor();
      if (!absence) return done();
      if (*absence < long_absence) continue;
      if (done()) return true;
      note_crowded(*absence);
      return false;
    }
    if (poll <= how.rushed) continue;
    pause_processor(static_cast<unsigned>(pauses));
    pauses = std::min(2 * pauses, how.pauses);
  }
  return false;
}

template <class Done>
[[nodiscard]] bool spin(const BackOff& how, Done done) {
  return spin(how, how.polls, done);
}

}  // namespace multiprocessing::detail
