// The family: which processes share the arena, and what they know of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "arena/member.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The exit code as a child left it in its slot before it ended, negative for a signal; gone once
/// the slot is reused.
MULTIPROCESSING_API void leave_exit_code(int code);
[[nodiscard]] MULTIPROCESSING_API std::optional<int> left_exit_code(Member member);

/// The same, by the process that reaped the member: one that was killed could leave no code.
MULTIPROCESSING_API void note_exit_code(Member member, int code);

/// A file that all members inherit open, for data that have to be found after the family's end: the
/// module `shared_memory` keeps its claims there. It lies in the folder of blocks without a name,
/// which it can be given once, or in no folder where that takes no such files. A lock on it (flock)
/// lives as long as any process of the family.
struct Bequest {
  int fd;
  std::uint64_t arena;  // the family's id
};

/// Nothing without an arena, and once the program has closed the descriptor.
[[nodiscard]] MULTIPROCESSING_API std::optional<Bequest> bequest_of_family();

/// Marks this process as a servant, a service process: it lives for requests of other members, so
/// it has no work when servants are all that is left.
MULTIPROCESSING_API void become_servant();

/// Whether no other member lives or is on its way but servants. Once true it stays true.
[[nodiscard]] MULTIPROCESSING_API bool only_servants_are_left();

/// Whether a member other than this process lives, or is on its way, that is no servant.
[[nodiscard]] MULTIPROCESSING_API bool has_relatives();

/// Memory that every member finds without a handle, for what a family has one of: the module
/// `process` keeps the board of its descriptor brokers there. All zero in the beginning.
inline constexpr std::size_t family_place_bytes = 256;
[[nodiscard]] MULTIPROCESSING_API void* family_place();

}  // namespace multiprocessing::detail
