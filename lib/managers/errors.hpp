// Errors of what a manager keeps that have no class of the same name in C++.
#pragma once

#include <string_view>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// KeyError(key), as a dict raises it.
[[noreturn]] void raise_key_error(const Object& key);

/// MemoryError, for a result that would be larger than a server holds.
[[noreturn]] void raise_too_large(std::string_view what);

/// AttributeError, for a method that begins with '#' and that the object does not have.
[[noreturn]] void raise_unknown_method(std::string_view type, std::string_view method);

}  // namespace multiprocessing::detail
