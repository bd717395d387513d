// Zipped: several ranges as one of tuples, which ends with the shortest.
#pragma once

#include <cstddef>
#include <iterator>
#include <limits>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/mapping.hpp"

namespace multiprocessing::detail {

/// Each `R` is a reference to a range that the caller keeps, or a range that is kept here. Is gone
/// through once, and is not moved meanwhile.
template <std::ranges::input_range... R>
class Zipped {
 public:
  using Element = std::tuple<std::ranges::range_value_t<R>...>;

  class iterator {
   public:
    using value_type = Element;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(std::tuple<R...>& ranges)
        : at_(std::apply([](auto&... each) { return At(std::ranges::begin(each)...); }, ranges)),
          end_(std::apply([](auto&... each) { return End(std::ranges::end(each)...); }, ranges)) {}

    Element operator*() const {
      return std::apply([](const auto&... each) { return Element(*each...); }, at_);
    }
    iterator& operator++() {
      std::apply([](auto&... each) { (++each, ...); }, at_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const {
      return any_at_end(std::index_sequence_for<R...>{});
    }

   private:
    using At = std::tuple<std::ranges::iterator_t<std::remove_reference_t<R>>...>;
    using End = std::tuple<std::ranges::sentinel_t<std::remove_reference_t<R>>...>;

    template <std::size_t... I>
    [[nodiscard]] bool any_at_end(std::index_sequence<I...>) const {
      return ((std::get<I>(at_) == std::get<I>(end_)) || ...);
    }

    At at_;
    End end_;
  };

  template <class... S>
  explicit Zipped(std::in_place_t, S&&... ranges) : ranges_(std::forward<S>(ranges)...) {}

  iterator begin() { return iterator(ranges_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

  /// No more than that: others may know no size, or be endless.
  [[nodiscard]] std::size_t size() const requires(std::ranges::sized_range<R> || ...) {
    std::size_t least = (std::numeric_limits<std::size_t>::max)();
    std::apply([&](const auto&... each) { ((least = smaller(least, each)), ...); }, ranges_);
    return least;
  }

 private:
  template <class S>
  static std::size_t smaller(std::size_t size, [[maybe_unused]] const S& range) {
    if constexpr (std::ranges::sized_range<const S>) {
      const auto its = static_cast<std::size_t>(std::ranges::size(range));
      if (its < size) return its;
    }
    return size;
  }

  std::tuple<R...> ranges_;
};

/// What `executor.map` gives for functions of several parameters.
template <class F, class... R>
using zipmapped = mapped<Starred<std::decay_t<F>>, Zipped<R...>>;

}  // namespace multiprocessing::detail
