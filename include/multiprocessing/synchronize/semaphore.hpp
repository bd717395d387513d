// Semaphore and BoundedSemaphore: a number of units that are taken and given back.
#pragma once

#include <functional>
#include <string>

#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

struct SemaphoreOptions {
  int value = 1;  // units at the start

  /// Records which process took each unit, and gives back the units of a process that died. Such a
  /// semaphore is bounded by `value`, 65536 at most, takes 4 bytes of shared memory for each unit,
  /// and looks through them to find a free one. Python has no counterpart.
  bool return_units_of_dead = false;
};

/// A counter that `acquire` takes one from, waiting while it is zero, and `release` adds one to,
/// after Python's `multiprocessing.Semaphore`.
///
/// A handle: copies are the same semaphore. Units have no owner: any process may release what
/// another one took, and more than there were at first. A unit that a process took before it died
/// stays taken, as in Python, unless `return_units_of_dead` was asked for.
///
///     mp::Semaphore slots{4};
///     std::scoped_lock slot{slots};
class MULTIPROCESSING_API Semaphore : public detail::Acquirable {
 public:
  /// Throws `OSError`: EINVAL for a negative value, else when shared memory runs out.
  explicit Semaphore(int value = 1);

  /// The same, and `ValueError` for more than 65536 units that are to be returned.
  explicit Semaphore(SemaphoreOptions options);

  /// Units that can be taken now; never negative. Other processes may have changed it when it
  /// arrives.
  [[nodiscard]] int get_value() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    serialize_core(archive);
  }

 protected:
  using Acquirable::Acquirable;

 private:
  friend MULTIPROCESSING_API std::string to_string(const Semaphore& semaphore);
};

/// A semaphore that refuses a release beyond its initial value with `ValueError`, so that a slip in
/// the program is seen. The check and the release are one step; Python looks first, then releases.
class MULTIPROCESSING_API BoundedSemaphore : public Semaphore {
 public:
  explicit BoundedSemaphore(int value = 1);
};

/// As Python's repr: `<Semaphore(value=2)>`, `<BoundedSemaphore(value=2, maxvalue=3)>`.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Semaphore& semaphore);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Semaphore> : multiprocessing::detail::HashOfAcquirable {};
template <>
struct std::hash<multiprocessing::BoundedSemaphore> : multiprocessing::detail::HashOfAcquirable {};
