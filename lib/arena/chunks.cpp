#include "arena/chunks.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include "arena/identity.hpp"
#include "arena/large_objects.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

/// An empty chunk per class that is kept, so that a lone block made and dropped costs no chunk: its
/// number plus one, so that zero is none.
std::array<std::atomic<std::uint64_t>, class_bytes.size()> spare{};

/// Per class the value of `room_made`, plus one, at which a search found no chunk with room.
std::array<std::atomic<std::uint32_t>, class_bytes.size()> searched_in_vain{};

bool raise_high_water(const Segment& arena, std::uint64_t to) {
  auto& mark = arena.header->high_water;
  std::uint64_t seen = mark.load();
  while (seen < to)
    if (mark.compare_exchange_weak(seen, to)) return true;
  return false;
}

void note_free_chunk(const Segment& arena, std::uint64_t chunk) {
  auto& mark = arena.header->lowest_free;
  std::uint64_t seen = mark.load();
  for (;;) {
    LowestFree lowest = LowestFree::from(seen);
    lowest.chunk = std::min(lowest.chunk, chunk);
    ++lowest.frees;
    if (mark.compare_exchange_weak(seen, lowest.packed())) return;
  }
}

/// Frees chunks that this process has taken and not touched.
void let_go(const Segment& arena, std::uint64_t chunk, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    arena.chunk_words[chunk + i].store(0);
    fail_point("arena.chunks.letting_go");
  }
  note_free_chunk(arena, chunk);
}

/// Gives the memory of chunks that this process has taken back to the system, then the chunks.
void punch_and_free(const Segment& arena, std::uint64_t chunk, std::uint64_t count) {
  void* at = arena.chunks + chunk * chunk_bytes;
  // By address and not by descriptor: a program may have closed that one and opened a file of its
  // own under the number. Refused for locked memory (mlockall), which then is cleared by hand.
  if (madvise(at, count * chunk_bytes, MADV_REMOVE) != 0) std::memset(at, 0, count * chunk_bytes);
  fail_point("arena.chunks.after_punch");
  let_go(arena, chunk, count);
}

/// Opens the chunks below `end` to all members: a process that receives a block there maps it.
/// False when large objects lie there, or the arena ends below.
bool open_windows(const Segment& arena, std::uint64_t end) {
  if (end > arena.header->chunks) return false;
  const std::uint64_t windows = (end + window_chunks - 1) / window_chunks;
  std::uint64_t seen = arena.header->borders.load();
  for (;;) {
    Borders borders = Borders::from(seen);
    if (windows <= borders.low) return true;
    if (windows > borders.high) return false;
    borders.low = windows;
    if (arena.header->borders.compare_exchange_weak(seen, borders.packed())) return true;
  }
}

/// Maps the chunks below `end` in this process, then opens them to all. Where it cannot map them,
/// nothing is changed, so that no other member has to map them either. False as above.
bool make_room_below(const Segment& arena, std::uint64_t end, bool otherwise_from_start) {
  if (end > std::min(arena.header->chunks, arena.borders().high * window_chunks)) return false;
  try {
    map_chunks(arena, end);
  } catch (const OSError&) {
    if (otherwise_from_start) return false;
    throw;
  }
  fail_point("arena.windows.mapped");
  return open_windows(arena, end);
}

struct Run {
  std::uint64_t first;
  bool virgin;  // its first chunk was never used
};

/// Takes `count` free chunks in a row, from `from` on if that is above the mark of free ones.
/// Where another process takes a chunk in between, the chunks before it are let go again.
Run take_run(const Segment& arena, std::uint64_t count, std::size_t bytes, std::uint64_t from = 0) {
  const std::uint64_t mine = taken_by_me();
  const auto hint = LowestFree::from(arena.header->lowest_free.load());
  Run run{std::max(hint.chunk, from), false};
  bool from_start = run.first == from;
  for (std::uint64_t length = 0; length < count;) {
    if (length == 0 && !make_room_below(arena, run.first + count, !from_start)) {
      if (from_start) throw_full(arena, bytes);
      from_start = true;  // the mark is a hint: a death may have left it too high
      run.first = from;
      continue;
    }
    const std::uint64_t at = run.first + length;
    std::uint64_t seen = arena.chunk_words[at].load(std::memory_order_relaxed);
    if (at >= arena.header->high_water.load(std::memory_order_relaxed)) {
      const bool raised = raise_high_water(arena, run.first + count);
      if (length == 0) run.virgin = raised;
      fail_point("arena.chunks.after_high_water");
    } else if (length == 0) {
      run.virgin = false;
    }
    if (seen == 0 && arena.chunk_words[at].compare_exchange_strong(seen, mine)) {
      ++length;
      fail_point("arena.chunks.after_take");
      continue;
    }
    if (length != 0) let_go(arena, run.first, length);
    const auto word = ChunkWord::from(seen);
    run.first = at + (word.kind == ChunkKind::large ? std::max<std::uint64_t>(word.value, 1) : 1);
    length = 0;
  }
  // Unless a chunk was freed meanwhile, perhaps one that this search had passed.
  std::uint64_t seen = hint.packed();
  if (count == 1)
    arena.header->lowest_free.compare_exchange_strong(
        seen, LowestFree{run.first + 1, hint.frees}.packed());
  return run;
}

