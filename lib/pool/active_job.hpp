// A job as the process that posted it sees it.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// Guarded by the pool's mutex where nothing else is said.
struct ActiveJob {
  Handle handle;
  std::size_t place = 0;  // on the board
  int retries = 0;
  std::map<std::uint32_t, int> attempts = {};  // chunks that were lost before
  std::optional<WorkerDied> loss = {};         // of the lowest chunk that was lost
  std::exception_ptr aborted = {};             // the pool ended or broke under it

  [[nodiscard]] JobHeader& header() const { return *handle.as<JobHeader>(); }
};

/// How a worker ended.
struct WorkerEnd {
  std::uint32_t name = 0;  // as in chunk words; 0 if it never came to serve
  pid_t pid = 0;
  int exitcode = 0;
};

/// What is said about a worker that died with work in hand.
[[nodiscard]] std::string describe(const WorkerEnd& end);

/// Finds the chunks that the dead worker had; each is lost, or free again while it may be retried.
/// Afterwards workers look through the job again.
void take_from_the_dead(ActiveJob& job, const WorkerEnd& end);

/// No more chunks are started, and the caller stops waiting with `reason`.
void abort(ActiveJob& job, const std::exception_ptr& reason);

}  // namespace multiprocessing::detail
