// Barrier: a point that none of a number of processes passes before all have come.
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
/// it. When one of them is killed or fails, the barrier breaks: all who wait, and whoever comes,
/// get `BrokenBarrierError`, which names the dead. One that ends with exit code 0 is a party no
/// more.
class MULTIPROCESSING_API Barrier {
 public:
  /// For `parties` processes or threads; throws `ValueError` unless there is at least one.
  explicit Barrier(int parties);

  /// `action` runs in whichever process comes last, before anyone leaves, so it has to be
  /// something that can be sent. When it throws, the exception comes out of that `wait`, and the
  /// barrier is broken.
  Barrier(int parties, Function<void()> action);

  /// `timeout` holds for each `wait` that names none.
  Barrier(int parties, Function<void()> action, Timeout timeout);

  /// No barrier; for a variable that is about to receive one. Everything but == throws
  /// `ValueError`.
  Barrier() = default;

  /// Waits for the others; the number of those who came before, 0 … parties - 1, each once.
  ///
  /// Throws `BrokenBarrierError` when the barrier is broken or reset meanwhile, or when the time is
  /// over, which breaks it for all.
  int wait() const;
  int wait(Timeout timeout) const;

  /// Empties and mends it. Those who wait get `BrokenBarrierError`.
  void reset() const;

  /// Breaks it until `reset()`.
  void abort() const;

  [[nodiscard]] int parties() const;

  /// How many wait now.
  [[nodiscard]] int n_waiting() const;
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

  void keep_part() const;  // that adds the children which are handed it

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
