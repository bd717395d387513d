// What a function gives when it is called with the elements of a range.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

#include "multiprocessing/base/none.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/reduction/serializer.hpp"

namespace multiprocessing {

/// What `map` calls its function with: an element as it arrives in a worker.
template <std::ranges::input_range R>
using element_of = detail::arrival_t<std::ranges::range_value_t<R>>;

template <class R>
using value_of = std::conditional_t<std::is_void_v<R>, None_t, R>;

namespace detail {

template <class F, class Element>
struct Mapped {
  using type = void;  // `map` says what is wrong
};
template <class F, class Element>
requires std::invocable<F&, Element>
struct Mapped<F, Element> {
  using type = std::invoke_result_t<F&, Element>;
};

template <class F, class T, std::size_t... I>
auto starred_result(std::index_sequence<I...>)
    -> std::invoke_result_t<const F&, decltype(std::get<I>(std::declval<T&&>()))...>;

/// A function of many parameters as one of a tuple, a pair or an array.
template <class F>
class Starred {
 public:
  explicit Starred(F function) : function_(std::move(function)) {}

  template <class T>
  auto operator()(T elements) const
      -> decltype(starred_result<F, T>(std::make_index_sequence<std::tuple_size<T>::value>{})) {
    return std::apply(function_, std::move(elements));
  }

 private:
  friend struct Serializer<Starred>;
  F function_;
};

}  // namespace detail

/// What the function gives for one element.
template <class F, class R>
using mapped = typename detail::Mapped<std::decay_t<F>, element_of<R>>::type;

/// The same for elements that are its arguments.
template <class F, class R>
using starmapped = mapped<detail::Starred<std::decay_t<F>>, R>;

template <class F>
requires(detail::sendable<F>()) struct Serializer<detail::Starred<F>> {
  static void save(OutArchive& out, const detail::Starred<F>& starred) { out& starred.function_; }
  static detail::Starred<F> load(InArchive& in) { return detail::Starred<F>(in.read<F>()); }
};

}  // namespace multiprocessing
