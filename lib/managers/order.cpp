#include "managers/order.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "managers/python_values.hpp"

namespace multiprocessing::detail {
namespace {

using Places = std::vector<const Object*>;

/// How many lead in order; a strictly falling run is turned round.
std::size_t first_run(Places& places) {
  std::size_t end = 2;
  if (places.size() < end) return places.size();
  const bool falling = less(*places[1], *places[0]);
  while (end < places.size() && less(*places[end], *places[end - 1]) == falling) ++end;
  if (falling) std::reverse(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(end));
  return end;
}

/// The comparisons that CPython makes of a short list, in its order: which of them fails first
/// decides what the error says.
void sort_few(Places& places) {
  const auto begin = places.begin();
  for (std::size_t i = first_run(places); i < places.size(); ++i) {
    const auto at = begin + static_cast<std::ptrdiff_t>(i);
    const auto to = std::upper_bound(
        begin, at, *at, [](const Object* one, const Object* other) { return less(*one, *other); });
    std::rotate(to, at, at + 1);
  }
}

}  // namespace

void sort_as_python(std::vector<Object>& items, bool reverse) {
  constexpr std::size_t few = 63;
  Places places;
  places.reserve(items.size());
  for (const Object& item : items) places.push_back(&item);
  if (reverse) std::reverse(places.begin(), places.end());
  if (places.size() <= few)
    sort_few(places);
  else
    std::stable_sort(places.begin(), places.end(),
                     [](const Object* one, const Object* other) { return less(*one, *other); });
  if (reverse) std::reverse(places.begin(), places.end());
  std::vector<Object> sorted;
  sorted.reserve(items.size());
  for (const Object* place : places) sorted.push_back(*place);
  items = std::move(sorted);
}

}  // namespace multiprocessing::detail
