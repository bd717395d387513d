// Golden vectors, and the notation of values in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/pickle.hpp"

namespace pickle_test {

namespace mp = multiprocessing;

/// A line of JSON as a value. Throws std::runtime_error.
[[nodiscard]] mp::Object from_json(std::string_view text);

/// The lines of a file of vectors, which is read once.
[[nodiscard]] const std::vector<mp::Object>& vectors(const std::string& file);

/// The bytes of a line: in "hex", or in "parts" that are repeated.
[[nodiscard]] std::string bytes_of(const mp::Object& line);

/// The value that the notation means, such as ["list", [["int", "1"]]]. Contents that are shared
/// there are equal here.
[[nodiscard]] mp::Object from_notation(const mp::Object& notation);

/// Tells apart what == takes for equal: 1 from 1.0 and True, set from frozenset. Independent of the
/// order of sets.
[[nodiscard]] std::string exactly(const mp::Object& value);

[[nodiscard]] std::string from_hex(std::string_view digits);

}  // namespace pickle_test
