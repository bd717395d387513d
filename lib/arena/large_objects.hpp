// Objects of a window or more: whole windows from the top of the arena downwards, each object
// mapped by itself, so that a large one does not stand in the way of a process that may map little.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "arena/identity.hpp"
#include "arena/memory_limits.hpp"
#include "arena/segment.hpp"

namespace multiprocessing::detail {

/// Takes windows for `bytes` in the name of `claimer`; 0 when no windows are free.
[[nodiscard]] std::uint64_t claim_windows(const Segment& arena, std::size_t bytes, Member claimer,
                                          Backing backing);

/// Frees a claimed large object of `count` windows. Also finishes for a dead one that did it.
void free_windows(const Segment& arena, std::uint64_t first, std::uint64_t count);

/// Frees windows that a dead process had taken.
void free_windows_of(const Segment& arena, Member dead);

/// Calls `visit(window, word)` for the first window of each large object.
template <class Visit>
void for_each_large_object(const Segment& arena, Visit visit) {
  const std::uint64_t end = arena.header->chunks / window_chunks;
  for (std::uint64_t window = arena.borders().high; window < end; ++window)
    if (const auto word = ChunkWord::from(arena.window_words[window].load());
        word.kind == ChunkKind::large)
      visit(window, word);
}

// ---- for chunks and windows alike

/// While alive, counts among this process's claims: if the process dies, its settler looks for
/// chunks that it has taken or drains.
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

[[nodiscard]] inline std::uint64_t taken_by_me() {
  return ChunkWord{ChunkKind::taken, 0, identity()->member}.packed();
}

/// Has the system set memory aside; 0, or why it does not.
[[nodiscard]] int reserve_at(const Segment& arena, std::uint64_t offset, std::size_t bytes);
[[noreturn]] void throw_not_reserved(int error, std::size_t bytes);
[[noreturn]] void throw_full(const Segment& arena, std::size_t bytes);

}  // namespace multiprocessing::detail
