// Python's operators of assignment: `value += operand`.
#pragma once

#include <string_view>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// Changes the value as the operator does in Python: "=", "+=", "-=", "*=", "/=", "//=", "%=";
/// "quotient=" divides integers as C++ does. A list is extended in place. Throws Python's errors,
/// with the value as it was.
void assign(Object& value, std::string_view by, const Object& operand);

}  // namespace multiprocessing::detail
