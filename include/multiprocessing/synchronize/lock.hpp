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
/// Any process and thread may release it, as in Python; `release()` throws `ValueError` when it is
/// free.
///
/// When the process that holds it dies, every `acquire` throws `OwnerDied` until one caller's
/// `recover()` succeeds: that caller holds the lock then, and repairs what it protects. In Python
/// the lock stays taken for ever.
class MULTIPROCESSING_API Lock : public detail::Acquirable {
 public:
  /// A free lock. It is made at first use, which throws `OSError` when shared memory runs out.
  Lock();

  /// Takes over the lock of a dead holder: the caller holds it. Throws `ValueError` when it is free
  /// or its holder lives, also because another caller was faster.
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
