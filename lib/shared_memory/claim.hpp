// Claims: owners of blocks, written down so that an owner's death, however it comes, is noticed.
//
// Terms of this module, with the field's name where it differs:
//   block         a file in /dev/shm, mapped; what Python calls SharedMemory
//   claim         a lock file (flock) beside the blocks: "its locker owns block NAME"
//   identity      device, inode and birth time: tells a block from another one of the same name
//   family claim  one claim of all processes of a family, for blocks that their makers left
//   (bequest) orphan        a block with a claim that no process has locked: its owner died
//   (garbage) room          the bytes that a ShareableList reserves for an item
// The commit point of making a block is the link to its name.
// Next: claim_record.hpp, block.cpp (making, attaching), family_claim.hpp, orphans.cpp (clean-up).
#pragma once

#include <string>

#include "shared_memory/claim_record.hpp"

namespace multiprocessing::detail {

/// A claim is a file beside the blocks that its owner keeps locked (flock) as long as it lives. The
/// kernel takes the lock away with the process, forked children let go of it, and no process id is
/// needed. Any thread may call these.
///
/// The block is made as the claim's own file, then recorded in the claim, and only then linked to
/// its name, which is the commit point: a name without a claim is never ours. The claim holds the
/// block's identity, so that another program's block of the same name is never taken for it.
///
/// A process that ends by itself leaves the blocks that it has not unlinked to its family while
/// other members live, see family_claim.hpp; otherwise it removes them.

/// Makes a claim of this process, on no block yet; returns the claim's file name. Throws OSError.
[[nodiscard]] std::string begin_claim();

/// Records which block the claim is on. Throws OSError.
void record_claim(const std::string& claim, const std::string& name);

/// Takes the claim away, and its block if that has no name.
void drop_claim(const std::string& claim) noexcept;

/// The same for what this process claims under that name, once it is unlinked.
void drop_claims_on(const std::string& name) noexcept;

}  // namespace multiprocessing::detail
