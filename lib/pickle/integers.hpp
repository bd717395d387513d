// Integers of any size, as pickles have them: two's complement, the lowest byte first, no byte more
// than needed.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The value where 64 bits hold it. Takes bytes that are not minimal, too; none are 0.
[[nodiscard]] std::optional<std::int64_t> small_integer(std::string_view bytes) noexcept;

/// Takes off what is not needed.
[[nodiscard]] std::string_view minimal_integer(std::string_view bytes) noexcept;

[[nodiscard]] MULTIPROCESSING_API std::string integer_bytes(std::int64_t value);
[[nodiscard]] std::string integer_bytes(std::uint64_t value);
/// The whole part of a finite number.
[[nodiscard]] std::string integer_bytes(double value);

/// From decimal digits with an optional sign; nothing when it is something else.
[[nodiscard]] std::optional<std::string> integer_from_digits(std::string_view digits);
[[nodiscard]] std::string digits_of_integer(std::string_view bytes);

/// Both minimal.
[[nodiscard]] std::strong_ordering compare_integers(std::string_view a,
                                                    std::string_view b) noexcept;

enum class IntegerOperation : std::uint8_t { add, subtract, multiply, floor, modulo, quotient };

/// As Python calculates: `floor` rounds down, `modulo` has the sign of b; `quotient` is cut towards
/// zero, as in C++. For these three b is not 0.
[[nodiscard]] MULTIPROCESSING_API std::string calculate(IntegerOperation operation,
                                                        std::string_view a, std::string_view b);

/// Infinite where it is beyond what a double holds.
[[nodiscard]] MULTIPROCESSING_API double integer_as_double(std::string_view bytes);

}  // namespace multiprocessing::detail
