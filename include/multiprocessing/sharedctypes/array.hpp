// Array: shared elements and their lock.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/shared_cells.hpp"
#include "multiprocessing/sharedctypes/array_element.hpp"
#include "multiprocessing/sharedctypes/raw_array.hpp"
#include "multiprocessing/sharedctypes/value.hpp"
#include "multiprocessing/synchronize/rlock.hpp"

namespace multiprocessing {

/// Elements in shared memory and their lock, after Python's `Array`: as many as it was made with.
///
/// A handle: copies, and what a child is given, are the same elements with the same lock. It is its
/// lock too, so that guards take it; `OwnerDied` and `recover()` are the lock's. The lock is an
/// `RLock` of its own unless one is given. Indices and slices follow Python's rules, and each
/// access is one critical section; for many at once hold the lock and use `get_obj()`, or `update`.
///
///     mp::Array<int> totals(4);             // zeroed
///     totals[-1] = 7;                       // the last
///     totals.update([](std::span<int> all) { std::ranges::sort(all); });
///
///     std::vector<int> some = totals.slice(1, 3);  // totals[1:3]
///     totals.set_slice(0, 2, {1, 2});              // totals[0:2] = [1, 2]
///     for (int total : totals.slice()) ...         // a copy; no lock is held meanwhile
///
///     std::scoped_lock guard{totals};              // many accesses, no copy
///     for (int& total : totals.get_obj()) total *= 2;
///
/// `T` is any trivially copyable type without pointers; Python's type codes are on the module's
/// page. An access takes the lock: two atomic instructions and no system call where it is free.
/// What is passed to a child, a queue or a pool is the handle, however many elements there are. The
/// memory is given back with the last handle in any process. Any process and thread may use it.
template <class T, class L = RLock>
class Array : public detail::carried_lock<L> {
 public:
  /// No elements.
  Array() = default;

  /// `size` zeroed elements. Throws `OSError` when shared memory runs out, `ValueError` for more
  /// than any memory holds. Python's `Array('i', 10)`.
  explicit Array(std::size_t size, ArrayOptions options = {}) : raw_(size, options) {}
  /// The same behind a lock that other objects have as well, as Python's `lock=lock`.
  Array(std::size_t size, L lock) : L(std::move(lock)), raw_(size) {}
  /// As many elements as there are items, which are copied. Python's `Array('i', [1, 2])`.
  Array(std::initializer_list<T> items) : raw_(items) {}
  Array(std::initializer_list<T> items, L lock) : L(std::move(lock)), raw_(items) {}
  /// The same from any range, such as a `std::vector` or a view; each item is converted to a `T`.
  template <class R>
  requires detail::ElementsFor<R, T, Array>
  explicit Array(R&& items) : raw_(std::forward<R>(items)) {}
  template <class R>
  requires detail::ElementsFor<R, T, Array> Array(R&& items, L lock)
      : L(std::move(lock)), raw_(std::forward<R>(items)) {}

  /// The letters of a text, without a NUL behind them. Python's `Array('c', b'hello')`.
  explicit Array(std::string_view text) requires std::same_as<T, char> : raw_(text) {}
  Array(std::string_view text, L lock) requires std::same_as<T, char> : L(std::move(lock)),
                                                                        raw_(text) {}

  /// Counts from the end when negative. Throws `IndexError`. Each reading or writing of the result
  /// is a critical section of its own.
  [[nodiscard]] ArrayElement<T> operator[](std::ptrdiff_t index) const {
    return {get_lock(), raw_[index]};
  }
  /// Python's `len(a)`; it never changes, so no lock is taken.
  [[nodiscard]] std::size_t size() const { return raw_.size(); }

