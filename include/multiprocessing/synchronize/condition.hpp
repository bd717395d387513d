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
/// Whatever it ends by, `wait` comes back holding the lock. When that had to be taken over from a
/// process that died holding it, `wait` throws `OwnerDied`; unless the caller then calls
/// `recover()`, a release leaves the lock marked, so that others are told as well.
class MULTIPROCESSING_API Condition : public detail::Acquirable {
 public:
  /// With an `RLock` of its own. It is made at first use.
  Condition();
  explicit Condition(Lock lock);
  explicit Condition(RLock lock);

  /// Gives the lock back, all levels of it, sleeps until it is notified, and takes it again.
  void wait() const;

  /// The same for at most `timeout`, beside what it takes to have the lock again; says whether it
  /// was notified.
  bool wait(Timeout timeout) const;

  /// Waits until `predicate` holds, which is asked at the start and after every notification. When
  /// it holds at once the lock is not needed.
  void wait_for(std::predicate auto predicate) const {
    while (!predicate()) wait();
  }

  /// The same for at most `timeout`; says what the predicate gave last.
  bool wait_for(std::predicate auto predicate, Timeout timeout) const {
    const Limit limit{timeout};
    bool holds = predicate();
    while (!holds && !limit.passed()) {
      static_cast<void>(wait(limit.left()));
      holds = predicate();
    }
    return holds;
  }

  /// Wakes the `n` that have waited longest, or as many as there are. It is not remembered for
  /// those who come later. Those who died do not count: what was meant for one goes to the next.
  void notify(int n = 1) const;
  void notify_all() const;

  /// Takes the lock over from a holder that died. Throws `ValueError` when nobody died holding it.
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

  /// When the whole of a `wait_for` has to be over.
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

/// As Python's repr: `<Condition(<RLock(None, 0)>, 2)>`, with the number of those who wait.
[[nodiscard]] MULTIPROCESSING_API std::string to_string(const Condition& condition);

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Condition> {
  std::size_t operator()(const multiprocessing::Condition& condition) const {
    return std::hash<multiprocessing::detail::Handle>{}(condition.waiters_);
  }
};
