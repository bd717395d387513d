// Exceptions of Python and of C++, by a table.
#pragma once

#include <exception>
#include <string>

#include "multiprocessing/pickle/object.hpp"
#include "pickle/names.hpp"

namespace multiprocessing::detail {

/// OSError and the classes below it, the arguments of which are an errno, a text and a file.
[[nodiscard]] bool is_os_error(const KnownName& name) noexcept;

/// The class that Python makes of OSError(error, ...): FileNotFoundError for ENOENT.
[[nodiscard]] const KnownName& os_error_of(const KnownName& name, const Object& args);

/// What Python's `str` says of an exception.
[[nodiscard]] std::string message_of(const KnownName& name, const Object& args);

}  // namespace multiprocessing::detail
