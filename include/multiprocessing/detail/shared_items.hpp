// What shared arrays are made from, and what is assigned to their slices.
#pragma once

#include <concepts>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace multiprocessing::detail {

/// A range of elements, and neither another array nor text, which have constructors of their own.
template <class R, class T, class Self>
concept ElementsFor =
    std::ranges::input_range<R> && !std::derived_from<std::remove_cvref_t<R>, Self> &&
    std::convertible_to<std::ranges::range_reference_t<R>, T> &&
    !(std::same_as<T, char> && std::convertible_to<R, std::string_view>);

/// The elements as they lie in memory, or a list of them made from what is something else.
template <class T, class R>
[[nodiscard]] auto items_of([[maybe_unused]] R& items) {
  if constexpr (std::same_as<T, char> && std::convertible_to<R&, std::string_view>) {
    const std::string_view text = items;
    return std::span<const T>{text.data(), text.size()};
  } else if constexpr (!ElementsFor<R&, T, void>) {
    static_assert(!std::same_as<R, R>,
                  "multiprocessing: what is assigned to a slice is a range of elements, such as a "
                  "std::vector, which are or become those of the array; or text for chars.");
    return std::span<const T>{};
  } else if constexpr (std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                       std::same_as<std::ranges::range_value_t<R>, T>) {
    return std::span<const T>{std::ranges::data(items), std::ranges::size(items)};
  } else {
    std::vector<T> list;
    for (auto&& item : items) list.push_back(static_cast<T>(item));
    return list;
  }
}

}  // namespace multiprocessing::detail
