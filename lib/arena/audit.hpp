// Whether everything in the arena adds up: for tests, and for people who suspect it does not.
#pragma once

#include <string>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What does not add up, a line each: counts that differ from the links that hold an object, blocks
/// and chunks that belong to nobody, claims that are miscounted. Nobody may work in the arena
/// meanwhile, and the dead must have been settled; empty in a process without an arena.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::string> arena_faults();

}  // namespace multiprocessing::detail
