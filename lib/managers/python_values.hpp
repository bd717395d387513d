// What Python's interpreter does with values: iteration, order, indices, slices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// Elements of one container, and bytes of one text, that a call may make.
inline constexpr std::size_t most_elements = std::size_t{1} << 26U;
inline constexpr std::size_t most_text = std::size_t{1} << 30U;

/// Its class as Python's messages name it; of a proxy, the proxy's.
[[nodiscard]] std::string type_name(const Object& value);

/// What a loop over the value gives. Throws TypeError: "'int' object is not iterable".
[[nodiscard]] std::vector<Object> elements_of(const Object& iterable);
[[nodiscard]] bool is_iterable(const Object& value);

/// Python's `a < b`. Throws TypeError for what has no order.
[[nodiscard]] bool less(const Object& a, const Object& b);

/// An int or bool.
[[nodiscard]] bool is_int(const Object& value) noexcept;
/// Its value where 64 bits hold it; else the nearest that they hold.
[[nodiscard]] std::int64_t clamped(const Object& integer);
/// The value of an int. Throws TypeError for what is none, and `overflow` with the text for one
/// that 64 bits do not hold.
[[nodiscard]] std::int64_t integer_of(
    const Object& value, std::string_view overflow = "OverflowError",
    std::string_view text = "cannot fit 'int' into an index-sized integer");

/// How an index is named in messages, such as "list indices must be integers or slices".
struct IndexTexts {
  std::string_view wrong_type;
  bool names_type;
  std::string_view out_of_range;
};
/// A place in a sequence of this size; negative indices count from the end.
[[nodiscard]] std::size_t place_of(const Object& index, std::size_t size, const IndexTexts& texts);

/// Which elements a slice means.
struct Slice {
  std::int64_t start, stop, step;
  std::size_t count;
  [[nodiscard]] std::size_t at(std::size_t i) const {
    return static_cast<std::size_t>(start + static_cast<std::int64_t>(i) * step);
  }
};
/// Takes the elements of a slice out of what keeps `size` of them: calls move(from, to) for each
/// that gets another place, from the lowest on. Gives how many are left.
template <class Move>
std::size_t close_up(const Slice& slice, std::size_t size, Move move) {
  if (slice.count == 0) return size;
  const auto step = static_cast<std::size_t>(slice.step > 0 ? slice.step : -slice.step);
  const std::size_t first = slice.at(slice.step > 0 ? 0 : slice.count - 1);
  std::size_t to = first;
  for (std::size_t from = first; from < size; ++from) {
    const std::size_t past = from - first;
    if (past % step == 0 && past / step < slice.count) continue;
    move(from, to++);
  }
  return to;
}
[[nodiscard]] bool is_slice(const Object& value);
[[nodiscard]] Slice slice_of(const Object& slice, std::size_t size);
/// A bound as `list.index` takes it: cut to what there is, negative ones from the end.
[[nodiscard]] std::size_t bound_of(const Object& bound, std::size_t size);

/// An iterator as Python pickles it: of these elements, from the first.
[[nodiscard]] Object iterator_over(std::vector<Object> items);
/// Of a list from its end.
[[nodiscard]] Object reversed_list(std::vector<Object> items);

}  // namespace multiprocessing::detail
