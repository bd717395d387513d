// task_callable, task_result: what may be a task, and what it gives.
#pragma once

#include <type_traits>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/process/stop_token.hpp"

namespace multiprocessing {

namespace detail {

/// Whether it wants to know when it is asked to stop.
template <class F, class... A>
inline constexpr bool takes_token = !is_call<F, A...> && is_call<F, StopToken, A...>;

/// Of what cannot be called so: nothing; `check_task` says more.
template <class F, class... A>
struct TaskResult {
  using type = void;
};
template <class F, class... A>
requires is_call<F, A...>
struct TaskResult<F, A...> {
  using type = std::decay_t<result_of<F, A...>>;
};
template <class F, class... A>
requires takes_token<F, A...>
struct TaskResult<F, A...> {
  using type = std::decay_t<result_of<F, StopToken, A...>>;
};

/// Whether the call and its result can be sent.
template <class F, class... A>
consteval bool is_sendable_task() {
  using Result = typename TaskResult<F, A...>::type;
  constexpr bool call = (is_call<F, A...> || takes_token<F, A...>)&&is_sendable_callable<F> &&
                        (sendable<arrival_t<A>>() && ...);
  if constexpr (!call || std::is_void_v<Result>)
    return call;
  else
    return sendable<Result>();
}

}  // namespace detail

/// What can be a task with these arguments: `f(args…)`, or else `f(StopToken, args…)`.
template <class F, class... A>
concept task_callable = detail::is_call<F, A...> || detail::takes_token<F, A...>;

namespace detail {

/// What is submitted: no options, but also a function that does not fit its arguments, so that
/// `check_task` can say so.
template <class F, class... A>
concept submittable = task_callable<F, A...> ||
    std::is_function_v<std::remove_pointer_t<std::decay_t<F>>> || is_lambda<std::decay_t<F>>;

/// Compiles if the call and its result can be sent; otherwise says what to do instead.
template <class F, class... A>
consteval void check_task() {
  if constexpr (task_callable<F, A...>) {
    check_sendable<F>();
    (check_sendable<arrival_t<A>>(), ...);
    using Result = typename TaskResult<F, A...>::type;
    if constexpr (!std::is_void_v<Result>) check_sendable<Result>();
  } else {
    check_call<F, A...>();
  }
}

}  // namespace detail

/// What such a task gives.
template <class F, class... A>
using task_result = typename detail::TaskResult<F, A...>::type;

}  // namespace multiprocessing
