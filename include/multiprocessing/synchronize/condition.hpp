// Condition: waiting, under a lock, until another process says that something has changed.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <string>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/synchronize/lock.hpp"
#include "multiprocessing/synchronize/rlock.hpp"

namespace multiprocessing {

/// A condition variable with its lock, after Python's `multiprocessing.Condition`: what is acquired
/// and released is the lock, an `RLock` of its own or one that was given.
///
///     std::unique_lock guard{condition};
///     condition.wait_for([&] { return stock.value() > 0; });
///
/// A handle: copies are the same condition. `wait` and `notify` need the lock, held by the calling
/// thread, and throw `AssertionError` without it.
///
/// However it ends, `wait` comes back holding the lock. When the lock had to be taken over from a
/// process that died holding it, `wait` throws `OwnerDied`; unless the caller then calls
/// `recover()`, a release leaves the lock marked, so that other callers get `OwnerDied`, too.
///
/// A waiter that is killed takes no notification with it: the next waiter gets what was meant for
/// it. In Python it hangs the next `notify`.
class MULTIPROCESSING_API Condition : public detail::Acquirable {
 public:
  /// With an `RLock` of its own. It is made at first use, which throws `OSError` when shared memory
  /// runs out.
  Condition();

  /// With a lock that other objects use as well: several conditions may share one.
  explicit Condition(Lock lock);
  explicit Condition(RLock lock);

  /// Gives the lock back, all levels of an `RLock`, waits until it is notified, and takes the lock
  /// again. It does not end without a notification, but what it was notified of may have changed by
  /// the time that the lock is taken: `wait_for` looks again. Costs a system call or two.
  void wait() const;

  /// The same for at most `timeout`, and after it for as long as others hold the lock; returns
  /// whether it was notified.
  bool wait(Timeout timeout) const;

  /// Waits until `predicate()` is true, which is called at the start and after every notification,
  /// with the caller's lock held. Where it is true at once, the lock is not looked at.
  void wait_for(std::predicate auto predicate) const {
    while (!predicate()) wait();
  }

  /// The same for at most `timeout`; returns the predicate's last result.
  bool wait_for(std::predicate auto predicate, Timeout timeout) const {
    const Limit limit{timeout};
    bool holds = predicate();
    while (!holds && !limit.passed()) {
      static_cast<void>(wait(limit.left()));
      holds = predicate();
    }
    return holds;
  }

  /// Wakes the `n` waiters that have waited longest, or as many as there are: one system call for
  /// each that sleeps. It is not remembered for waiters that come later. Dead waiters do not count.
  void notify(int n = 1) const;

  /// Wakes all that wait now.
  void notify_all() const;

  /// Takes the lock over from a dead holder, or declares what it protects repaired after `wait`
  /// threw `OwnerDied`. Throws `ValueError` unless the last holder died.
  void recover() const;

  friend bool operator==(const Condition& a, const Condition& b) {
    return a.waiters_ == b.waiters_;
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    serialize_core(archive);
    archive& waiters_;
  }

 private:
  friend struct std::hash<Condition>;
  friend MULTIPROCESSING_API std::string to_string(const Condition& condition);

  /// The end of the whole of a `wait_for`.
  class MULTIPROCESSING_API Limit {
   public:
    explicit Limit(Timeout timeout);
    [[nodiscard]] bool passed() const;
    [[nodiscard]] Timeout left() const;

   private:
    Timeout length_;
    std::chrono::steady_clock::time_point start_;
  };

  detail::Handle waiters_;
};

/// As Python's repr: `<Condition(<RLock(None, 0)>, 2)>`, with the number of living waiters.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Condition& condition);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Condition> {
  std::size_t operator()(const multiprocessing::Condition& condition) const {
    return std::hash<multiprocessing::detail::Handle>{}(condition.waiters_);
  }
};
