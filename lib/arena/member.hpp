// Member: the name of one process of the family.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

inline constexpr std::uint32_t slot_bits = 12;
inline constexpr std::uint32_t slot_count = 1U << slot_bits;  // slot 0 names no process

/// Names one process for ever: a slot of the arena's table, and how often that slot had been given
/// out (generation). Slot 0 is `none`.
struct Member {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  [[nodiscard]] explicit operator bool() const { return slot != 0; }
  friend bool operator==(Member, Member) = default;

  /// The member in a word: its low 12 bits are the slot, the 32 above them the generation. A word
  /// with less room keeps the low bits of the generation.
  [[nodiscard]] constexpr std::uint64_t packed() const {
    return std::uint64_t{generation} << slot_bits | slot;
  }
  [[nodiscard]] static constexpr Member from(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word) & (slot_count - 1),
            static_cast<std::uint32_t>(word >> slot_bits)};
  }
  /// In the word of a lock: the low 31 bits of that, shifted by one; above 1, the lowest bit 0.
  /// After 2^19 processes in a slot it comes again.
  [[nodiscard]] constexpr std::uint32_t lock_name() const {
    return static_cast<std::uint32_t>(packed()) << 1;
  }
};

/// This process. Makes the arena on the first call in a process that has none. Throws ProcessError
/// outside the family: in a child that skipped the fork handlers, or that closed the descriptors.
[[nodiscard]] MULTIPROCESSING_API Member self();

/// The same, but none instead of an arena made or an exception.
[[nodiscard]] MULTIPROCESSING_API Member self_if_any();

/// Whether the process lives (a child on its way counts). One fcntl, 0.7 µs; zombies are dead.
[[nodiscard]] MULTIPROCESSING_API bool alive(Member member);

/// For messages only: its process id, 0 when the slot has been reused since.
[[nodiscard]] MULTIPROCESSING_API pid_t pid_of(Member member);

/// What a spawned child finds the family by. It stands at offset 0 of the memory file that is its
/// birth descriptor, so that handles used in static constructors find it before any hook.
struct ArenaAddress {
  std::uint64_t magic;
  std::uint64_t arena;  // its id
  int arena_fd;
  int family_fd;
  int bequest_fd;
  Member child;
};

}  // namespace multiprocessing::detail
