#include "arena/chunks.hpp"

#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>

#include "arena/identity.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

/// An empty chunk per class that is kept, so that a lone block made and dropped costs no chunk: its
/// number plus one, so that zero is none.
std::array<std::atomic<std::uint64_t>, class_bytes.size()> spare{};

std::uint64_t taken_by_me() { return ChunkWord{ChunkKind::taken, 0, identity()->member}.packed(); }

void raise_high_water(const Segment& arena, std::uint64_t to) {
  auto& mark = arena.header->high_water;
  std::uint64_t seen = mark.load();
  while (seen < to && !mark.compare_exchange_weak(seen, to)) {
  }
}

[[noreturn]] void throw_full(std::size_t bytes) {
  throw_os_error(ENOMEM, "arena",
                 "no room for " + std::to_string(bytes) +
                     " bytes: all addresses of the shared arena are in use");
}

/// Gives the memory of chunks that this process has taken back to the system, then the chunks.
void punch_and_free(const Segment& arena, std::uint64_t chunk, std::uint64_t count) {
  fallocate(arena.arena_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            static_cast<off_t>(arena.chunk_offset(chunk)), static_cast<off_t>(count * chunk_bytes));
  fail_point("arena.chunks.after_punch");
  for (std::uint64_t i = 0; i < count; ++i) arena.chunk_words[chunk + i].store(0);
  auto& lowest = arena.header->lowest_free;
  std::uint64_t seen = lowest.load();
  while (chunk < seen && !lowest.compare_exchange_weak(seen, chunk)) {
  }
}

/// Takes `count` free chunks in a row. Chunks on either side of one that somebody else took
/// meanwhile are let go again.
std::uint64_t take_run(const Segment& arena, std::uint64_t count, std::size_t bytes) {
  const std::uint64_t mine = taken_by_me();
  std::uint64_t hint = arena.header->lowest_free.load();
  std::uint64_t first = hint;
  std::uint64_t length = 0;
  while (length < count) {
    const std::uint64_t at = first + length;
    if (at >= arena.header->chunks) throw_full(bytes);
    std::uint64_t seen = arena.chunk_words[at].load(std::memory_order_relaxed);
    if (at >= arena.header->high_water.load(std::memory_order_relaxed))
      raise_high_water(arena, std::min(first + count, arena.header->chunks));
    if (seen == 0 && arena.chunk_words[at].compare_exchange_strong(seen, mine)) {
      ++length;
      continue;
    }
    for (std::uint64_t i = 0; i < length; ++i) arena.chunk_words[first + i].store(0);
    const auto word = ChunkWord::from(seen);
    first = at + (word.kind == ChunkKind::large ? std::max<std::uint64_t>(word.value, 1) : 1);
    length = 0;
  }
  fail_point("arena.chunks.after_take");
  // Only if nobody freed a lower one meanwhile.
  if (count == 1) arena.header->lowest_free.compare_exchange_strong(hint, first + 1);
  return first;
}

void reserve_memory(const Segment& arena, std::uint64_t chunk, std::uint64_t count,
                    std::size_t bytes) {
  const auto offset = static_cast<off_t>(arena.chunk_offset(chunk));
  if (fallocate(arena.arena_fd, FALLOC_FL_KEEP_SIZE, offset, static_cast<off_t>(bytes)) == 0)
    return;
  const int error = errno == ENOSPC ? ENOMEM : errno;
  if (error == EINTR || error == EAGAIN) return reserve_memory(arena, chunk, count, bytes);
  punch_and_free(arena, chunk, count);
  throw_os_error(error, "fallocate", std::to_string(bytes) + " bytes of the shared arena");
}

/// Word 0 of a chunk may just be claimed and given up again by one who thinks that it is still
/// small; if he died in that, the word names a dead process for ever.
void set_first_owner(Link& owner, std::uint64_t name) {
  for (std::uint64_t seen = 0; !owner.compare_exchange_strong(seen, name);) {
    if (OwnerWord::kind(seen) == OwnerKind::claimed && alive(OwnerWord::claimer(seen))) {
      seen = 0;
      sched_yield();
    }
  }
}

}  // namespace

std::uint32_t class_for(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(class_bytes, bytes) -
                                    class_bytes.begin());
}

std::uint64_t find_small_chunk(const Segment& arena, std::uint32_t size_class,
                               std::uint64_t except) {
  const std::uint64_t wanted = ChunkWord{ChunkKind::small, size_class, {}}.packed();
  const auto blocks = static_cast<std::int32_t>(blocks_per_chunk(size_class));
  const std::uint64_t end = arena.header->high_water.load();
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const std::uint64_t word = arena.chunk_words[chunk].load(std::memory_order_relaxed);
    if (word == wanted && chunk != except &&
        arena.used[chunk].load(std::memory_order_relaxed) < blocks)
      return chunk;
    if (ChunkWord::from(word).kind == ChunkKind::large)
      chunk += std::max<std::uint64_t>(ChunkWord::from(word).value, 1) - 1;
  }
  return no_chunk;
}

std::uint64_t make_small_chunk(const Segment& arena, std::uint32_t size_class) {
  check_memory(chunk_bytes);
  const std::uint64_t chunk = take_run(arena, 1, chunk_bytes);
  reserve_memory(arena, chunk, 1, chunk_bytes);
  arena.used[chunk].store(count_used(arena, chunk), std::memory_order_relaxed);
  arena.chunk_words[chunk].store(ChunkWord{ChunkKind::small, size_class, {}}.packed());
  return chunk;
}

