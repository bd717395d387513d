// Orphans: blocks that their owner left when it died without having unlinked them.
#pragma once

#include <string>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Removes the blocks of dead owners, of this user or, for root, of all users; returns their names.
/// Blocks of living owners, and those that other programs made, are not touched. Every program that
/// uses the module does it once when it starts, `mp-clean` whenever it is run. It waits for no
/// lock.
///
/// If it is killed half way, the next sweep does the rest: the claim goes last.
MULTIPROCESSING_API std::vector<std::string> remove_orphans();

/// The same, with the names of those that were removed when this process started.
MULTIPROCESSING_API std::vector<std::string> orphans_removed();

}  // namespace multiprocessing::detail