/// For a large block, `name` is in its first owner word.
void reserve_memory(const Segment& arena, std::uint64_t chunk, std::uint64_t count,
                    std::size_t bytes, std::uint64_t name = 0) {
  const int error = reserve_at(arena, arena.chunk_offset(chunk), bytes);
  if (error == 0) return;
  if (name != 0) arena.owner_word(chunk, 0).compare_exchange_strong(name, 0);
  punch_and_free(arena, chunk, count);
  throw_not_reserved(error, bytes);
}

/// Owner words that a claimer left in a chunk that was no longer of the class it looked for: the
/// living take theirs back by themselves, those of the dead would stay for ever.
void clear_strays(const Segment& arena, std::uint64_t chunk) {
  for (std::uint64_t i = 0; i < words_per_chunk; ++i) {
    Link& owner = arena.owner_word(chunk, i);
    std::uint64_t seen = owner.load(std::memory_order_relaxed);
    if (OwnerWord::kind(seen) == OwnerKind::claimed && !alive(OwnerWord::claimer(seen)))
      owner.compare_exchange_strong(seen, 0);
  }
}

/// A process that still takes the chunk for a small one may claim word 0 and give it up again; if
/// it died in between, the word names it for ever. The word is not overwritten while that process
/// lives: it may look so late that the chunk is small again, and would believe that the claim is
/// its own. False then: that process may be stopped, so the caller takes another chunk.
bool set_first_owner(Link& owner, std::uint64_t name) {
  for (std::uint64_t seen = 0; !owner.compare_exchange_strong(seen, name);)
    if (OwnerWord::kind(seen) == OwnerKind::claimed && alive(OwnerWord::claimer(seen)))
      return false;
  return true;
}

/// A run of chunks with `name` in its first owner word.
std::uint64_t take_owned_run(const Segment& arena, std::uint64_t count, std::size_t bytes,
                             std::uint64_t name) {
  for (std::uint64_t from = 0;;) {
    const std::uint64_t chunk = take_run(arena, count, bytes, from).first;
    if (set_first_owner(arena.owner_word(chunk, 0), name)) return chunk;
    let_go(arena, chunk, count);
    from = chunk + 1;
  }
}

}  // namespace

std::uint32_t class_for(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(class_bytes, bytes) -
                                    class_bytes.begin());
}

std::uint64_t find_small_chunk(const Segment& arena, std::uint32_t size_class) {
  const std::uint32_t now = arena.header->room_made[size_class].load() + 1;
  auto& vain = searched_in_vain[size_class];
  if (vain.load(std::memory_order_relaxed) == now) return no_chunk;
  const std::uint64_t wanted = ChunkWord{ChunkKind::small, size_class, {}}.packed();
  const auto blocks = static_cast<std::int32_t>(blocks_per_chunk(size_class));
  const std::uint64_t end = usable_chunks(arena);
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const std::uint64_t word = arena.chunk_words[chunk].load(std::memory_order_relaxed);
    if (word == wanted && arena.used[chunk].load(std::memory_order_relaxed) < blocks) return chunk;
    if (ChunkWord::from(word).kind == ChunkKind::large)
      chunk += std::max<std::uint64_t>(ChunkWord::from(word).value, 1) - 1;
  }
  vain.store(now, std::memory_order_relaxed);
  return no_chunk;
}

std::uint64_t make_small_chunk(const Segment& arena, std::uint32_t size_class) {
  check_memory(chunk_bytes);
  const ChunkWork work{arena};
  const auto [chunk, virgin] = take_run(arena, 1, chunk_bytes);
  reserve_memory(arena, chunk, 1, chunk_bytes);
  if (!virgin) clear_strays(arena, chunk);
  arena.used[chunk].store(virgin ? 0 : count_used(arena, chunk, size_class),
                          std::memory_order_relaxed);
  fail_point("arena.small.before_commit");
  arena.chunk_words[chunk].store(ChunkWord{ChunkKind::small, size_class, {}}.packed());
  fail_point("arena.small.after_commit");
  return chunk;
}

std::int32_t count_used(const Segment& arena, std::uint64_t chunk, std::uint32_t size_class) {
  std::int32_t used = 0;
  for (std::uint64_t i = 0; i < blocks_per_chunk(size_class); ++i)
    used += arena.owner_word(chunk, i).load(std::memory_order_relaxed) != 0;
  return used;
}

