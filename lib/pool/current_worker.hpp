// What this process is as a worker, and which call on its pool it is at.
#pragma once

#include <cstdint>

#include "multiprocessing/pool/this_task.hpp"
#include "multiprocessing/pool/this_worker.hpp"

namespace multiprocessing::detail {

/// From now on this process is that worker of a pool. `number` counts all workers that the pool has
/// started, from 1.
void become_worker(int index, std::uint32_t number, std::uint64_t pool_seed);

/// For the pool that is being made: by its number in this task, or in this process where no task
/// runs, so that pools in different tasks have different ones.
[[nodiscard]] std::uint64_t next_pool_seed();

/// While it lives this process is at a task of that call, from 1; for one thread.
class CurrentCall {
 public:
  explicit CurrentCall(std::uint32_t call);
  ~CurrentCall();
  CurrentCall(const CurrentCall&) = delete;

  [[nodiscard]] static bool any();
};

}  // namespace multiprocessing::detail
