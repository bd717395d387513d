// What `array[i]` gives: one element, read and written under the array's lock.
#pragma once

#include <mutex>
#include <type_traits>

#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/detail/carried_lock.hpp"

namespace multiprocessing {

/// One element of an `Array`: reads by conversion, writes by assignment, each in one critical
/// section. It must not be kept longer than the array that it came from.
///
///     int last = totals[-1];   // reads; `auto` would keep this object instead
///     totals[0] = last;        // writes
///     totals[0] += 2;          // reads and writes in one critical section
///
/// Every access throws `OwnerDied` when the lock's holder died, as `Lock::acquire` does.
template <class T>
class ArrayElement {
 public:
  ArrayElement(const detail::Acquirable& lock, T& at) : lock_(lock), at_(at) {}
  ArrayElement(const ArrayElement&) = default;

  /// Reads the element, whole.
  operator T() const {
    const std::scoped_lock guard{lock_};
    return at_;
  }
  /// Writes the element; what was read before may have been changed by others meanwhile.
  const ArrayElement& operator=(const T& value) const {
    const std::scoped_lock guard{lock_};
    at_ = value;
    return *this;
  }
  /// Copies the element, as `a[0] = b[1]` says; in two critical sections, because threads that take
  /// two locks at once might wait for each other.
  const ArrayElement& operator=(const ArrayElement& other) const {
    return *this = static_cast<T>(other);
  }
  /// Adds in one critical section, unlike in Python, so that no addition is lost.
  const ArrayElement& operator+=(const T& value) const requires std::is_arithmetic_v<T> {
    const std::scoped_lock guard{lock_};
    at_ = static_cast<T>(at_ + value);
    return *this;
  }
  /// `points[0]->x = 1` holds the lock to the end of the expression.
  detail::Locked<T> operator->() const requires std::is_class_v<T> { return {lock_, &at_}; }

 private:
  const detail::Acquirable& lock_;
  T& at_;
};

}  // namespace multiprocessing
