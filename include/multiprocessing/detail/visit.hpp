// Visit: one call in every worker of a pool, as its caller sees it.
#pragma once

#include <memory>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/task.hpp"

namespace multiprocessing::detail {

/// Use: write callable and arguments, run.
class MULTIPROCESSING_API Visit {
 public:
  /// Throws as a pool does that takes no more work.
  Visit(PoolCore& pool, TaskRunner runner);
  ~Visit();
  Visit(const Visit&) = delete;

  [[nodiscard]] Writer& writer();

  /// Has all workers do it, and all that come later; waits for those that are there, and has their
  /// results read in the order of their indexes. Throws what the first of them threw, and why the
  /// pool has ended meanwhile.
  void run(void (*read)(void* state, Reader& reader), void* state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace multiprocessing::detail
