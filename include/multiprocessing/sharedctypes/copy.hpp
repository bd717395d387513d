// copy and synchronized: a shared object from another one.
#pragma once

#include <span>
#include <utility>

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/sharedctypes/value.hpp"

namespace multiprocessing {

/// A new shared object with what is in this one now, after Python's `sharedctypes.copy`. No lock is
/// taken: hold one while other processes write. Costs memory as large as the original's; throws
/// `OSError` when there is none.
template <class T>
[[nodiscard]] RawValue<T> copy(const RawValue<T>& raw) {
  return RawValue<T>(raw.value());
}
template <class T>
[[nodiscard]] RawArray<T> copy(const RawArray<T>& raw) {
  return RawArray<T>(std::span<const T>{raw.data(), raw.size()});
}

/// The same object with a lock, after Python's `sharedctypes.synchronized`: an `RLock` of its own,
/// or the one that is given. Nothing is copied. Code that goes on using the raw handle does not
/// take the lock, and another call makes another lock: pass on what this one returned.
///
///     mp::RawArray<int> raw(100);
///     std::iota(raw.begin(), raw.end(), 0);    // one process alone: no lock
///     mp::Array<int> all = mp::synchronized(raw);  // for several processes from now on
///
/// With an `RLock` single accesses nest in a guard, because its holder may take it again.
template <class T, class L = RLock>
[[nodiscard]] Value<T, L> synchronized(const RawValue<T>& raw, L lock = {}) {
  return Value<T, L>(raw, std::move(lock));
}
template <class T, class L = RLock>
[[nodiscard]] Array<T, L> synchronized(const RawArray<T>& raw, L lock = {}) {
  return Array<T, L>(raw, std::move(lock), nullptr);
}

/// A `Value` or `Array` has a lock already; Python asserts that when it runs.
template <class T, class L>
void synchronized(const Value<T, L>&) = delete;
template <class T, class L>
void synchronized(const Array<T, L>&) = delete;

}  // namespace multiprocessing
