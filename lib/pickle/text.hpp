// Text as Python has it: UTF-8 in which surrogates may stand alone, as three bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// How many code points a valid text has.
[[nodiscard]] std::size_t count_characters(std::string_view text) noexcept;

/// Takes the first code point from the front of a valid text that is not empty.
[[nodiscard]] char32_t take_character(std::string_view& text) noexcept;

/// Not beyond 0x10ffff.
void append_character(std::string& text, char32_t character);

/// What Python's `str.isprintable` says, by Unicode 14.
[[nodiscard]] bool is_printable(char32_t character) noexcept;

}  // namespace multiprocessing::detail
