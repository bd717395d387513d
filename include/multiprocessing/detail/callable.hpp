// Callables that can be sent: which, and how they are written.
#pragma once

#include <type_traits>

#include "multiprocessing/detail/codec.hpp"

namespace multiprocessing::detail {

/// Whether an `F` can be called in another process: a free function, a static member, a pointer to
/// member, a lambda without captures, a functor that can be sent, mp::partial, mp::Function.
template <class F>
inline constexpr bool is_sendable_callable = sendable<std::decay_t<F>>();

/// Compiles if `F` can be sent; otherwise says what to do instead.
template <class F>
consteval void check_callable() {
  check_sendable<std::decay_t<F>>();
}

template <class F>
void write_callable(Writer& writer, const F& callable) {
  check_callable<F>();
  const std::decay_t<const F&>& decayed = callable;
  write_value<std::decay_t<F>>(writer, decayed);
}

template <class F>
[[nodiscard]] F read_callable(Reader& reader) {
  check_callable<F>();
  return read_value<F>(reader);
}

/// A function pointer as the type that `write_function` takes.
template <class R, class... A>
[[nodiscard]] AnyFunction any_function(R (*function)(A...)) noexcept {
  return reinterpret_cast<AnyFunction>(function);
}

}  // namespace multiprocessing::detail
