// How far this process has the arena mapped: windows of 64 MiB from below, and large objects.
//
// Whoever takes a block maps it, then raises the shared mark `borders.low`, then takes, then tells.
// Whoever is told compares that mark with what it has mapped: so one comparison covers the whole
// length of the block, and comes out unequal once for each window.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

struct WindowsHere {
  const std::atomic<std::uint64_t>* borders;  // of the header; a word of zero before there is one
  std::atomic<std::uint64_t> mapped;          // windows, from the first on
};
MULTIPROCESSING_API extern WindowsHere windows_here;

/// Whether others may use windows that this process has not mapped. Asked under the lock of what
/// is reached by distances; a process that may not map them all is told again and again.
[[nodiscard]] inline bool told_of_windows() {
  const std::uint64_t low = windows_here.borders->load(std::memory_order_acquire) & 0xffffffff;
  return low > windows_here.mapped.load(std::memory_order_relaxed);
}

/// Maps all windows in use as far as that can be, and for certain what lies below the end of the
/// `bytes` at `address`, or throws OSError with the figures.
MULTIPROCESSING_API void map_told_windows(const void* address, std::size_t bytes);

[[noreturn]] void throw_descriptor_closed();

/// A leaf: held while this process maps more, and across fork.
[[nodiscard]] std::mutex& windows_mutex();

}  // namespace multiprocessing::detail
