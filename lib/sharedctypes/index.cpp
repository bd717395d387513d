// Python's rules for indices and slices.
#include <algorithm>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/shared_cells.hpp"

namespace multiprocessing::detail {
namespace {

/// A bound of a slice: from the end when negative, and within what there is.
std::ptrdiff_t bound(std::optional<std::ptrdiff_t> given, std::ptrdiff_t left_out,
                     std::ptrdiff_t size, std::ptrdiff_t least, std::ptrdiff_t most) {
  if (!given) return left_out;
  return std::clamp(*given < 0 ? *given + size : *given, least, most);
}

}  // namespace

std::size_t place_of(std::ptrdiff_t index, std::size_t size) {
  const auto count = static_cast<std::ptrdiff_t>(size);
  if (index >= count || index < -count)
    throw IndexError("index " + std::to_string(index) + " is out of range: there are " +
                     std::to_string(size) + " elements");
  return static_cast<std::size_t>(index < 0 ? index + count : index);
}

SlicePlaces slice_of(std::optional<std::ptrdiff_t> start, std::optional<std::ptrdiff_t> stop,
                     std::ptrdiff_t step, std::size_t size) {
  if (step == 0) throw ValueError("slice step cannot be zero");
  const auto count = static_cast<std::ptrdiff_t>(size);
  const bool forward = step > 0;
  const std::ptrdiff_t least = forward ? 0 : -1;
  const std::ptrdiff_t most = forward ? count : count - 1;
  const std::ptrdiff_t first = bound(start, forward ? 0 : count - 1, count, least, most);
  const std::ptrdiff_t last = bound(stop, forward ? count : -1, count, least, most);
  // As unsigned, so that a step of the least number has a magnitude.
  const auto stride = forward ? static_cast<std::size_t>(step) : 0 - static_cast<std::size_t>(step);
  const std::ptrdiff_t distance = forward ? last - first : first - last;
  if (distance <= 0) return {0, step, 0};
  return {static_cast<std::size_t>(first), step,
          (static_cast<std::size_t>(distance) - 1) / stride + 1};
}

void throw_too_many(std::size_t size) {
  throw ValueError("an array cannot have " + std::to_string(size) +
                   " elements; was a negative number meant?");
}

void throw_other_size(std::size_t slice, std::size_t given) {
  throw ValueError("can only assign a sequence of the same size: the slice has " +
                   std::to_string(slice) + " elements, " + std::to_string(given) + " are given");
}

void throw_too_long(std::size_t text, std::size_t array) {
  throw ValueError("the text is too long: " + std::to_string(text) + " bytes for an array of " +
                   std::to_string(array));
}

}  // namespace multiprocessing::detail
