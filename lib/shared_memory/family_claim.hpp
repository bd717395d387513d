// The claim of a whole family, on the blocks that its members left when they ended.
#pragma once

#include <string>
#include <vector>

#include "shared_memory/claim_record.hpp"

namespace multiprocessing::detail {

/// All members have one file open, and its lock lives as long as any of them (see Bequest in
/// arena/family.hpp). A child that ends by itself writes there which blocks it leaves, and gives
/// the file the name of a claim, so that it is a claim like any other, with many records. The
/// member that ends last removes the blocks; if it is killed, the next program that finds the lock
/// free does.

/// Claims the block for the family instead of this process. False when that cannot be.
[[nodiscard]] bool leave_to_family(const ClaimRecord& record);

/// Whether members may have left blocks.
[[nodiscard]] bool was_left_something();

/// Removes the blocks that were left to the family, and the claim; their names. For the member that
/// ends last. Takes no descriptors.
std::vector<std::string> remove_what_the_family_was_left();

/// For tests: the claim's file name; empty without a family.
[[nodiscard]] MULTIPROCESSING_API std::string family_claim();

}  // namespace multiprocessing::detail
