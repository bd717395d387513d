// Floats as Python prints them.
#pragma once

#include <string>

namespace multiprocessing::detail {

/// With the fewest digits that mean the same number: "0.1", "1e+16", "nan". A whole number ends
/// with ".0" when `with_point`; the parts of a complex number do not.
[[nodiscard]] std::string digits_of_float(double value, bool with_point = true);

}  // namespace multiprocessing::detail
