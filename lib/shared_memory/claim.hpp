// Claims: how it is written down who owns a block, so that it is known after any death.
#pragma once

#include <string>

#include "shared_memory/claim_record.hpp"

namespace multiprocessing::detail {

/// A file beside the blocks, on which its owner has a lock (flock) as long as it lives: the kernel
/// takes the lock away with the process, forked children let go of it, and no process id is needed.
/// Any thread may call these.
///
/// The block is made as the claim's own file, written down in the claim, and only then linked to
/// its name, which is the commit point: a name without a claim is never ours, and what is claimed
/// is told by its identity, so that a block of somebody else's is never taken for it.
///
/// A process that ends by itself leaves what it has not unlinked to its family while others of that
/// live, see family_claim.hpp, and else takes it away.

/// Makes a claim of this process on no block yet; the claim's file name. Throws OSError.
[[nodiscard]] std::string begin_claim();

/// Notes what the claim is on. Throws OSError.
void record_claim(const std::string& claim, const std::string& name);

/// Takes the claim away, and its block if that has no name.
void drop_claim(const std::string& claim) noexcept;

/// The same for what this process claims under that name, once it is unlinked.
void drop_claims_on(const std::string& name) noexcept;

}  // namespace multiprocessing::detail
