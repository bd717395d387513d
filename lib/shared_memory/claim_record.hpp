// What a claim says, and the removal of the block that it is on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Which file a name stands for: the same name may later stand for another file.
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
/// name, read by other processes once the owner is dead. It never lies across two pages, so that a
/// kill does not leave half of it written.
struct ClaimRecord {
  char magic[8];
  FileIdentity block;
  char name[256];  // ends in NUL
  char unused[208];
};
static_assert(sizeof(ClaimRecord) == 512);

/// `name` is at most 255 characters long.
[[nodiscard]] ClaimRecord make_record(const FileIdentity& block, const std::string& name);

/// Whether the bytes are a record.
[[nodiscard]] bool is_sound(const ClaimRecord& record);

/// The file that the claim's block has until it gets its name, and again while it is removed.
[[nodiscard]] std::string block_of_claim(const std::string& claim);

/// Removes the block if the name still stands for it; says whether it did. The caller holds the
/// claim.
bool remove_claimed(const std::string& claim, const ClaimRecord& record);

/// For tests: called between the look at a name and its removal, until null.
MULTIPROCESSING_API void before_moving_aside(void (*call)());

}  // namespace multiprocessing::detail
