#include "arena/large_objects.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include "arena/windows.hpp"
#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/retrying.hpp"

namespace multiprocessing::detail {
namespace {

/// Windows from `first` on are for large objects from now on. False: chunks are in use there.
bool lower_border(const Segment& arena, std::uint64_t first) {
  std::uint64_t seen = arena.header->borders.load();
  for (;;) {
    Borders borders = Borders::from(seen);
    if (borders.high <= first) return true;
    if (borders.low > first) return false;
    borders.high = first;
    if (arena.header->borders.compare_exchange_weak(seen, borders.packed())) return true;
  }
}

void let_go(const Segment& arena, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    arena.window_words[first + i].store(0);
    fail_point("arena.windows.letting_go");
  }
}

/// Gives the memory of windows that this process has taken back to the system, then the windows.
void punch_and_free(const Segment& arena, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t offset = arena.window_offset(first);
  const std::uint64_t bytes = count * window_bytes;
  const bool by_file = names_file(arena.arena_fd, arena.arena_file) &&
                       fallocate(arena.arena_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0;
  if (!by_file) {
    // The program closed the descriptor, and may have opened a file of its own under the number.
    map_object(arena, first, count);
    void* const at = arena.at<void>(offset);
    if (madvise(at, bytes, MADV_REMOVE) != 0) std::memset(at, 0, bytes);
  }
  fail_point("arena.windows.after_punch");
  let_go(arena, first, count);
}

constexpr std::uint64_t none = ~std::uint64_t{0};

/// Takes `count` windows in a row, as high as there are any; none when there are not.
std::uint64_t take_windows(const Segment& arena, std::uint64_t count) {
  const std::uint64_t mine = taken_by_me();
  for (std::uint64_t end = arena.header->chunks / window_chunks; end >= count;) {
    const std::uint64_t first = end - count;
    if (first < arena.borders().low) return none;
    std::uint64_t at = end;
    for (std::uint64_t seen = 0; at > first; --at) {
      seen = 0;
      if (!arena.window_words[at - 1].compare_exchange_strong(seen, mine)) break;
      fail_point("arena.windows.after_take");
    }
    if (at == first) return first;
    let_go(arena, at, end - at);
    end = at - 1;
  }
  return none;
}

/// Windows that this process has mapped, and that are for large objects from now on. The border is
/// moved last, because it never moves back: a refusal leaves the windows to the chunks.
std::uint64_t take_mapped_windows(const Segment& arena, std::uint64_t count) {
  const std::uint64_t first = take_windows(arena, count);
  if (first == none) return none;
  try {
    map_object(arena, first, count);
  } catch (...) {
    let_go(arena, first, count);
    throw;
  }
  fail_point("arena.windows.before_border");
  if (lower_border(arena, first)) return first;
  let_go(arena, first, count);
  return none;
}

}  // namespace

std::uint64_t claim_windows(const Segment& arena, std::size_t bytes, Member claimer,
                            Backing backing) {
  const std::uint64_t count = bytes / window_bytes + (bytes % window_bytes != 0);
  if (count > arena.header->chunks / window_chunks) return 0;
  const std::size_t pages = (bytes + 4095) / 4096 * 4096;
  if (backing == Backing::reserved) check_memory(pages);
  const ChunkWork work{arena};
  const std::uint64_t first = take_mapped_windows(arena, count);
  if (first == none) return 0;
  if (backing == Backing::reserved) {
    if (const int error = reserve_at(arena, arena.window_offset(first), pages); error != 0) {
      punch_and_free(arena, first, count);
      throw_not_reserved(error, pages);
    }
  }
  arena.window_owners[first].store(OwnerWord::claimed_by(claimer));
  fail_point("arena.windows.before_commit");
  arena.window_words[first].store(
      ChunkWord{ChunkKind::large, static_cast<std::uint32_t>(count), {}}.packed());
  fail_point("arena.windows.after_commit");
  const std::uint64_t tail = ChunkWord{ChunkKind::tail, 0, {}}.packed();
  for (std::uint64_t i = 1; i < count; ++i) arena.window_words[first + i].store(tail);
  return arena.window_offset(first);
}

// In the order of free_large, for the same reasons.
void free_windows(const Segment& arena, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t mine = taken_by_me();
  for (std::uint64_t i = 1; i < count; ++i) arena.window_words[first + i].store(mine);
  fail_point("arena.windows.after_tails");
  arena.window_words[first].store(mine);
  fail_point("arena.windows.after_head");
  arena.window_owners[first].store(0);
  punch_and_free(arena, first, count);
}

void free_windows_of(const Segment& arena, Member dead) {
  const std::uint64_t border =
      arena.borders().high;  // the dead process has moved it, or never will
  const std::uint64_t end = arena.header->chunks / window_chunks;
  for (std::uint64_t window = 0; window < end; ++window) {
    std::uint64_t seen = arena.window_words[window].load();
    const auto word = ChunkWord::from(seen);
    if (word.kind != ChunkKind::taken || !word.is_by(dead)) continue;
    if (!arena.window_words[window].compare_exchange_strong(seen, taken_by_me())) continue;
    fail_point("arena.settle.window_taken");
    std::uint64_t owner = OwnerWord::claimed_by(dead);
    arena.window_owners[window].compare_exchange_strong(owner, 0);
    if (window >= border)
      punch_and_free(arena, window, 1);
    else
      let_go(arena, window, 1);  // there may be chunks in it
  }
}

int reserve_at(const Segment& arena, std::uint64_t offset, std::size_t bytes) {
  if (!names_file(arena.arena_fd, arena.arena_file)) return EBADF;
  int error = 0;
  // EAGAIN is no promise that it works later.
  (void)retry_for_a_while([&] {
    do
      error = fallocate(arena.arena_fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                        static_cast<off_t>(bytes)) == 0
                  ? 0
                  : errno;
    while (error == EINTR);
    return error != EAGAIN;
  });
  return error == ENOSPC ? ENOMEM : error;
}

void throw_not_reserved(int error, std::size_t bytes) {
  if (error == EBADF) throw_descriptor_closed();
  throw_os_error(error, "fallocate", std::to_string(bytes) + " bytes of the shared arena");
}

void throw_full(const Segment& arena, std::size_t bytes) {
  const Borders borders = arena.borders();
  const std::uint64_t all = arena.header->chunks * chunk_bytes;
  const auto in_mib = [](std::uint64_t part) { return std::to_string(part >> 20) + " MiB"; };
  throw_os_error(
      ENOMEM, "arena",
      "no room for " + std::to_string(bytes) +
          " bytes: all addresses of the shared arena are in use; it is limited to " + in_mib(all) +
          ", of which " + in_mib(std::min(borders.low * window_bytes, all)) +
          " are for small objects and " + in_mib(all - std::min(borders.high * window_bytes, all)) +
          " for large ones (MULTIPROCESSING_ARENA_LIMIT, `ulimit -f`)");
}

}  // namespace multiprocessing::detail