std::int32_t count_used(const Segment& arena, std::uint64_t chunk) {
  std::int32_t used = 0;
  for (std::uint64_t i = 0; i < words_per_chunk; ++i)
    used += arena.owner_word(chunk, i).load(std::memory_order_relaxed) != 0;
  return used;
}

void spare_or_drain(const Segment& arena, std::uint64_t chunk) {
  const auto word = ChunkWord::from(arena.chunk_words[chunk].load());
  if (word.kind != ChunkKind::small) return;
  const std::uint64_t kept = spare[word.value].exchange(chunk + 1);
  if (kept != 0 && kept != chunk + 1) drain(arena, kept - 1);
}

bool drain(const Segment& arena, std::uint64_t chunk) {
  std::uint64_t seen = arena.chunk_words[chunk].load();
  const auto word = ChunkWord::from(seen);
  if (word.kind != ChunkKind::small) return false;
  const std::uint64_t draining =
      ChunkWord{ChunkKind::draining, word.value, identity()->member}.packed();
  if (!arena.chunk_words[chunk].compare_exchange_strong(seen, draining)) return false;
  fail_point("arena.drain.after_mark");
  // First the mark, then the look; a taker first takes, then looks at the mark: one of us sees it.
  for (std::uint32_t i = 0; i < blocks_per_chunk(word.value); ++i) {
    if (arena.owner_word(chunk, i).load() == 0) continue;
    arena.chunk_words[chunk].store(seen);
    return false;
  }
  arena.chunk_words[chunk].store(taken_by_me());
  punch_and_free(arena, chunk, 1);
  return true;
}

std::uint64_t claim_large(const Segment& arena, std::size_t bytes, Member claimer,
                          Backing backing) {
  const std::size_t pages = (bytes + 4095) / 4096 * 4096;
  const std::uint64_t count = (bytes + chunk_bytes - 1) / chunk_bytes;
  if (pages < bytes || count > arena.header->chunks) throw_full(bytes);
  if (backing == Backing::reserved) check_memory(pages);
  const std::uint64_t chunk = take_run(arena, count, bytes);
  if (backing == Backing::reserved) reserve_memory(arena, chunk, count, pages);
  set_first_owner(arena.owner_word(chunk, 0), OwnerWord::claimed_by(claimer));
  arena.chunk_words[chunk].store(
      ChunkWord{ChunkKind::large, static_cast<std::uint32_t>(count), {}}.packed());
  fail_point("arena.large.after_commit");
  const std::uint64_t tail = ChunkWord{ChunkKind::tail, 0, {}}.packed();
  for (std::uint64_t i = 1; i < count; ++i) arena.chunk_words[chunk + i].store(tail);
  return arena.chunk_offset(chunk);
}

void free_large(const Segment& arena, std::uint64_t chunk, std::uint32_t count) {
  const std::uint64_t mine = taken_by_me();
  for (std::uint64_t i = 1; i < count; ++i) arena.chunk_words[chunk + i].store(mine);
  fail_point("arena.large.after_tails");
  // Before the head's word, for then others may take chunk and word; a death in between leaves
  // chunks that are taken, each freed by itself.
  arena.chunk_words[chunk].store(mine);
  arena.owner_word(chunk, 0).store(0);
  punch_and_free(arena, chunk, count);
}

void free_chunks_of(const Segment& arena, Member dead) {
  const std::uint64_t end = arena.header->high_water.load();
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    std::uint64_t seen = arena.chunk_words[chunk].load();
    const auto word = ChunkWord::from(seen);
    if (!word.is_by(dead)) continue;
    if (word.kind == ChunkKind::draining) {
      arena.chunk_words[chunk].compare_exchange_strong(
          seen, ChunkWord{ChunkKind::small, word.value, {}}.packed());
    } else if (word.kind == ChunkKind::taken &&
               arena.chunk_words[chunk].compare_exchange_strong(seen, taken_by_me())) {
      // Its first owner word may still name the dead: of a large block, half made or half freed.
      std::uint64_t owner = OwnerWord::claimed_by(dead);
      arena.owner_word(chunk, 0).compare_exchange_strong(owner, 0);
      punch_and_free(arena, chunk, 1);
    }
  }
}

std::uint64_t block_bytes(const Segment& arena, std::uint64_t block) {
  const auto word = ChunkWord::from(arena.chunk_words[arena.chunk_of(block)].load());
  return word.kind == ChunkKind::large ? word.value * chunk_bytes : class_bytes[word.value];
}

void trim() {
  const Segment& arena = segment();
  const std::uint64_t end = arena.header->high_water.load();
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const auto word = ChunkWord::from(arena.chunk_words[chunk].load());
    if (word.kind == ChunkKind::small) {
      arena.used[chunk].store(count_used(arena, chunk), std::memory_order_relaxed);
      if (arena.used[chunk].load(std::memory_order_relaxed) == 0) drain(arena, chunk);
    }
  }
  arena.header->lowest_free.store(0);  // a death may have kept somebody from lowering it
}

}  // namespace multiprocessing::detail
