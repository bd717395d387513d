// The lock that a shared object carries, and what holds it for one expression.
#pragma once

#include <concepts>
#include <mutex>
#include <type_traits>

#include "multiprocessing/detail/acquirable.hpp"
#include "multiprocessing/synchronize/rlock.hpp"

namespace multiprocessing::detail {

/// Holds a lock until the end of the expression in which it was made, and shows what it protects.
template <class T>
class Locked {
 public:
  Locked(const Acquirable& lock, T* object) : guard_(lock), object_(object) {}
  T* operator->() const { return object_; }

 private:
  std::scoped_lock<const Acquirable> guard_;
  T* object_;
};

// A constant and no concept: of a concept the compiler would say why it does not hold.
template <class L>
inline constexpr bool is_lock = std::derived_from<L, Acquirable>;

/// The lock that a shared object derives from.
template <class L>
struct CarriedLock {
  static_assert(is_lock<L>,
                "multiprocessing: the lock of a shared object is a Lock, RLock or Semaphore; "
                "RawValue and RawArray have none");
  using type = std::conditional_t<is_lock<L>, L, RLock>;
};
template <class L>
using carried_lock = typename CarriedLock<L>::type;

}  // namespace multiprocessing::detail
