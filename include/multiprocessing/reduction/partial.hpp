// partial: a callable with its first arguments fixed, which can be sent.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/callable.hpp"

namespace multiprocessing {

/// A callable with its leading arguments fixed, after Python's `functools.partial`. Made by
/// `partial()`. Unlike what `std::bind_front` gives it can be sent, when its parts can.
template <class F, class... Bound>
class Partial {
 public:
  template <class... B>
  explicit Partial(F callable, B&&... bound)
      : callable_(std::move(callable)), bound_(std::forward<B>(bound)...) {}

  template <class... A>
  requires std::is_invocable_v<const F&, const Bound&..., A...>
      std::invoke_result_t<const F&, const Bound&..., A...>
  operator()(A&&... args) const {
    return std::apply(
        [&](const Bound&... bound) -> decltype(auto) {
          return std::apply(
              callable_, std::tuple<const Bound&..., A&&...>(bound..., std::forward<A>(args)...));
        },
        bound_);
  }

 private:
  friend struct Serializer<Partial>;
  F callable_;
  std::tuple<Bound...> bound_;
};

/// `partial(f, a)(b)` is `f(a, b)`. Members too: `partial(&Model::predict, model)`. Arguments are
/// copied in; text and views are kept as what they showed, so that nothing dangles.
template <class F, class... Bound>
[[nodiscard]] Partial<std::decay_t<F>, detail::arrival_t<Bound>...> partial(F&& callable,
                                                                            Bound&&... bound) {
  return Partial<std::decay_t<F>, detail::arrival_t<Bound>...>(
      std::forward<F>(callable), detail::as_arrival(std::forward<Bound>(bound))...);
}

template <class F, class... Bound>
requires(detail::sendable<F>() &&
         (detail::sendable<Bound>() && ...)) struct Serializer<Partial<F, Bound...>> {
  static void save(OutArchive& out, const Partial<F, Bound...>& partial) {
    out& partial.callable_& partial.bound_;
  }
  static Partial<F, Bound...> load(InArchive& in) {
    auto callable = in.read<F>();
    return std::apply(
        [&](Bound&&... bound) {
          return Partial<F, Bound...>(std::move(callable), std::move(bound)...);
        },
        in.read<std::tuple<Bound...>>());
  }
};

}  // namespace multiprocessing
