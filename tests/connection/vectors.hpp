// Golden vectors: what CPython 3.8 to 3.13 put on the wire. One JSON object a line, read as far as
// these files need it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace connection_test {

/// The lines of a file of vectors whose id begins with `start`.
[[nodiscard]] std::vector<std::string> vectors(const std::string& file, std::string_view start);

/// The text or number behind "name": in a line; empty for null and for what is not there.
[[nodiscard]] std::string field(const std::string& line, const std::string& name);

/// The pairs of texts in the list behind "name":.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> pairs(const std::string& line,
                                                                     const std::string& name);

[[nodiscard]] std::string from_hex(std::string_view digits);
[[nodiscard]] std::string to_hex(std::string_view bytes);

}  // namespace connection_test
