// Semaphore and BoundedSemaphore: a number of units that are taken and given back.
#pragma once

#include <functional>
#include <string>

#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

struct SemaphoreOptions {
  int value = 1;  // units at the start

  /// Books which process took each unit and gives back those of the dead. Such a semaphore is
  /// bounded by `value`, at most 65536, and looks at each unit to find a free one.
  bool return_units_of_dead = false;
};

/// A counter that `acquire` takes one from, waiting while it is zero, and `release` adds one to,
/// after Python's `multiprocessing.Semaphore`.
///
/// A handle: copies are the same semaphore. Units are nobody's: any process may release what
/// another one took, and more than there were at first. What a process took that died stays taken,
/// unless `return_units_of_dead` was asked for.
///
///     mp::Semaphore slots{4};
///     std::scoped_lock slot{slots};
class MULTIPROCESSING_API Semaphore : public detail::Acquirable {
 public:
  /// Throws `OSError` (EINVAL) for a negative value.
  explicit Semaphore(int value = 1);
  explicit Semaphore(SemaphoreOptions options);

  /// Units that can be taken now; never negative.
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

/// A semaphore that refuses a release beyond its initial value with `ValueError`: a slip in the
/// program is seen. The check and the release are one step.
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
