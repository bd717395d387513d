// Signals: Ctrl-C and its like as something to wait for, or as an exception out of waits.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

namespace detail {
struct CaughtSignals;
}

/// Thrown out of waits by `Signals::interrupt_waits()`; Python's `KeyboardInterrupt`.
///
/// Not a `std::exception`, so that `catch (const std::exception&)` does not swallow it. Where it
/// leaves `main`, what `main` had is destroyed, children that still run are sent the same signal
/// and killed a second later, exit handlers run, and the program dies of the signal, so that a
/// shell sees what happened. Where it leaves the function of a child, the child ends the same way.
/// Out of another thread, or out of `main` of a program without the start hook (see `Exit`), it
/// ends the program by `std::terminate`, as any exception does.
struct Interrupted {
  int signal = 0;
};

/// For its life these signals do not have their default action, nor reach the program's own
/// handlers: they come out of this object.
///
///     mp::Signals caught{SIGINT, SIGTERM};
///     auto ready = mp::wait({caught, queue, child}, 2s);
///     if (auto signal = caught.next()) ...
///
/// At its end every signal has the action that it had before, unless the program has set another
/// meanwhile; what was not taken is dropped. The masks of threads are left alone, so a signal that
/// is blocked in all threads does not come. System calls of the program that a signal interrupts
/// return EINTR.
///
/// Each of several objects for one signal has it. Children, however they are made, and workers of
/// pools begin with what was set before the first of them; the object they inherit by a fork has no
/// effect there. A signal that comes again before it is taken may count once.
///
/// Throws `ValueError` for what is no signal, and for SIGKILL, SIGSTOP and signals of faults;
/// `OSError` when the system has no descriptor left. `next`, `wait` and `fileno` are for any
/// thread.
class MULTIPROCESSING_API Signals {
 public:
  Signals(std::initializer_list<int> caught);  // not "signals", a macro of Qt
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Takes a signal that has come, the lowest number first; none when there is none.
  std::optional<int> next();

  /// Waits until one has come, which `next()` then takes; false when `timeout` has passed.
  bool wait(Timeout timeout = Timeout::infinite);

  /// Readable while a signal waits to be taken; for `mp::wait`, poll(2) and event loops.
  [[nodiscard]] int fileno() const noexcept;

  /// From now on a signal ends the waits of this library in the thread that calls this: the first
  /// that would sleep, or sleeps, takes the signal and throws `Interrupted`, within 100 ms. What a
  /// wait was for is not lost: a message stays in its queue, a lock is not held, and
  /// `Condition::wait` holds its lock again. A party that leaves a `Barrier` breaks its round, and
  /// a send amid a long message breaks its connection for the receiver, as the sender's death does.
  ///
  /// While an exception unwinds the stack no wait is interrupted, so that destructors can end and
  /// join what they have, and neither is one where an `Uninterrupted` lives; nor is the start of a
  /// process. A signal that comes then is kept. Errors that say that another process is gone give
  /// way to a signal that waits, because the same Ctrl-C has often killed that process.
  ///
  /// For one thread: the last that calls it. Another one makes an object of its own.
  void interrupt_waits();

 private:
  void give_back(std::uint64_t handled) noexcept;

  detail::CaughtSignals* caught_;
};

/// While it lives, waits in the thread that made it are not interrupted: for a destructor that
/// waits, which must not throw, and for what has to be finished.
class MULTIPROCESSING_API Uninterrupted {
 public:
  Uninterrupted() noexcept;
  ~Uninterrupted();
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
};

}  // namespace multiprocessing
