#include "arena/warm_blocks.hpp"

#include <time.h>

#include <array>
#include <atomic>
#include <bit>
#include <exception>

#include "arena/chunks.hpp"
#include "arena/identity.hpp"
#include "arena/windows.hpp"
#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr int ticks_per_second = 16;

/// Wraps around after an hour, after which a block may seem younger than it is.
std::uint16_t ticks_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  constexpr long nanoseconds_per_tick = 1'000'000'000 / ticks_per_second;
  return static_cast<std::uint16_t>(now.tv_sec * ticks_per_second +
                                    now.tv_nsec / nanoseconds_per_tick);
}

/// Zero is no hint: a warm block has pages.
struct Hint {
  std::uint64_t chunk = 0;
  std::uint64_t pages = 0;
  std::uint16_t freed = 0;  // when, in ticks

  [[nodiscard]] std::uint64_t packed() const {
    return chunk | pages << 24 | std::uint64_t{freed} << 48;
  }
  [[nodiscard]] static Hint from(std::uint64_t word) {
    return {word & 0xffffff, word >> 24 & 0xffffff, static_cast<std::uint16_t>(word >> 48)};
  }
  [[nodiscard]] std::uint16_t age(std::uint16_t now) const {
    return static_cast<std::uint16_t>(now - freed);
  }
  [[nodiscard]] std::uint64_t bytes() const { return pages * page_bytes; }
};

using HintWord = std::atomic<std::uint64_t>;

HintWord& hint_word(const Segment& arena, std::size_t index) {
  return arena.at<HintWord>(warm_at)[index];
}

/// A hint that was seen, and where.
struct Seen {
  std::size_t index = 0;
  std::uint64_t word = 0;

  [[nodiscard]] Hint hint() const { return Hint::from(word); }
  /// False when it is no longer there.
  [[nodiscard]] bool take_away(const Segment& arena) const {
    std::uint64_t expected = word;
    return hint_word(arena, index).compare_exchange_strong(expected, 0);
  }
};

template <class Visit>
void for_each_hint(const Segment& arena, Visit visit) {
  for (std::size_t i = 0; i < warm_hints; ++i)
    if (const std::uint64_t word = hint_word(arena, i).load(); word != 0) visit(Seen{i, word});
}

/// Into an empty place; false when there is none.
bool leave_hint(const Segment& arena, const Hint& hint) {
  for (std::size_t i = 0; i < warm_hints; ++i) {
    std::uint64_t seen = 0;
    if (hint_word(arena, i).load(std::memory_order_relaxed) == 0 &&
        hint_word(arena, i).compare_exchange_strong(seen, hint.packed()))
      return true;
  }
  return false;
}

