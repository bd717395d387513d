// RawValue: one shared object without a lock.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/shared_cells.hpp"

namespace multiprocessing {

/// One `T` in shared memory without a lock, after Python's `RawValue` and `Value(…, lock=False)`.
///
/// A handle: copies, and what a child is given, are the same object. `T` is any trivially copyable
/// type without pointers. Reading and writing a number of up to eight bytes is never torn; a struct
/// may be seen half written. Any process and thread may use it.
///
///     mp::RawValue<double> best{1e9};
///
/// An access is a load or a store of memory, no more. Two processes that read, compute and write
/// lose changes of each other: a `Value` has a lock, and counters that need none.
template <class T>
class RawValue {
 public:
  /// Zero. Made at first use, which throws `OSError` when shared memory runs out.
  RawValue() : memory_(Cell::maker) {}

  /// Made at once. Python's `RawValue('d', 0.5)`.
  explicit RawValue(const T& initial) : memory_(Cell::make(initial)) {}

  /// Reads and writes, as Python's `x.value`.
  [[nodiscard]] T value() const { return cell().load(); }
  void set_value(const T& value) const { cell().store(value); }

  /// The object itself, for as long as a handle of this process lives, for `std::atomic_ref` or for
  /// changing one member of a struct.
  [[nodiscard]] T& get_obj() const { return cell().value; }
  T* operator->() const requires std::is_class_v<T> { return &cell().value; }

  /// Whether both are the same object, not whether their values are equal.
  friend bool operator==(const RawValue& a, const RawValue& b) { return a.memory_ == b.memory_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& memory_;
    place_ = {};
  }

 private:
  using Cell = detail::Cell<T>;
  template <class, class>
  friend class Value;
  friend struct detail::HashOfMemory;

  [[nodiscard]] Cell& cell() const { return place_.of(memory_); }
  [[nodiscard]] const detail::Handle& memory() const { return memory_; }

  detail::Handle memory_;
  detail::KnownPlace<Cell> place_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::RawValue<T>> : multiprocessing::detail::HashOfMemory {};
