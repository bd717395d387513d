// Acquirable: the base of locks, and of all that carries a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace multiprocessing::detail {

struct LockCore;  // lies in the arena; lib/synchronize/lock_core.hpp

/// Something to acquire and release: a lock, a semaphore, or an object that carries a lock and
/// shares it with all copies of that lock. `std::scoped_lock` and `std::unique_lock` take it. It is
/// a handle: copies are the same thing, in this process and in others.
///
/// Acquiring what is free costs one atomic instruction, and so does releasing what no thread waits
/// for: no system call. A thread that waits looks for some microseconds, then sleeps in the kernel,
/// and asks now and then whether the holder lives: one system call. `mp::Signals` may end a wait
/// by `Interrupted`.
class MULTIPROCESSING_API Acquirable {
 public:
  /// Waits until it is the caller's. Throws `OwnerDied` when the process that held it died: within
  /// a second of the death, in all threads that wait, and in each that comes later.
  void acquire() const;

  /// Waits at most `timeout`; says whether it is the caller's now. Zero or less: looks once.
  [[nodiscard]] bool acquire(Timeout timeout) const;

  /// Takes it if that is possible now; says whether it did. Throws `OwnerDied` as `acquire` does.
  [[nodiscard]] bool try_acquire() const;

  /// Gives it back, and wakes a thread that waits, if one sleeps: one system call.
  void release() const;

  /// Whether an acquire by another thread would have to wait now. One look, which may be out of
  /// date when it arrives.
  [[nodiscard]] bool locked() const;

  // The names that std::scoped_lock and std::unique_lock look for.
  void lock() const { acquire(); }
  [[nodiscard]] bool try_lock() const { return try_acquire(); }
  void unlock() const { release(); }

  /// Whether both are the same thing.
  friend bool operator==(const Acquirable& a, const Acquirable& b) { return a.core_ == b.core_; }

 protected:
  // One that is made at first use; one that is there already; and a copy that shares the lock.
  explicit Acquirable(const ObjectMaker& lazy) noexcept : core_(lazy) {}
  explicit Acquirable(Handle core) noexcept : core_(std::move(core)) {}
  Acquirable(const Acquirable&) = default;
  Acquirable(Acquirable&&) noexcept = default;
  Acquirable& operator=(const Acquirable&) = default;
  Acquirable& operator=(Acquirable&&) noexcept = default;
  ~Acquirable() = default;

  [[nodiscard]] LockCore& core() const {
    LockCore* at = known_.at.load(std::memory_order_acquire);
    return at != nullptr ? *at : find_core();
  }
  void recover_core() const;
  /// Gives back what the caller has just recovered, as its dead holder left it: to be recovered.
  void leave_unmended() const;
  [[nodiscard]] std::string text(const char* kind) const;

  template <class Archive>
  void serialize_core(Archive& archive) {
    archive& core_;
    known_ = {};
  }

 private:
  friend struct HashOfAcquirable;

  /// Where the core lies in this process, once it was asked for. Each copy asks by itself.
  struct Known {
    Known() = default;
    Known(const Known&) noexcept {}
    Known& operator=(const Known&) noexcept {
      at.store(nullptr, std::memory_order_relaxed);
      return *this;
    }
    std::atomic<LockCore*> at{nullptr};
  };

  [[nodiscard]] LockCore& find_core() const;

  Handle core_;
  mutable Known known_;
};

struct HashOfAcquirable {
  std::size_t operator()(const Acquirable& lock) const { return std::hash<Handle>{}(lock.core_); }
};

}  // namespace multiprocessing::detail
