// RawArray: shared elements without a lock.
#pragma once

#include <concepts>
#include <cstddef>
#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/shared_cells.hpp"
#include "multiprocessing/detail/shared_items.hpp"

namespace multiprocessing {

/// `mp::RawArray<T> table(size, {.sparse = true})`; Python has no counterpart.
struct ArrayOptions {
  /// Takes memory as elements are touched, page by page, so that an array may be
  /// larger than what is ever used of it. When memory runs out then, the process that touches it is
  /// killed. Without it all memory is reserved when the array is made, which throws `OSError`
  /// instead.
  bool sparse = false;
};

/// Elements in shared memory without a lock, after Python's `RawArray`: a contiguous range.
///
/// A handle: copies, and what a child is given, are the same elements. Any process and thread may
/// use it. Nothing guards the elements: a process that reads what another one writes has to know by
/// a lock, an event, a message or a join that it is written.
///
///     mp::RawArray<double> row(1000);  // zeroed
///     std::ranges::fill(row, 1.5);     // plain memory: no lock, no system call
///     mp::Process child{scale, row};   // void scale(mp::RawArray<double> row)
///     child.start();
///     child.join();                    // now what the child wrote can be read
///
/// It converts to `std::span<T>`, so that functions on spans need not know of it.
///
/// `T` is any trivially copyable type without pointers. The memory is shared, so passing an array
/// of any size to a child, a queue or a pool copies nothing but the handle. It is given back with
/// the last handle in any process, also when processes are killed.
template <class T>
class RawArray {
 public:
  /// No elements.
  RawArray() = default;

  /// `size` zeroed elements. Throws `OSError` when shared memory runs out, `ValueError` for more
  /// than any memory holds. Python's `RawArray('d', 1000)`.
  explicit RawArray(std::size_t size, ArrayOptions options = {}) : cells_(size, options.sparse) {}
  /// As many elements as there are items, which are copied.
  RawArray(std::initializer_list<T> items)
      : RawArray(std::span<const T>{items.begin(), items.size()}) {}
  /// The letters of a text, without a NUL behind them.
  explicit RawArray(std::string_view text) requires std::same_as<T, char>
      : RawArray(std::span<const char>{text.data(), text.size()}) {}
  /// From any range; each item is converted to a `T`.
  template <class R>
  requires(detail::ElementsFor<R, T, RawArray>&& std::ranges::forward_range<R>) explicit RawArray(
      R&& items)
      : RawArray(static_cast<std::size_t>(std::ranges::distance(items))) {
    T* next = begin();
    for (auto&& item : items) *next++ = static_cast<T>(item);
  }
  // A range that can be read only once is copied to a list first, to know its size.
  template <class R>
  requires(detail::ElementsFor<R, T, RawArray> &&
           !std::ranges::forward_range<R>) explicit RawArray(R&& items)
      : RawArray(list_of_all(items)) {}

  /// A reference into shared memory. Counts from the end when negative; throws `IndexError`. Loops
  /// over `begin()` or the span save that check.
  T& operator[](std::ptrdiff_t index) const { return data()[detail::place_of(index, size())]; }

  /// Python's `len(a)`; it never changes.
  [[nodiscard]] std::size_t size() const { return cells_.size(); }

  /// The elements in this process, in a row, until its last handle goes; elsewhere they lie at
  /// other addresses. Null for an array that was made by default.
  [[nodiscard]] T* data() const { return cells_.data(); }

  /// A contiguous range, so loops, algorithms and views of the standard take it as it is.
  [[nodiscard]] T* begin() const { return data(); }
  [[nodiscard]] T* end() const { return data() + size(); }
  operator std::span<T>() const { return {data(), size()}; }

  /// A copy of these elements, as `a[start:stop:step]`; `std::nullopt` for what is left out. Throws
  /// `ValueError` for a step of 0.
  [[nodiscard]] std::vector<T> slice(std::optional<std::ptrdiff_t> start = {},
                                     std::optional<std::ptrdiff_t> stop = {},
                                     std::ptrdiff_t step = 1) const {
    const auto places = detail::slice_of(start, stop, step, size());
    std::vector<T> items;
    items.reserve(places.count);
    for (std::size_t i = 0; i < places.count; ++i) items.push_back(data()[places[i]]);
    return items;
  }

  /// As `a[:] = items`, for any range of them. Throws `ValueError` when there are not as many as
  /// elements; nothing is changed then.
  template <class R>
  void set_slice(R&& items) const {
    set_slice({}, {}, items);
  }
  void set_slice(std::initializer_list<T> items) const { set_slice({}, {}, items); }

  /// As `a[start:stop:step] = items`, with the same check.
  template <class R>
  void set_slice(std::optional<std::ptrdiff_t> start, std::optional<std::ptrdiff_t> stop, R&& items,
                 std::ptrdiff_t step = 1) const {
    const auto all = detail::items_of<T>(items);
    const auto places = detail::slice_of(start, stop, step, size());
    if (places.count != all.size()) detail::throw_other_size(places.count, all.size());
    for (std::size_t i = 0; i < places.count; ++i) data()[places[i]] = all[i];
  }
  void set_slice(std::optional<std::ptrdiff_t> start, std::optional<std::ptrdiff_t> stop,
                 std::initializer_list<T> items, std::ptrdiff_t step = 1) const {
    set_slice(start, stop, std::span<const T>{items.begin(), items.end()}, step);
  }

  /// Whether both are the same elements, not whether these are equal.
  friend bool operator==(const RawArray& a, const RawArray& b) { return a.memory() == b.memory(); }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& cells_;
  }

 private:
  friend struct detail::HashOfMemory;

  template <class R>
  [[nodiscard]] static std::deque<T> list_of_all(R& items) {
    std::deque<T> list;
    for (auto&& item : items) list.push_back(static_cast<T>(item));
    return list;
  }

  [[nodiscard]] const detail::Handle& memory() const { return cells_.memory(); }

  detail::Cells<T> cells_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::RawArray<T>> : multiprocessing::detail::HashOfMemory {};
