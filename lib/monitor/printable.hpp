// Text from outside, made harmless for terminals and other programs.
#pragma once

#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The text with `?` for each control character, also those of C1, and each byte that is no part of
/// valid UTF-8.
[[nodiscard]] MULTIPROCESSING_API std::string printable(std::string_view text);

}  // namespace multiprocessing::detail
