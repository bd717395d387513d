// Chunks: how 64 KiB pieces of the arena become small chunks, large blocks, and free again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "arena/large_objects.hpp"
#include "arena/layout.hpp"
#include "arena/memory_limits.hpp"
#include "arena/windows.hpp"

namespace multiprocessing::detail {

inline constexpr std::array<std::uint32_t, 17> class_bytes = {64,   128,  192,   256,   384,  512,
                                                              768,  1024, 1536,  2048,  3072, 4096,
                                                              6144, 8192, 12288, 16384, 32768};

[[nodiscard]] constexpr std::uint32_t blocks_per_chunk(std::uint32_t size_class) {
  return static_cast<std::uint32_t>(chunk_bytes / class_bytes[size_class]);
}

/// The smallest class that holds `bytes`, at most largest_small.
[[nodiscard]] std::uint32_t class_for(std::size_t bytes);

inline constexpr std::uint64_t no_chunk = ~0ULL;

/// A chunk of the class that seems to have room, or no_chunk. Looks at every chunk, but only when
/// some full chunk got room since it last looked in vain.
[[nodiscard]] std::uint64_t find_small_chunk(const Segment& arena, std::uint32_t size_class);

/// A full chunk of the class got room: the next search is worth it.
void note_room(const Segment& arena, std::uint32_t size_class);

/// Takes a free chunk and cuts it into blocks.
[[nodiscard]] std::uint64_t make_small_chunk(const Segment& arena, std::uint32_t size_class);

/// How many blocks of a small chunk are not free, counted now.
[[nodiscard]] std::int32_t count_used(const Segment& arena, std::uint64_t chunk,
                                      std::uint32_t size_class);

/// Called when a chunk seems empty: keeps one per class at hand, gives the memory of others back.
void spare_or_drain(const Segment& arena, std::uint64_t chunk);

/// Gives an empty small chunk's memory back; false when it is not empty.
bool drain(const Segment& arena, std::uint64_t chunk);

[[nodiscard]] std::uint64_t claim_large(const Segment& arena, std::size_t bytes, Member claimer,
                                        Backing backing);

/// Frees a claimed run of `count` chunks. Also finishes for a dead one that was doing it.
void free_large(const Segment& arena, std::uint64_t chunk, std::uint32_t count);

/// Frees chunks that a dead process had taken, and stops its draining.
void free_chunks_of(const Segment& arena, Member dead);

/// The size of the block at `block`: its class, or its chunks.
[[nodiscard]] std::uint64_t block_bytes(const Segment& arena, std::uint64_t block);

/// Calls `visit(block, owner word)` for every block that is not free.
template <class Visit>
void for_each_block(const Segment& arena, Visit visit) {
  for_each_large_object(arena, [&](std::uint64_t window, ChunkWord) {
    Link& owner = arena.window_owners[window];
    if (owner.load() != 0) visit(arena.window_offset(window), owner);
  });
  const std::uint64_t end = map_used_chunks(arena);
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const auto word = ChunkWord::from(arena.chunk_words[chunk].load());
    if (word.kind == ChunkKind::large) {
      Link& owner = arena.owner_word(chunk, 0);
      if (owner.load() != 0) visit(arena.chunk_offset(chunk), owner);
    } else if (word.kind == ChunkKind::small || word.kind == ChunkKind::draining) {
      for (std::uint32_t i = 0; i < blocks_per_chunk(word.value); ++i) {
        Link& owner = arena.owner_word(chunk, i);
        if (owner.load() != 0)
          visit(arena.chunk_offset(chunk) + std::uint64_t{i} * class_bytes[word.value], owner);
      }
    }
  }
}

}  // namespace multiprocessing::detail
