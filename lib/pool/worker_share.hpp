// What of the machine belongs to a pool, and to each of its workers.
#pragma once

#include <cstdint>

namespace multiprocessing::detail {

/// Kept in the worker's seat. Each pool has the processors of its maker to give away: all that the
/// program may use, or what is left for the worker whose task makes the pool.
struct WorkerShare {
  std::uint32_t processors = 0;  // for pools that its tasks make; may be none
  std::uint32_t threads = 1;     // that its libraries should start, with itself
  std::uint32_t set_by_user =
      0;                // the variables of environment that say so already, a bit for each
  bool pinned = false;  // to one processor
};

/// How many workers a pool has in this process when no number is given: at least one.
[[nodiscard]] int default_processes();

[[nodiscard]] WorkerShare share_of_each(int workers, bool pinned);

/// In a worker, before its initializer: `index` says which of the processors is its own.
void take_share(const WorkerShare& share, int index);

}  // namespace multiprocessing::detail
