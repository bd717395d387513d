// Calls: a callable with its arguments as bytes, and the call made of them.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/callable.hpp"
#include "multiprocessing/reduction/results.hpp"

namespace multiprocessing::detail {

/// Whether `F` may be called with what `A...` arrive as.
template <class F, class... A>
inline constexpr bool is_call = std::is_invocable_v<std::decay_t<F>, arrival_t<A>...> ||
                                std::is_invocable_v<std::decay_t<F>, pointed_t<A>...>;

template <class A>
decltype(auto) as_pointed(arrival_t<A>& value) {
  if constexpr (std::is_same_v<pointed_t<A>, arrival_t<A>>)
    return std::move(value);
  else
    return value.c_str();
}

/// Calls with what arrived, as rvalues; with text as `const char*` where `F` takes no string.
template <class F, class... A>
decltype(auto) invoke_on_arrival(F&& callable, std::tuple<arrival_t<A>...>& arrived) {
  return std::apply(
      [&](arrival_t<A>&... values) -> decltype(auto) {
        if constexpr (std::is_invocable_v<F, arrival_t<A>...>)
          return std::invoke(std::forward<F>(callable), std::move(values)...);
        else
          return std::invoke(std::forward<F>(callable), as_pointed<A>(values)...);
      },
      arrived);
}

/// Whether a call of `F` with `A...` can be sent. The start method `fork` needs no more than
/// `is_call`; code that decides at run time asks this.
template <class F, class... A>
inline constexpr bool is_sendable_call = is_sendable_callable<F> &&
                                         (sendable<arrival_t<A>>() && ...) && is_call<F, A...>;

/// Compiles if the call can be sent; otherwise says what to do instead.
template <class F, class... A>
consteval void check_call() {
  check_sendable<std::decay_t<F>>();
  (check_sendable<arrival_t<A>>(), ...);
  static_assert(is_call<F, A...>,
                "multiprocessing: the callable cannot be called with these arguments. They arrive "
                "as values of their own, as with std::thread: take them by value or by const "
                "reference, and text as std::string.");
}

/// Writes callable and arguments, for `read_and_invoke` of the same types.
template <class F, class... A>
void write_callable_and_arguments(Writer& writer, const F& callable, const A&... arguments) {
  write_callable(writer, callable);
  (write(writer, arguments), ...);
}

/// Reads a callable and its arguments, then calls it with them as rvalues.
template <class F, class... A>
result_of<F, A...> read_and_invoke(Reader& reader) {
  auto callable = read_callable<F>(reader);
  std::tuple<arrival_t<A>...> arguments{read<arrival_t<A>>(reader)...};  // braces: left to right
  return invoke_on_arrival<F, A...>(std::move(callable), arguments);
}

/// What a call is sent as: the function that makes it, of the types that it was written from.
using Call = void (*)(Reader&);

template <class F, class... A>
void make_call(Reader& reader) {
  static_cast<void>(read_and_invoke<F, A...>(reader));
}

/// Writes a whole call. Its result is dropped where it is run.
template <class F, class... A>
void write_call(Writer& writer, const F& callable, const A&... arguments) {
  check_call<F, A...>();
  if constexpr (is_sendable_call<F, A...>) {
    write_function(writer, any_function(&make_call<std::decay_t<F>, std::decay_t<A>...>));
    write_callable_and_arguments(writer, callable, arguments...);
  }
}

/// Runs a call that `write_call` wrote; throws what it throws. All of the call has been read before
/// it is made, so the bytes may go meanwhile.
inline void run_call(Reader& reader) {
  const auto call = reinterpret_cast<Call>(read_function(reader));
  if (call == nullptr) throw_malformed("a call", 0);
  call(reader);
}

}  // namespace multiprocessing::detail
