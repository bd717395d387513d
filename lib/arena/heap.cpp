#include "arena/heap.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "arena/chunks.hpp"
#include "arena/identity.hpp"
#include "arena/warm_blocks.hpp"
#include "arena/windows.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

/// Where this process last found room, per size class. Hints only: any value is right.
struct Hint {
  std::atomic<std::uint64_t> chunk{no_chunk};
  std::atomic<std::uint32_t> word{0};
};
std::array<Hint, class_bytes.size()> hints;
static_assert(class_bytes.back() == largest_small);

/// Whether the chunk is of this class still. A claim in it keeps it from being emptied, but may
/// have come too late.
bool still_of_class(const Segment& arena, std::uint64_t chunk, std::uint32_t size_class) {
  const auto word = ChunkWord::from(arena.chunk_words[chunk].load());
  return word.kind == ChunkKind::small && word.value == size_class;
}

std::uint64_t claim_in(const Segment& arena, std::uint64_t chunk, std::uint32_t size_class,
                       std::uint64_t name, std::uint32_t start) {
  const std::uint32_t blocks = blocks_per_chunk(size_class);
  for (std::uint32_t step = 0; step < blocks; ++step) {
    const std::uint32_t index = start + step < blocks ? start + step : start + step - blocks;
    Link& owner = arena.owner_word(chunk, index);
    if (owner.load(std::memory_order_relaxed) != 0) continue;
    std::uint64_t seen = 0;
    if (!owner.compare_exchange_strong(seen, name)) continue;
    fail_point("arena.claim.after_name");  // the commit
    if (!still_of_class(arena, chunk, size_class)) {
      // By exchange: meanwhile the word may belong to a large block, which waits for this.
      std::uint64_t ours = name;
      owner.compare_exchange_strong(ours, 0);
      return 0;
    }
    arena.used[chunk].fetch_add(1, std::memory_order_relaxed);
    hints[size_class].chunk.store(chunk, std::memory_order_relaxed);
    hints[size_class].word.store(index + 1 < blocks ? index + 1 : 0, std::memory_order_relaxed);
    return arena.chunk_offset(chunk) + std::uint64_t{index} * class_bytes[size_class];
  }
  return 0;
}

std::uint64_t claim_small(const Segment& arena, std::uint32_t size_class, Member claimer) {
  const std::uint64_t name = OwnerWord::claimed_by(claimer);
  const auto blocks = static_cast<std::int32_t>(blocks_per_chunk(size_class));
  Hint& hint = hints[size_class];
  for (;;) {
    std::uint64_t chunk = hint.chunk.load(std::memory_order_relaxed);
    std::uint32_t start = hint.word.load(std::memory_order_relaxed);
    if (chunk == no_chunk || !still_of_class(arena, chunk, size_class) ||
        arena.used[chunk].load(std::memory_order_relaxed) >= blocks) {
      chunk = find_small_chunk(arena, size_class);
      if (chunk == no_chunk) chunk = make_small_chunk(arena, size_class);
      start = 0;
      fail_point("arena.claim.found");
    }
    if (std::uint64_t block = claim_in(arena, chunk, size_class, name, start)) return block;
    // It has less room than its count says, which a death left wrong. Correct it, or this search
    // would come back.
    arena.used[chunk].store(count_used(arena, chunk, size_class), std::memory_order_relaxed);
  }
}

void free_small(const Segment& arena, std::uint64_t chunk, std::uint32_t index,
                std::uint32_t size_class) {
  hints[size_class].chunk.store(chunk, std::memory_order_relaxed);
  hints[size_class].word.store(index, std::memory_order_relaxed);  // last freed, first taken
  arena.owner_word(chunk, index).store(0, std::memory_order_release);
  fail_point("arena.free.after_word");
  const std::int32_t used = arena.used[chunk].fetch_sub(1, std::memory_order_relaxed);
  if (used >= static_cast<std::int32_t>(blocks_per_chunk(size_class))) note_room(arena, size_class);
  // Hysteresis: the chunk in use stays, or a single block made and dropped would cost a chunk.
  if (used <= 1) spare_or_drain(arena, chunk);
}

/// From memory that is fresh, unless some chunk has room for a small one.
std::uint64_t claim_fresh(const Segment& arena, std::size_t bytes, Member claimer, Backing backing,
                          Place place, Contents contents) {
  if (bytes <= largest_small) return claim_small(arena, class_for(bytes), claimer);
  if (place == Place::in_windows && bytes >= window_bytes)
    if (const std::uint64_t block = claim_windows(arena, bytes, claimer, backing)) return block;
  // What may be longer than it has to is of use to more of those that come after it.
  if (contents == Contents::any && bytes <= arena.header->warm_bytes)
    bytes = pages_to_reserve(bytes) * 4096;
  return claim_large(arena, bytes, claimer, backing);
}