  /// A copy of these elements, as `a[start:stop:step]`; `std::nullopt` for what is left out. All
  /// are read in one critical section. Throws `ValueError` for a step of 0.
  [[nodiscard]] std::vector<T> slice(std::optional<std::ptrdiff_t> start = {},
                                     std::optional<std::ptrdiff_t> stop = {},
                                     std::ptrdiff_t step = 1) const {
    const std::scoped_lock guard{get_lock()};
    return raw_.slice(start, stop, step);
  }

  /// As `a[:] = items`, for any range of them, in one critical section. Throws `ValueError` when
  /// there are not as many as elements; nothing is changed then.
  template <class R>
  void set_slice(R&& items) const {
    set_slice({}, {}, items);
  }
  void set_slice(std::initializer_list<T> items) const { set_slice({}, {}, items); }

  /// As `a[start:stop:step] = items`. Items of another type are converted before the lock is taken.
  template <class R>
  void set_slice(std::optional<std::ptrdiff_t> start, std::optional<std::ptrdiff_t> stop, R&& items,
                 std::ptrdiff_t step = 1) const {
    const auto all = detail::items_of<T>(items);
    const std::scoped_lock guard{get_lock()};
    raw_.set_slice(start, stop, all, step);
  }
  void set_slice(std::optional<std::ptrdiff_t> start, std::optional<std::ptrdiff_t> stop,
                 std::initializer_list<T> items, std::ptrdiff_t step = 1) const {
    set_slice(start, stop, std::span<const T>{items.begin(), items.end()}, step);
  }

  /// Calls `change` with all elements, a `std::span<T>`, in one critical section, and returns what
  /// it returns. An exception of its own passes, and leaves what was changed until then.
  template <std::invocable<std::span<T>> F>
  std::decay_t<std::invoke_result_t<F&, std::span<T>>> update(F change) const {
    const std::scoped_lock guard{get_lock()};
    return change(get_obj());
  }

  // ---- a text

  /// A copy of the text up to the first NUL; Python's `a.value`.
  [[nodiscard]] std::string value() const requires std::same_as<T, char> {
    const std::scoped_lock guard{get_lock()};
    return {raw_.begin(), std::find(raw_.begin(), raw_.end(), '\0')};
  }
  /// A copy of all of it, NULs too; Python's `a.raw`.
  [[nodiscard]] Bytes raw() const requires std::same_as<T, char> {
    const std::scoped_lock guard{get_lock()};
    return Bytes{std::string_view{raw_.data(), raw_.size()}};
  }
  /// Writes the text, and a NUL behind it if there is room; the rest stays as it was. Throws
  /// `ValueError` when it is longer than the array. Python's `a.value = text`.
  void set_value(std::string_view text) const requires std::same_as<T, char> {
    if (text.size() > size()) detail::throw_too_long(text.size(), size());
    const std::scoped_lock guard{get_lock()};
    std::ranges::copy(text, raw_.begin());
    if (text.size() < size()) raw_.begin()[text.size()] = '\0';
  }

  // ---- its parts

  /// The elements themselves, for as long as a handle of this process lives. Hold the lock while
  /// using them: `std::scoped_lock guard{array};`.
  [[nodiscard]] std::span<T> get_obj() const { return raw_; }
  /// The lock alone, for another object that is to share it.
  [[nodiscard]] const L& get_lock() const { return *this; }

  /// Whether both are the same elements, not whether these are equal.
  friend bool operator==(const Array& a, const Array& b) { return a.raw_ == b.raw_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    L::serialize(archive, version);
    archive& raw_;
  }

 private:
  friend struct detail::HashOfMemory;
  template <class U, class M>
  friend Array<U, M> synchronized(const RawArray<U>& raw, M lock);

  Array(RawArray<T> raw, L lock, std::nullptr_t) : L(std::move(lock)), raw_(std::move(raw)) {}

  [[nodiscard]] const detail::Handle& memory() const { return raw_.memory(); }

  RawArray<T> raw_;
};

}  // namespace multiprocessing

template <class T, class L>
struct std::hash<multiprocessing::Array<T, L>> : multiprocessing::detail::HashOfMemory {};
