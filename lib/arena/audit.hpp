// Consistency check of the arena, for tests and for debugging.
#pragma once

#include <string>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What does not add up, a line each: counts that differ from the links that hold an object, blocks
/// and chunks without an owner, claims that are miscounted. No thread may work in the arena
/// meanwhile, and all deaths must have been settled; empty in a process without an arena.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::string> arena_faults();

}  // namespace multiprocessing::detail
