// How the waits of a thread that asked for it end by a signal; see Signals::interrupt_waits().
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/deadline.hpp"
#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Within which a thread that is to be interrupted notices a signal.
inline constexpr std::chrono::milliseconds noticed_within{100};

/// Throws Interrupted when a signal has come that is to end the waits of this thread. Each wait of
/// the program's calls it before each of its sleeps, where it may fail as by its time-out. So does
/// code that is about to report that another process is gone: the same Ctrl-C has often killed
/// that.
MULTIPROCESSING_API void check_interruption();

/// The same, and then until when to sleep: not for long in a thread that is to be interrupted, for
/// a signal that comes between the look and the sleep does not end the sleep.
[[nodiscard]] MULTIPROCESSING_API Deadline interruptible(const Deadline& deadline);

/// Whether a signal may end a wait of this thread now.
[[nodiscard]] MULTIPROCESSING_API bool may_be_interrupted() noexcept;

/// Calls `attempt(until)` until it returns true, each time for a short while, so that a signal can
/// come in between; false after the deadline. An attempt that succeeds in time is not interrupted.
template <class Attempt>
[[nodiscard]] bool try_interruptibly(const Deadline& deadline, Attempt attempt) {
  for (;;) {
    const bool in_pieces = may_be_interrupted();
    if (attempt(in_pieces ? deadline.at_most(noticed_within) : deadline)) return true;
    if (deadline.passed()) return false;
    check_interruption();
  }
}

/// Waits for `ready`, with the lock held whenever that is called; false after the deadline.
template <class Ready>
[[nodiscard]] bool wait_interruptibly(std::condition_variable& changed,
                                      std::unique_lock<std::mutex>& lock, const Deadline& deadline,
                                      Ready ready) {
  while (!ready()) {
    if (deadline.passed()) return false;
    const Deadline until = interruptible(deadline);
    if (until.is_never())
      changed.wait(lock);
    else
      (void)changed.wait_for(lock, until.left());
  }
  return true;
}

// ---- at the end

/// This process is to die of the signal when it has ended in order.
MULTIPROCESSING_API void end_by(int signal) noexcept;

/// That signal, or 0.
[[nodiscard]] MULTIPROCESSING_API int ending_signal() noexcept;

/// Has the default action of the signal end this process.
[[noreturn]] MULTIPROCESSING_API void die_of(int signal) noexcept;

// ---- for children

/// The signals, as bits from that of signal 1 on, that were ignored before a Signals object caught
/// them: they are ignored in a child that executes a program.
[[nodiscard]] MULTIPROCESSING_API std::uint64_t ignored_but_caught() noexcept;

}  // namespace multiprocessing::detail
