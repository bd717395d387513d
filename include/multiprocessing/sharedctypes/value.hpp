// Value: one shared object and its lock.
#pragma once

#include <concepts>
#include <functional>
#include <mutex>
#include <type_traits>
#include <utility>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/carried_lock.hpp"
#include "multiprocessing/detail/shared_cells.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/synchronize/rlock.hpp"

namespace multiprocessing {

/// One `T` in shared memory and its lock, after Python's `Value`.
///
/// A handle: copies, and what a child is given, are the same object with the same lock. It is its
/// lock too, so that guards take it; `OwnerDied` and `recover()` are the lock's. The lock is an
/// `RLock` of its own unless one is given.
///
///     mp::Value<int> counter{0};
///     counter.update([](int& n) { n += 2; });     // one critical section
///     counter.fetch_add(1);                       // one instruction, without the lock
///     std::scoped_lock guard{counter};            // as many accesses as you like
///
/// A struct takes the place of Python's `Structure`:
///
///     struct Point { double x, y; };
///     mp::Value<Point> point{{1, 2}};
///     point->x = 3;                               // one critical section
///     point.update([](Point& p) { std::swap(p.x, p.y); });
///
/// `counter.set_value(counter.value() + 1)` is two critical sections, and loses what others do in
/// between; there is no `+=` for that reason. Any process and thread may use it.
///
/// `T` is any trivially copyable type without pointers, of any size. The lock costs two atomic
/// instructions where it is free, and no system call. When its holder dies, every call that takes
/// it throws `OwnerDied` until `recover()`. A struct may be half changed then; numbers are stored
/// whole.
template <class T, class L = RLock>
class Value : public detail::carried_lock<L> {
 public:
  /// Zero. Made at first use, which throws `OSError` when shared memory runs out.
  Value() = default;

  /// Python's `Value('i', 7)` and `Value('i', 7, lock=lock)`; several objects may share a lock.
  explicit Value(const T& initial) : raw_(initial) {}
  Value(const T& initial, L lock) : L(std::move(lock)), raw_(initial) {}

  /// A copy of the object; Python's `n.value`. Under the lock, as all below that do not say
  /// otherwise.
  [[nodiscard]] T value() const {
    const std::scoped_lock guard{get_lock()};
    return raw_.value();
  }
  void set_value(const T& value) const {
    const std::scoped_lock guard{get_lock()};
    raw_.set_value(value);
  }

  /// Calls `change` with a reference to the object, in one critical section, and returns what it
  /// returns. If another process changes a number without the lock meanwhile, `change` runs again
  /// on the new one. When it throws, a number stays as it was; a struct stays as `change` left it.
  template <std::invocable<T&> F>
  std::decay_t<std::invoke_result_t<F&, T&>> update(F change) const {
    const std::scoped_lock guard{get_lock()};
    if constexpr (detail::is_atomic_number<T>)
      return change_number(change);
    else
      return change(raw_.get_obj());
  }

  /// `point->x = 1` holds the lock to the end of the expression.
  detail::Locked<T> operator->() const requires std::is_class_v<T> {
    return {get_lock(), &raw_.get_obj()};
  }

  // ---- without the lock, in one instruction of the processor each

  // For numbers and enumerations of up to eight bytes. They work also while another process holds
  // the lock, or died with it.

  /// Adds `n`, which may be negative; returns what was there before. Numbers wrap around.
  T fetch_add(T n) const requires(std::integral<T> && !std::same_as<T, bool>) {
    return atomic().fetch_add(n);
  }
  /// Stores `wanted`; returns what was there before.
  T exchange(T wanted) const requires detail::is_atomic_number<T> {
    return atomic().exchange(wanted);
  }
  /// Stores `wanted` and returns true if `expected` is there; otherwise `expected` becomes what is
  /// there.
  bool compare_exchange(T& expected, T wanted) const requires detail::is_atomic_number<T> {
    return atomic().compare_exchange_strong(expected, wanted);
  }

  // ---- waiting, without the lock

  // One process waits for another's progress, without a lock or a queue:
  //
  //     for (long seen = done.value(); seen < all; seen = done.value()) {
  //       show(seen);
  //       done.wait(seen, 1s);  // the workers call fetch_add, then notify_all
  //     }

  /// Waits until the number is another than `old`, by sleeping in the kernel. The process that
  /// changes it calls `notify_all()` or `notify_one()` afterwards; a change without that, because
  /// its process was killed, say, is seen within a second. Python has no counterpart.
  void wait(T old) const requires detail::is_atomic_number<T> {
    static_cast<void>(wait(old, Timeout::infinite));
  }

  /// Waits at most `timeout`; returns whether the number is another.
  bool wait(T old, Timeout timeout) const requires detail::is_atomic_number<T> {
    return detail::wait_for_change(raw_.cell().changes, timeout,
                                   [&] { return raw_.value() != old; });
  }

  /// Wakes one waiter, or all; one system call if any sleep.
  void notify_one() const { raw_.cell().changes.notify(1); }
  void notify_all() const;

  // ---- its parts

  /// The object itself, for as long as a handle of this process lives. Hold the lock while using
  /// it: `std::scoped_lock guard{value};`.
  [[nodiscard]] T& get_obj() const { return raw_.get_obj(); }
  /// The lock alone, for another object that is to share it.
  [[nodiscard]] const L& get_lock() const { return *this; }

  /// Whether both are the same object, not whether their values are equal.
  friend bool operator==(const Value& a, const Value& b) { return a.raw_ == b.raw_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    L::serialize(archive, version);
    archive& raw_;
  }

 private:
  friend struct detail::HashOfMemory;
  template <class U, class M>
  friend Value<U, M> synchronized(const RawValue<U>& raw, M lock);

  Value(RawValue<T> raw, L lock) : L(std::move(lock)), raw_(std::move(raw)) {}

  [[nodiscard]] const detail::Handle& memory() const { return raw_.memory(); }
  [[nodiscard]] std::atomic_ref<T> atomic() const { return std::atomic_ref<T>{raw_.get_obj()}; }

  template <class F>
  std::decay_t<std::invoke_result_t<F&, T&>> change_number(F& change) const {
    for (T seen = raw_.value();;) {
      T wanted = seen;
      if constexpr (std::is_void_v<std::invoke_result_t<F&, T&>>) {
        change(wanted);
        if (atomic().compare_exchange_strong(seen, wanted)) return;
      } else {
        std::decay_t<std::invoke_result_t<F&, T&>> result = change(wanted);
        if (atomic().compare_exchange_strong(seen, wanted)) return result;
      }
    }
  }

  RawValue<T> raw_;
};

template <class T>
Value(T) -> Value<T>;
template <class T, class L>
Value(T, L) -> Value<T, L>;

template <class T, class L>
void Value<T, L>::notify_all() const {
  raw_.cell().changes.notify_all();
}

}  // namespace multiprocessing

template <class T, class L>
struct std::hash<multiprocessing::Value<T, L>> : multiprocessing::detail::HashOfMemory {};
