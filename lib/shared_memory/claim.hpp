// Claims: how it is written down who owns a block, so that it is known after any death.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Which file a name stands for: a name that was given away again stands for another one.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_seconds = 0;  // zero where the kernel does not tell
  std::uint64_t born_nanoseconds = 0;
  std::uint64_t user = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Of the file of that name in the folder; nothing when there is none.
[[nodiscard]] std::optional<FileIdentity> identity_of(const std::string& file);

/// What a claim says: the block and its name. Written by the owner before the block is given the
/// name, read by others once the owner is dead. It never lies across two pages, so that a process
/// is not killed amid its writing.
struct ClaimRecord {
  char magic[8];
  FileIdentity block;
  char name[256];  // ends in NUL
  char unused[208];
};
static_assert(sizeof(ClaimRecord) == 512);

/// Whether the bytes are a record.
[[nodiscard]] bool is_sound(const ClaimRecord& record);

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

/// Where the claim's block lives until it has its name, and again when it is about to go.
[[nodiscard]] std::string block_of_claim(const std::string& claim);

/// Notes what the claim is on. Throws OSError.
void record_claim(const std::string& claim, const std::string& name);

/// Takes the claim away, and its block if that has no name.
void drop_claim(const std::string& claim) noexcept;

/// The same for what this process claims under that name, once it is unlinked.
void drop_claims_on(const std::string& name) noexcept;

/// Removes the block if the name still stands for it; says whether it did. The caller holds the
/// claim.
bool remove_claimed(const std::string& claim, const ClaimRecord& record);

/// For tests: called between the look at a name and its removal, until null.
MULTIPROCESSING_API void before_moving_aside(void (*call)());

}  // namespace multiprocessing::detail