void note_room(const Segment& arena, std::uint32_t size_class) {
  arena.header->room_made[size_class].fetch_add(1);
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
  const ChunkWork work{arena};
  const std::uint64_t draining =
      ChunkWord{ChunkKind::draining, word.value, identity()->member}.packed();
  if (!arena.chunk_words[chunk].compare_exchange_strong(seen, draining)) return false;
  fail_point("arena.drain.after_mark");
  // First the mark, then the look; a taker first takes, then looks at the mark: one of the two sees
  // the other.
  for (std::uint32_t i = 0; i < blocks_per_chunk(word.value); ++i) {
    if (arena.owner_word(chunk, i).load() == 0) continue;
    arena.chunk_words[chunk].store(seen);
    return false;
  }
  arena.chunk_words[chunk].store(taken_by_me());
  fail_point("arena.drain.after_taken");
  punch_and_free(arena, chunk, 1);
  return true;
}

std::uint64_t claim_large(const Segment& arena, std::size_t bytes, Member claimer,
                          Backing backing) {
  const std::size_t pages = (bytes + 4095) / 4096 * 4096;
  const std::uint64_t count = pages / chunk_bytes + (pages % chunk_bytes != 0);
  if (pages < bytes || count > arena.header->chunks) throw_full(arena, bytes);
  if (backing == Backing::reserved) check_memory(pages);
  const ChunkWork work{arena};
  const std::uint64_t name = OwnerWord::claimed_by(claimer);
  const std::uint64_t chunk = take_owned_run(arena, count, bytes, name);
  fail_point("arena.large.owned");
  if (backing == Backing::reserved) reserve_memory(arena, chunk, count, pages, name);
  fail_point("arena.large.before_commit");
  arena.chunk_words[chunk].store(ChunkWord{
      .kind = ChunkKind::large,
      .value = static_cast<std::uint32_t>(count),
      .pages = backing == Backing::reserved ? static_cast<std::uint32_t>(pages / 4096) : 0}
                                     .packed());
  fail_point("arena.large.after_commit");
  const std::uint64_t tail = ChunkWord{ChunkKind::tail, 0, {}}.packed();
  for (std::uint64_t i = 1; i < count; ++i) arena.chunk_words[chunk + i].store(tail);
  return arena.chunk_offset(chunk);
}

void free_large(const Segment& arena, std::uint64_t chunk, std::uint32_t count) {
  const std::uint64_t mine = taken_by_me();
  for (std::uint64_t i = 1; i < count; ++i) arena.chunk_words[chunk + i].store(mine);
  fail_point("arena.large.after_tails");
  // The tails before the head: once the head's word is stored others may take chunk and word. A
  // death in between leaves taken chunks, and each is freed by itself.
  arena.chunk_words[chunk].store(mine);
  fail_point("arena.large.after_head");
  arena.owner_word(chunk, 0).store(0);
  fail_point("arena.large.after_owner");
  punch_and_free(arena, chunk, count);
}

void free_chunks_of(const Segment& arena, Member dead) {
  const ChunkWork work{arena};
  free_windows_of(arena, dead);
  const std::uint64_t end = map_used_chunks(arena);
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    std::uint64_t seen = arena.chunk_words[chunk].load();
    const auto word = ChunkWord::from(seen);
    if (!word.is_by(dead)) continue;
    if (word.kind == ChunkKind::draining) {
      arena.chunk_words[chunk].compare_exchange_strong(
          seen, ChunkWord{ChunkKind::small, word.value, {}}.packed());
      note_room(arena, word.value);
    } else if (word.kind == ChunkKind::taken &&
               arena.chunk_words[chunk].compare_exchange_strong(seen, taken_by_me())) {
      fail_point("arena.settle.chunk_taken");
      // Its first owner word may still name the dead process, which half made or freed a large
      // block.
      std::uint64_t owner = OwnerWord::claimed_by(dead);
      arena.owner_word(chunk, 0).compare_exchange_strong(owner, 0);
      punch_and_free(arena, chunk, 1);
    }
  }
}

std::uint64_t block_bytes(const Segment& arena, std::uint64_t block) {
  if (arena.is_in_windows(block))
    return ChunkWord::from(arena.window_words[arena.window_of(block)].load()).value * window_bytes;
  const auto word = ChunkWord::from(arena.chunk_words[arena.chunk_of(block)].load());
  return word.kind == ChunkKind::large ? word.value * chunk_bytes : class_bytes[word.value];
}

void trim() {
  const Segment& arena = segment();
  const std::uint64_t end = usable_chunks(arena);
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const auto word = ChunkWord::from(arena.chunk_words[chunk].load());
    if (word.kind != ChunkKind::small) continue;
    const std::int32_t used = count_used(arena, chunk, word.value);
    arena.used[chunk].store(used, std::memory_order_relaxed);
    if (used == 0) drain(arena, chunk);
  }
  // A process may have died between freeing a block and noting the room.
  for (std::uint32_t i = 0; i < class_bytes.size(); ++i) note_room(arena, i);
  note_free_chunk(arena, 0);
}

}  // namespace multiprocessing::detail
