#include "arena/chunks.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include "arena/identity.hpp"
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

/// While alive, counts among this process's claims, so that somebody looks for chunks that it has
/// taken or drains when it dies.
class ChunkWork {
 public:
  explicit ChunkWork(const Segment& arena) : claims_(arena.slots[identity()->member.slot].claims) {
    claims_.fetch_add(1, std::memory_order_relaxed);
  }
  ~ChunkWork() { claims_.fetch_sub(1, std::memory_order_relaxed); }
  ChunkWork(const ChunkWork&) = delete;

 private:
  std::atomic<std::uint32_t>& claims_;
};

std::uint64_t taken_by_me() { return ChunkWord{ChunkKind::taken, 0, identity()->member}.packed(); }

bool raise_high_water(const Segment& arena, std::uint64_t to) {
  auto& mark = arena.header->high_water;
  std::uint64_t seen = mark.load();
  while (seen < to)
    if (mark.compare_exchange_weak(seen, to)) return true;
  return false;
}

[[noreturn]] void throw_full(std::size_t bytes) {
  throw_os_error(ENOMEM, "arena",
                 "no room for " + std::to_string(bytes) +
                     " bytes: all addresses of the shared arena are in use");
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

struct Run {
  std::uint64_t first;
  bool virgin;  // nobody ever used its first chunk
};

/// Takes `count` free chunks in a row. Chunks on either side of one that somebody else took
/// meanwhile are let go again.
Run take_run(const Segment& arena, std::uint64_t count, std::size_t bytes) {
  const std::uint64_t mine = taken_by_me();
  const auto hint = LowestFree::from(arena.header->lowest_free.load());
  Run run{hint.chunk, false};
  bool from_start = run.first == 0;
  for (std::uint64_t length = 0; length < count;) {
    const std::uint64_t at = run.first + length;
    if (at >= arena.header->chunks) {
      if (length != 0) let_go(arena, run.first, length);
      if (from_start) throw_full(bytes);
      from_start = true;  // the mark is a hint: a death may have left it too high
      run.first = length = 0;
      continue;
    }
    std::uint64_t seen = arena.chunk_words[at].load(std::memory_order_relaxed);
    if (at >= arena.header->high_water.load(std::memory_order_relaxed)) {
      const bool raised =
          raise_high_water(arena, std::min(run.first + count, arena.header->chunks));
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
  // Unless somebody freed a chunk meanwhile, perhaps one that we had passed by.
  std::uint64_t seen = hint.packed();
  if (count == 1)
    arena.header->lowest_free.compare_exchange_strong(
        seen, LowestFree{run.first + 1, hint.frees}.packed());
  return run;
}

void reserve_memory(const Segment& arena, std::uint64_t chunk, std::uint64_t count,
                    std::size_t bytes) {
  int error = EBADF;
  if (names_file(arena.arena_fd, arena.arena_file)) {
    const auto offset = static_cast<off_t>(arena.chunk_offset(chunk));
    do {
      if (fallocate(arena.arena_fd, FALLOC_FL_KEEP_SIZE, offset, static_cast<off_t>(bytes)) == 0)
        return;
    } while (errno == EINTR || errno == EAGAIN);
    error = errno == ENOSPC ? ENOMEM : errno;
  }
  punch_and_free(arena, chunk, count);
  if (error == EBADF)
    throw ProcessError(
        "the descriptor of the shared arena was closed by somebody who did not open it (closefrom, "
        "a daemon's loop); keep those above 2 that this library opened");
  throw_os_error(error, "fallocate", std::to_string(bytes) + " bytes of the shared arena");
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

/// Word 0 of a chunk may just be claimed and given up again by one who thinks that it is still
/// small; if he died in that, the word names a dead process for ever. Not overwritten while he
/// lives: he may look so late that the chunk is small again, and would believe the claim his.
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

std::uint64_t find_small_chunk(const Segment& arena, std::uint32_t size_class) {
  const std::uint32_t now = arena.header->room_made[size_class].load() + 1;
  auto& vain = searched_in_vain[size_class];
  if (vain.load(std::memory_order_relaxed) == now) return no_chunk;
  const std::uint64_t wanted = ChunkWord{ChunkKind::small, size_class, {}}.packed();
  const auto blocks = static_cast<std::int32_t>(blocks_per_chunk(size_class));
  const std::uint64_t end = arena.header->high_water.load();
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
  // First the mark, then the look; a taker first takes, then looks at the mark: one of us sees it.
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
  if (pages < bytes || count > arena.header->chunks) throw_full(bytes);
  if (backing == Backing::reserved) check_memory(pages);
  const ChunkWork work{arena};
  const std::uint64_t chunk = take_run(arena, count, bytes).first;
  if (backing == Backing::reserved) reserve_memory(arena, chunk, count, pages);
  set_first_owner(arena.owner_word(chunk, 0), OwnerWord::claimed_by(claimer));
  fail_point("arena.large.before_commit");
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
  fail_point("arena.large.after_head");
  arena.owner_word(chunk, 0).store(0);
  fail_point("arena.large.after_owner");
  punch_and_free(arena, chunk, count);
}

void free_chunks_of(const Segment& arena, Member dead) {
  const ChunkWork work{arena};
  const std::uint64_t end = arena.header->high_water.load();
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
    if (word.kind != ChunkKind::small) continue;
    const std::int32_t used = count_used(arena, chunk, word.value);
    arena.used[chunk].store(used, std::memory_order_relaxed);
    if (used == 0) drain(arena, chunk);
  }
  // A death may have kept somebody from saying so.
  for (std::uint32_t i = 0; i < class_bytes.size(); ++i) note_room(arena, i);
  note_free_chunk(arena, 0);
}

}  // namespace multiprocessing::detail
