// Orphans: blocks whose owner died without having unlinked them.
#pragma once

#include <string>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Removes the blocks whose owner is dead, of this user, or of all if that is root; their names.
/// Blocks of living owners, and those that other programs made, are not touched. Every program that
/// uses the module does it once when it starts, `mp-clean` whenever it is run. Nobody waits.
///
/// Can be repeated by the next one when it is killed half way: the claim goes last.
MULTIPROCESSING_API std::vector<std::string> remove_orphans();

/// The same, with the names of those that were removed when this process started.
MULTIPROCESSING_API std::vector<std::string> orphans_removed();

}  // namespace multiprocessing::detail
