// Values that older protocols write as text.
#pragma once

#include <string>
#include <string_view>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

// All throw SerializationError for what is not of the form.

/// INT: decimal digits; "00" and "01" are False and True.
[[nodiscard]] Object read_int_line(std::string_view line, std::size_t max_bytes);
/// LONG: decimal digits, and an L that may be missing.
[[nodiscard]] Object read_long_line(std::string_view line, std::size_t max_bytes);
/// FLOAT: what Python's repr gives.
[[nodiscard]] Object read_float_line(std::string_view line);
/// UNICODE: Latin-1 with the escapes \uXXXX and \UXXXXXXXX.
[[nodiscard]] std::string read_unicode_line(std::string_view line);
/// STRING: ASCII in quotes with escapes.
[[nodiscard]] std::string read_string_line(std::string_view line);

/// An int in two's complement.
[[nodiscard]] Object read_integer(std::string_view bytes, std::size_t max_bytes);

/// Text of Python 2, which must be ASCII.
[[nodiscard]] std::string read_ascii(std::string_view bytes);

}  // namespace multiprocessing::detail
