// PoolStats, WorkerStats: what a pool has done and has to do.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace multiprocessing {

/// Of a worker that lives.
struct WorkerStats {
  int index = 0;  // 0 to processes - 1; a worker that replaces another has the index of that one
  pid_t pid = 0;
  double busy = 0;       // seconds in which it had work, up to now
  std::size_t done = 0;  // tasks that have ended in it, those that threw among them
};

/// A look at a pool while its workers go on. A chunk of a map is a task here. What was cancelled,
/// or left undone by the end of the pool, is counted nowhere.
struct PoolStats {
  std::size_t queued = 0;
  std::size_t running = 0;
  std::size_t done = 0;      // have given a result
  std::size_t failed = 0;    // have thrown, or were lost with their worker
  std::size_t restarts = 0;  // workers that replaced others
  std::vector<WorkerStats> workers = {};
};

}  // namespace multiprocessing
