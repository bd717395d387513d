// Items of array.array: numbers of one type of C, or characters.
#pragma once

#include <cstddef>
#include <string>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// Bytes of an item. Throws ValueError for a type code that Python 3.11 does not have.
[[nodiscard]] std::size_t item_size(char typecode);

/// The bytes of the value as an item. Throws TypeError and OverflowError as Python does.
[[nodiscard]] std::string item_bytes(char typecode, const Object& value);

/// ValueError, for bytes of a typecode 'u' that are beyond Unicode.
[[noreturn]] void throw_no_character();

/// The value of one item.
[[nodiscard]] Object item_value(char typecode, std::string_view bytes);

}  // namespace multiprocessing::detail
