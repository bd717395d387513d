// Lock: one holder at a time, across processes and threads.
#pragma once

#include <functional>
#include <string>

#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// A lock that processes and threads take in turn, after Python's `multiprocessing.Lock`.
///
/// A `Lock` is a handle. Its copies, and the copy that a child process is given, are all the same
/// lock. It is not recursive: a holder that acquires it again waits for itself; use `RLock` there.
///
///     mp::Lock lock;
///     mp::Process child{print_greeting, lock};  // the child gets the same lock
///     std::scoped_lock guard{lock};             // the standard's guards work
///
/// Any process and thread may release it, as in Python; `release()` throws `ValueError` when nobody
/// holds it.
///
/// When the process that holds it dies, `acquire` throws `OwnerDied` to everyone, until somebody
/// calls `recover()` and with that holds the lock and may mend what it protects.
class MULTIPROCESSING_API Lock : public detail::Acquirable {
 public:
  /// A lock that nobody holds. It is made at first use, which throws `OSError` when shared memory
  /// runs out.
  Lock();

  /// Takes over a lock whose holder died: the caller holds it. Throws `ValueError` when nobody died
  /// holding it.
  void recover() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    serialize_core(archive);
  }

 private:
  friend MULTIPROCESSING_API std::string to_string(const Lock& lock);
};

/// As Python's repr: `<Lock(owner=None)>`, the process's name when the caller holds it (with
/// `|Thread-2` outside its main thread), `SomeOtherThread` or `SomeOtherProcess`.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Lock& lock);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Lock> : multiprocessing::detail::HashOfAcquirable {};
