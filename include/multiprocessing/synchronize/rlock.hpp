// RLock: a lock that its holder may acquire again.
#pragma once

#include <functional>
#include <string>

#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// A recursive lock, after Python's `multiprocessing.RLock`: owned by one thread of one process,
/// which may acquire it again and has to release it as often.
///
/// A handle: copies are the same lock. `release()` throws `AssertionError` unless the calling
/// thread holds it. A child that is forked while its parent holds it does not.
///
/// When the process that holds it dies, `acquire` throws `OwnerDied` until one caller's `recover()`
/// succeeds. A thread that ends without releasing the lock keeps it until its process ends.
class MULTIPROCESSING_API RLock : public detail::Acquirable {
 public:
  /// A free lock. It is made at first use, which throws `OSError` when shared memory runs out.
  RLock();

  /// Takes over the lock of a dead holder: the calling thread holds it, at one level. Throws
  /// `ValueError` when the lock is free or its holder lives, also because another was faster.
  void recover() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    serialize_core(archive);
  }

 private:
  friend MULTIPROCESSING_API std::string to_string(const RLock& lock);
};

/// As Python's repr: `<RLock(None, 0)>`, `<RLock(MainProcess, 2)>`,
/// `<RLock(SomeOtherThread, nonzero)>`, `<RLock(SomeOtherProcess, nonzero)>`.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const RLock& lock);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::RLock> : multiprocessing::detail::HashOfAcquirable {};
