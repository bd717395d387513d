// copy and synchronized: a shared object from another one.
#pragma once

#include <span>
#include <utility>

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/raw_value.hpp"
#include "multiprocessing/sharedctypes/value.hpp"

namespace multiprocessing {

/// A new shared object with what is in this one now, after Python's `sharedctypes.copy`.
template <class T>
[[nodiscard]] RawValue<T> copy(const RawValue<T>& raw) {
  return RawValue<T>(raw.value());
}
template <class T>
[[nodiscard]] RawArray<T> copy(const RawArray<T>& raw) {
  return RawArray<T>(std::span<const T>{raw.data(), raw.size()});
}

/// The same object with a lock, after Python's `sharedctypes.synchronized`: `RLock` of its own, or
/// the one that is given. Those who use the raw handle on go past the lock.
template <class T, class L = RLock>
[[nodiscard]] Value<T, L> synchronized(const RawValue<T>& raw, L lock = {}) {
  return Value<T, L>(raw, std::move(lock));
}
template <class T, class L = RLock>
[[nodiscard]] Array<T, L> synchronized(const RawArray<T>& raw, L lock = {}) {
  return Array<T, L>(raw, std::move(lock), nullptr);
}

/// It has a lock already.
template <class T, class L>
void synchronized(const Value<T, L>&) = delete;
template <class T, class L>
void synchronized(const Array<T, L>&) = delete;

}  // namespace multiprocessing
