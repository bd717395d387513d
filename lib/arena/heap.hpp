// Memory of the arena: chunks of one size class with an owner word per block, and runs of chunks.
//
// Taking a block is one compare-and-swap of its owner word from free to the taker's name; giving it
// back is one store. A process that is killed in between leaves words with its name, and the
// settler of its death frees them. No process waits for another (lock-free).
#pragma once

#include <cstddef>
#include <cstdint>

#include "arena/layout.hpp"
#include "arena/memory_limits.hpp"

namespace multiprocessing::detail {

/// Blocks that are reached by their offset alone may lie in windows of their own when they are
/// large. Others are reached by distances, too: what a process has mapped of the chunks covers
/// them.
enum class Place { among_chunks, in_windows };

/// Takes a block of at least `bytes` in the name of `claimer` and counts it among its claims.
/// Throws OSError (ENOMEM) with the figures when memory is short.
[[nodiscard]] std::uint64_t claim_block(std::size_t bytes, Member claimer,
                                        Backing backing = Backing::reserved,
                                        Place place = Place::among_chunks,
                                        Contents contents = Contents::zeroed);
inline constexpr std::size_t largest_small = 32 * 1024;

/// Gives back a block that `claimer` has claimed, and takes it off its claims.
void free_claimed(std::uint64_t block, Member claimer);

/// The owner word of the block at `block`.
[[nodiscard]] Link& owner_of(std::uint64_t block);

/// Takes the block over from the owner in `name`, the value of its owner word, and frees it; false
/// when the word has another value by now.
bool take_and_free(std::uint64_t block, Link& owner, std::uint64_t name, Member settler);

/// Frees every block and chunk that is claimed by a member that is dead; called by its settler.
/// What the links of a block hold is released before, by `release_links(block)`.
void free_claims_of(Member dead, Member settler, void (*release_links)(std::uint64_t));

/// Frees the blocks that belong to the object at `object`, memory of a container. Looks at every
/// block of the arena.
void free_members_of(std::uint64_t object, Member settler);

/// Punches out chunks in which no block is used.
void trim();

}  // namespace multiprocessing::detail
