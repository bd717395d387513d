// Exceptions that cross from one process to another.
#pragma once

#include <concepts>
#include <exception>
#include <string>

#include "multiprocessing/detail/codec/exception.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Makes an `E` that is thrown in another process arrive as an `E`. Call it where both processes
/// come by, at namespace scope:
///
///     static const bool registered = mp::register_exception<ParseError>();
///
/// The standard's exceptions and those of this library need none of it; every other type arrives as
/// `RemoteError`. An `E` with `serialize` (or a `Serializer`) arrives with all it holds; one
/// without is made from its text, or by default. Always true. A plug-in that calls it must stay
/// loaded.
template <std::copy_constructible E>
bool register_exception() {
  if constexpr (detail::Arriving<E>) {
    static detail::ExceptionCodec codec = detail::ExceptionCodecOf<E>::make();
    static const bool added = (detail::add_exception_codec(codec), true);
    return added;
  } else {
    static_assert(detail::never<E>,
                  "multiprocessing: to arrive as itself an exception needs a constructor from "
                  "std::string or const char*, or a default constructor; `serialize` needs the "
                  "last.");
    return true;
  }
}

/// What happened in the other process, when `error` came from one; otherwise empty. A line that
/// names the process, then one per exception of the chain, after Python's `RemoteTraceback`:
///
///     in ForkPoolWorker-1 (pid 4711):
///       std::runtime_error: cannot read the index
///       std::filesystem::filesystem_error: cannot open file: No such file or directory [a.idx]
///
/// It is an accessor and not a nested exception, so that `std::rethrow_if_nested` finds just what
/// the other process had nested.
[[nodiscard]] MULTIPROCESSING_API std::string remote_traceback(const std::exception& error);
[[nodiscard]] MULTIPROCESSING_API std::string remote_traceback(const std::exception_ptr& error);

}  // namespace multiprocessing
