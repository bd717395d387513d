// Barrier: a point that no process passes before all have come to it.
#pragma once

#include <functional>
#include <string>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/reduction/function.hpp"

namespace multiprocessing {

/// A rendezvous for a fixed number of parties, after Python's `multiprocessing.Barrier`; used again
/// and again. A handle: copies, in any process of the family, are the same barrier.
///
///     mp::Barrier start{4};
///     // in each of four processes:
///     start.wait();
///
/// Its parties are the processes that were handed it in `Process` arguments or that have waited for
/// it. When one of them is killed or fails, the barrier breaks: every call that waits, and every
/// later one, throws `BrokenBarrierError`, which names the dead process. A process that ends with
/// exit code 0 is a party no more.
///
/// An arrival takes a lock in shared memory, without a system call where it is free. The last one
/// wakes the others by one system call; before that it asks for each party whether it lives, unless
/// the round was shorter than 50 microseconds.
class MULTIPROCESSING_API Barrier {
 public:
  /// For `parties` processes or threads; throws `ValueError` unless there is at least one, and
  /// `OSError` when shared memory runs out. Python accepts 0 and then lets no party pass.
  explicit Barrier(int parties);

  /// `action` runs in the thread that comes last, before any other is let go, so it has to be
  /// something that can be sent. When it throws, the exception comes out of that `wait`, and the
  /// barrier is broken for the others.
  Barrier(int parties, Function<void()> action);

  /// `timeout` holds for each `wait` without one of its own, in every process.
  Barrier(int parties, Function<void()> action, Timeout timeout);

  /// No barrier; for a variable that is about to receive one. Every call but == throws
  /// `ValueError`.
  Barrier() = default;

  /// Waits for the other parties. Returns how many came before, 0 … parties - 1, each number once a
  /// round, so `if (barrier.wait() == 0)` picks one process.
  ///
  /// Throws `BrokenBarrierError` when the barrier is broken or reset meanwhile, or when the time is
  /// over, which breaks it for all. A party that is stopped inside `wait` (SIGSTOP) delays those
  /// without a time-out.
  int wait() const;
  int wait(Timeout timeout) const;

  /// Makes it whole and empty again, after a break or at any time. Calls that wait throw
  /// `BrokenBarrierError`.
  void reset() const;

  /// Breaks it until `reset()`: calls of `wait`, now and later, throw `BrokenBarrierError`. Waits a
  /// second at most for a party that is stopped inside it.
  void abort() const;

  /// How many have to come, as it was made with.
  [[nodiscard]] int parties() const;

  /// How many have come in this round; 0 when the barrier is broken, and while the action runs.
  [[nodiscard]] int n_waiting() const;

  /// Whether `wait` would throw at once, until `reset()`.
  [[nodiscard]] bool broken() const;

  friend bool operator==(const Barrier& a, const Barrier& b) { return a.body_ == b.body_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& body_;
    archive& action_;
    if constexpr (!Archive::is_saving::value) keep_part();
  }

 private:
  friend struct std::hash<Barrier>;
  friend MULTIPROCESSING_API std::string to_string(const Barrier& barrier);

  void keep_part() const;  // registers children that are handed it

  detail::Handle body_;
  Function<void()> action_;
};

/// `<Barrier at 0x10040: waiters=1/4>`, or `: broken>`; the number is its place in shared memory.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Barrier& barrier);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Barrier> {
  std::size_t operator()(const multiprocessing::Barrier& barrier) const {
    return std::hash<multiprocessing::detail::Handle>{}(barrier.body_);
  }
};
