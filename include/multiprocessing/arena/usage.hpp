// arena_usage: what is in use in the family's shared memory.
#pragma once

#include <cstdint>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// What is in use in the shared memory of this family, counted now. Other processes go on
/// meanwhile, so the figures are exact only when they rest.
struct ArenaUsage {
  std::uint64_t objects = 0;     // locks, queues, values …
  std::uint64_t blocks = 0;      // all blocks, those of objects among them
  std::uint64_t bytes = 0;       // in blocks, rounded up to their size classes
  std::uint64_t chunks = 0;      // of 64 KiB, with memory behind them; not those of warm_bytes
  std::uint64_t processes = 0;   // members that live or have not been settled yet
  std::uint64_t warm_bytes = 0;  // of large blocks that are free, and kept for the next ones
};

/// Counts what is in use; all zero in a process that has not used shared memory yet. Any process
/// of the family may call it.
[[nodiscard]] MULTIPROCESSING_API ArenaUsage arena_usage();

/// Gives back what members held that died unnoticed, and memory that lies idle. Happens by itself
/// when processes are started and joined.
MULTIPROCESSING_API void arena_sweep();

}  // namespace multiprocessing
