// How far this process has the arena mapped: windows of 64 MiB from below, and large objects.
//
// A process that takes a block first maps it, then raises the shared mark `borders.low`, then takes
// the block, and then passes it on. A process that receives a block compares that mark with what it
// has mapped: one comparison covers the whole length of the block, and fails once for each window.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "arena/segment.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

struct WindowsHere {
  const std::atomic<std::uint64_t>* borders;  // of the header; a word of zero before there is one
  std::atomic<std::uint64_t> mapped;          // windows, from the first on
};
MULTIPROCESSING_API extern WindowsHere windows_here;

/// Whether others may use windows that this process has not mapped. Asked under the lock of a
/// structure with pointers by distance; true each time for a process that may not map them all.
[[nodiscard]] inline bool told_of_windows() {
  const std::uint64_t low = windows_here.borders->load(std::memory_order_acquire) & 0xffffffff;
  return low > windows_here.mapped.load(std::memory_order_relaxed);
}

/// Maps all windows in use as far as that can be, and for certain what lies below the end of the
/// `bytes` at `address`, or throws OSError with the figures.
MULTIPROCESSING_API void map_told_windows(const void* address, std::size_t bytes);

/// What lies where in the file. Chunk words, hints and owner words stand behind the chunks.
struct FileLayout {
  std::size_t size = 0;
  std::size_t chunks = 0;
  std::size_t chunks_at = 0;
  std::size_t words_at = 0;
  std::size_t used_at = 0;
  std::size_t owners_at = 0;
};
/// Maps what stands before the chunks, and the first window; null and errno when it cannot. What is
/// mapped later follows behind.
[[nodiscard]] std::byte* map_first_window(int arena_fd, const FileLayout& file);

// ---- How a process comes to have mapped what others tell it of. All throw OSError with the
// figures where it cannot, and leave everything as it was. They do nothing for what is mapped.

/// Chunks below `chunk`, before they or their words are looked at.
void map_chunks(const Segment& arena, std::uint64_t chunk);

/// All chunks that were ever in use, before their words are walked over; how many.
[[nodiscard]] std::uint64_t map_used_chunks(const Segment& arena);
/// The same as far as it can be, for a search that any chunk may satisfy.
[[nodiscard]] std::uint64_t usable_chunks(const Segment& arena) noexcept;

/// The first window of the block, with its header and links; the whole block.
void reach_more(const Segment& arena, std::uint64_t block, bool whole);
inline void reach(const Segment& arena, std::uint64_t block, bool whole) {
  const Borders borders = arena.borders();
  if (borders.low > windows_here.mapped.load(std::memory_order_relaxed) ||
      arena.window_of(block) >= borders.high) [[unlikely]]
    reach_more(arena, block, whole);
}
inline void reach_header(const Segment& arena, std::uint64_t block) { reach(arena, block, false); }
inline void reach_block(const Segment& arena, std::uint64_t block) { reach(arena, block, true); }

/// Windows from `first` on, of a large object.
void map_object(const Segment& arena, std::uint64_t first, std::uint64_t count);

[[noreturn]] void throw_descriptor_closed();

/// A leaf: held while this process maps more, and across fork.
[[nodiscard]] std::mutex& windows_mutex();

}  // namespace multiprocessing::detail
