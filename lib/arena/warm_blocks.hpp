// Warm blocks: large blocks that are free and keep their memory, because fresh memory costs some
// twenty times as much as a copy into memory that is there.
//
// A warm block is a large block with an empty owner word, so it is taken and given back by one
// compare-and-swap and one store, as a small one is. Hints in the first page say where there are
// some: a process that wants a block takes a hint away first, and one that frees a block leaves a
// hint last. A process that is killed in between leaves a warm block without a hint; the settler of
// its death gives its memory back. A hint may be out of date: the words of the chunk decide.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "arena/segment.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Pages to set aside for a block of `bytes`: in steps of a quarter, so that blocks of like sizes
/// can follow each other.
[[nodiscard]] std::uint64_t pages_to_reserve(std::size_t bytes);

/// A warm block with memory for `bytes`, and for at most twice as much, in the name of `claimer`;
/// of those that fit best the one that was freed last. 0 when there is none.
[[nodiscard]] std::uint64_t take_warm(const Segment& arena, std::size_t bytes, Member claimer);

/// Frees a claimed large block. Its memory is kept for the next one where the bound allows that;
/// what has been free for longest is given back for it.
void free_or_keep(const Segment& arena, std::uint64_t chunk);

/// How long a warm block lies before the next process that comes by gives its memory back.
inline constexpr std::chrono::milliseconds warm_for{1000};

/// Gives back the memory of all that has been warm for so long. Whether there was any.
MULTIPROCESSING_API bool give_back_warm(const Segment& arena,
                                        std::chrono::milliseconds idle = warm_for);

/// Gives back the memory of warm blocks to which no hint leads. Looks at every chunk.
void give_back_lost(const Segment& arena);

/// Whether a hint leads to the chunk.
[[nodiscard]] bool has_hint(const Segment& arena, std::uint64_t chunk);

/// What warm blocks keep, by the hints.
[[nodiscard]] std::uint64_t warm_bytes(const Segment& arena);

}  // namespace multiprocessing::detail
