// array.array, whose items travel as bytes.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// The items of an array by its type code, in the byte order of this machine; nothing for a type
/// code that Python does not have, and for bytes that are no whole number of items.
[[nodiscard]] MULTIPROCESSING_API std::optional<std::vector<Object>> array_items(
    char typecode, std::string_view bytes);

}  // namespace multiprocessing::detail