std::uint64_t claim_large_warm(const Segment& arena, std::size_t bytes, Member claimer,
                               Contents contents) {
  const std::uint64_t block = take_warm(arena, bytes, claimer);
  if (block != 0 && contents == Contents::zeroed) std::memset(arena.at<void>(block), 0, bytes);
  return block;
}

}  // namespace

std::uint64_t claim_block(std::size_t bytes, Member claimer, Backing backing, Place place,
                          Contents contents) {
  const Segment& arena = segment();
  Slot& slot = arena.slots[claimer.slot];
  // The count comes first: if this process dies from here on, its settler looks for the block.
  slot.claims.fetch_add(1, std::memory_order_relaxed);
  fail_point("arena.claim.counted");
  try {
    if (bytes > largest_small && backing == Backing::reserved)
      if (const std::uint64_t block = claim_large_warm(arena, bytes, claimer, contents))
        return block;
    try {
      return claim_fresh(arena, bytes, claimer, backing, place, contents);
    } catch (const OSError&) {
      // What is kept for speed must not be missing where it is needed.
      const bool gave = give_back_warm(arena, std::chrono::milliseconds{0});
      if (!gave && contents == Contents::zeroed) throw;
    }
    return claim_fresh(arena, bytes, claimer, backing, place, Contents::zeroed);  // not rounded up
  } catch (...) {
    slot.claims.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
}

namespace {

enum class Left { whole, by_the_dead };

/// What a dead process has left may be a large block that it was making or freeing: some of its
/// chunks may be taken still, so it is no block to keep.
void free_block(std::uint64_t block, Member claimer, Left left) {
  const Segment& arena = segment();
  const std::uint64_t chunk = arena.chunk_of(block);
  if (arena.is_in_windows(block)) [[unlikely]] {
    const std::uint64_t window = arena.window_of(block);
    free_windows(arena, window, ChunkWord::from(arena.window_words[window].load()).value);
    arena.slots[claimer.slot].claims.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  const auto word = ChunkWord::from(arena.chunk_words[chunk].load(std::memory_order_relaxed));
  if (word.kind == ChunkKind::large) {
    if (left == Left::whole)
      free_or_keep(arena, chunk);
    else
      free_large(arena, chunk, word.value);
  } else {
    const std::uint64_t inside = block - arena.chunk_offset(chunk);
    // If it is draining it turns back into a small one, because this block is in it.
    free_small(arena, chunk, static_cast<std::uint32_t>(inside / class_bytes[word.value]),
               word.value);
  }
  arena.slots[claimer.slot].claims.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

void free_claimed(std::uint64_t block, Member claimer) { free_block(block, claimer, Left::whole); }

Link& owner_of(std::uint64_t block) {
  const Segment& arena = segment();
  if (arena.is_in_windows(block)) [[unlikely]]
    return arena.window_owners[arena.window_of(block)];
  reach_header(arena, block);
  const std::uint64_t chunk = arena.chunk_of(block);
  const auto word = ChunkWord::from(arena.chunk_words[chunk].load(std::memory_order_relaxed));
  if (word.kind == ChunkKind::large || word.kind == ChunkKind::tail)
    return arena.owner_word(chunk, 0);
  return arena.owner_word(chunk, (block - arena.chunk_offset(chunk)) / class_bytes[word.value]);
}

namespace {

/// Takes a block over from the owner in `name`; with the mark of its links if it is `marked`.
bool take(Link& owner, std::uint64_t name, Member settler, std::uint64_t marked) {
  std::atomic<std::uint32_t>& claims = segment().slots[settler.slot].claims;
  // The count comes first, as in a claim: this process may die right after the word names it.
  claims.fetch_add(1, std::memory_order_relaxed);
  if (!owner.compare_exchange_strong(name, OwnerWord::claimed_by(settler) | marked)) {
    claims.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  fail_point("arena.settle.block_taken");
  return true;
}

}  // namespace

bool take_and_free(std::uint64_t block, Link& owner, std::uint64_t name, Member settler) {
  if (!take(owner, name, settler, 0)) return false;
  free_claimed(block, settler);
  return true;
}

void free_members_of(std::uint64_t object, Member settler) {
  const std::uint64_t name = OwnerWord::member_of(object);
  for_each_block(segment(), [&](std::uint64_t block, Link& owner) {
    if (owner.load(std::memory_order_relaxed) == name) take_and_free(block, owner, name, settler);
  });
}

void free_claims_of(Member dead, Member settler, void (*release_links)(std::uint64_t)) {
  const Segment& arena = segment();
  const std::uint64_t name = OwnerWord::claimed_by(dead);
  for_each_block(arena, [&](std::uint64_t block, Link& owner) {
    const std::uint64_t seen = owner.load(std::memory_order_relaxed);
    if ((seen & ~OwnerWord::with_links) != name) return;
    const std::uint64_t marked = seen & OwnerWord::with_links;
    if (!take(owner, seen, settler, marked)) return;
    if (marked != 0) release_links(block);
    free_block(block, settler, Left::by_the_dead);
  });
  free_chunks_of(arena, dead);
}

}  // namespace multiprocessing::detail
