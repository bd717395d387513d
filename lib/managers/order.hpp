// Sorting as Python's list.sort does it.
#pragma once

#include <vector>

#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing::detail {

/// Stable. Throws TypeError, as `less` does, and leaves the elements as they were.
void sort_as_python(std::vector<Object>& items, bool reverse);

}  // namespace multiprocessing::detail
