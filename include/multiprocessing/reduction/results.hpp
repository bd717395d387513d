// result_of, list_of: what calls in other processes give.
#pragma once

#include <type_traits>
#include <vector>

#include "multiprocessing/detail/codec.hpp"

namespace multiprocessing {

/// What `f(args...)` gives when it is called with what the arguments arrive as: decayed, text as
/// `std::string`, or as `const char*` where `f` takes no string.
template <class F, class... A>
using result_of =
    typename std::conditional_t<std::is_invocable_v<std::decay_t<F>, detail::arrival_t<A>...>,
                                std::invoke_result<std::decay_t<F>, detail::arrival_t<A>...>,
                                std::invoke_result<std::decay_t<F>, detail::pointed_t<A>...>>::type;

namespace detail {

template <class R>
struct ListOf {
  using type = std::vector<std::decay_t<R>>;
};
template <class R>
requires std::is_void_v<R>
struct ListOf<R> {
  using type = void;
};

}  // namespace detail

/// A list of results; a list of nothing is nothing.
template <class R>
using list_of = typename detail::ListOf<R>::type;

}  // namespace multiprocessing
