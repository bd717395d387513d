// What is said of the place where a task was submitted.
#pragma once

#include <string>

#include "multiprocessing/detail/task.hpp"

namespace multiprocessing::detail {

/// ", submitted at page.cpp:12"; ", submitted in main+0x3f of program" where only the address is
/// known, or "program+0x123f" without a name for it; nothing where nothing is known.
[[nodiscard]] std::string told_origin(const Origin& origin);

}  // namespace multiprocessing::detail