/// Whether this process has the chunks mapped now; it may not be allowed to.
bool can_reach(const Segment& arena, std::uint64_t chunk, std::uint64_t pages) {
  constexpr std::uint64_t pages_per_chunk = chunk_bytes / page_bytes;
  try {
    map_chunks(arena, chunk + (pages + pages_per_chunk - 1) / pages_per_chunk);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// Takes a warm block; false when it is none, or not of so many pages. The name in the owner word
/// keeps it from being given back, but may have come too late, as in a small block's claim.
bool claim_warm(const Segment& arena, std::uint64_t chunk, std::uint64_t pages,
                std::uint64_t name) {
  Link& owner = arena.owner_word(chunk, 0);
  std::uint64_t seen = 0;
  if (!owner.compare_exchange_strong(seen, name)) return false;
  fail_point("arena.warm.claimed");  // the commit
  const auto head = ChunkWord::from(arena.chunk_words[chunk].load());
  if (head.kind == ChunkKind::large && head.pages >= pages) return true;
  // By exchange: meanwhile the word may belong to another block; its maker waits for this.
  std::uint64_t ours = name;
  owner.compare_exchange_strong(ours, 0);
  return false;
}

/// Gives the memory of a warm block back to the system.
void give_back(const Segment& arena, std::uint64_t chunk) {
  const ChunkWork work{arena};
  if (!claim_warm(arena, chunk, 1, OwnerWord::claimed_by(identity()->member))) return;
  const auto head = ChunkWord::from(arena.chunk_words[chunk].load());
  if (can_reach(arena, chunk, head.pages))  // the hint may have been of a shorter one
    free_large(arena, chunk, head.value);
  else
    arena.owner_word(chunk, 0).store(0);
}

/// Gives back the memory that a hint names; false when another process took the hint.
bool give_back(const Segment& arena, const Seen& seen) {
  const Hint hint = seen.hint();
  const ChunkWork work{arena};  // before the hint goes, so that a settler looks for the block
  if (!can_reach(arena, hint.chunk, hint.pages) || !seen.take_away(arena)) return false;
  fail_point("arena.warm.hint_taken");
  give_back(arena, hint.chunk);
  return true;
}

/// The one that was freed first.
Seen oldest_hint(const Segment& arena) {
  const std::uint16_t now = ticks_now();
  Seen oldest;
  for_each_hint(arena, [&](const Seen& seen) {
    if (oldest.word == 0 || seen.hint().age(now) > oldest.hint().age(now)) oldest = seen;
  });
  return oldest;
}

}  // namespace

std::uint64_t pages_to_reserve(std::size_t bytes) {
  const std::uint64_t pages = bytes / page_bytes + (bytes % page_bytes != 0);
  const std::uint64_t step = std::bit_floor(pages) / 4;
  return step < 2 ? pages : (pages + step - 1) / step * step;
}

std::uint64_t take_warm(const Segment& arena, std::size_t bytes, Member claimer) {
  const std::uint64_t wanted = bytes / page_bytes + (bytes % page_bytes != 0);
  const std::uint16_t now = ticks_now();
  for (;;) {
    Seen best;
    for_each_hint(arena, [&](const Seen& seen) {
      const Hint hint = seen.hint();
      if (hint.pages < wanted || hint.pages / 2 > wanted) return;
      const Hint so_far = best.hint();
      if (best.word == 0 || hint.pages < so_far.pages ||
          (hint.pages == so_far.pages && hint.age(now) < so_far.age(now)))
        best = seen;
    });
    if (best.word == 0) return 0;
    const Hint hint = best.hint();
    if (!can_reach(arena, hint.chunk, hint.pages)) return 0;
    if (!best.take_away(arena)) continue;
    fail_point("arena.warm.hint_taken");
    if (claim_warm(arena, hint.chunk, wanted, OwnerWord::claimed_by(claimer)))
      return arena.chunk_offset(hint.chunk);
  }
}

void free_or_keep(const Segment& arena, std::uint64_t chunk) {
  const auto head = ChunkWord::from(arena.chunk_words[chunk].load(std::memory_order_relaxed));
  const Hint hint{chunk, head.pages, ticks_now()};
  const std::uint64_t bound = arena.header->warm_bytes;
  if (head.pages == 0 || hint.bytes() > bound) return free_large(arena, chunk, head.value);
  give_back_warm(arena);
  arena.owner_word(chunk, 0).store(0);  // the commit
  fail_point("arena.warm.freed");
  while (warm_bytes(arena) + hint.bytes() > bound || !leave_hint(arena, hint)) {
    const Seen oldest = oldest_hint(arena);
    // Others took what there was; or this process may not reach it, then its own block goes.
    if (oldest.word != 0 && !give_back(arena, oldest) &&
        !can_reach(arena, oldest.hint().chunk, oldest.hint().pages))
      return give_back(arena, chunk);
  }
  fail_point("arena.warm.hint_left");
}

bool give_back_warm(const Segment& arena, std::chrono::milliseconds idle) {
  const std::uint16_t now = ticks_now();
  const auto ticks = idle * ticks_per_second / std::chrono::seconds{1};
  bool any = false;
  for_each_hint(arena, [&](const Seen& seen) {
    if (seen.hint().age(now) >= ticks) any |= give_back(arena, seen);
  });
  return any;
}

void give_back_lost(const Segment& arena) {
  std::uint64_t end = usable_chunks(arena);
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const auto word = ChunkWord::from(arena.chunk_words[chunk].load());
    if (word.kind != ChunkKind::large) continue;
    if (arena.owner_word(chunk, 0).load() == 0 && !has_hint(arena, chunk) &&
        can_reach(arena, chunk, word.pages))
      give_back(arena, chunk);
    if (word.value > 1) chunk += word.value - 1;
  }
}

bool has_hint(const Segment& arena, std::uint64_t chunk) {
  bool found = false;
  for_each_hint(arena, [&](const Seen& seen) { found |= seen.hint().chunk == chunk; });
  return found;
}

std::uint64_t warm_bytes(const Segment& arena) {
  std::uint64_t bytes = 0;
  for_each_hint(arena, [&](const Seen& seen) { bytes += seen.hint().bytes(); });
  return bytes;
}

}  // namespace multiprocessing::detail
