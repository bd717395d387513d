// A job as the process that posted it sees it.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/pool/pool_stats.hpp"
#include "pool/board.hpp"
#include "pool/progress.hpp"

namespace multiprocessing::detail {

/// Guarded by the pool's mutex while it is posted, where nothing else is said.
struct ActiveJob {
  Handle handle = {};     // never changes while it is posted
  std::size_t place = 0;  // on the board
  int retries = 0;
  std::size_t lost = 0;                        // chunks
  std::map<std::uint32_t, int> attempts = {};  // chunks that were lost before
  std::optional<WorkerDied> loss = {};         // of the lowest chunk that was lost
  std::exception_ptr aborted = {};             // the pool ended or broke under it

  [[nodiscard]] JobHeader& header() const { return *handle.as<JobHeader>(); }
};

/// How a worker ended.
struct WorkerEnd {
  std::uint32_t name = 0;  // as in chunk words; 0 if it never took its seat
  pid_t pid = 0;
  int exitcode = 0;
  bool served = false;      // its initializer had returned
  bool finished = false;    // a task
  bool left = false;        // it had done what it was to do
  TaskName at = {};         // the task that it took last
  TaskName ending = {};     // the followed task that it ended last
  bool for_memory = false;  // probably by the kernel, for want of memory
  std::string cause;        // what is known of it beside the code
};

/// What is said about a worker that died with work in hand.
[[nodiscard]] std::string describe(const WorkerEnd& end);
/// "element 3", "elements 3 to 5".
[[nodiscard]] std::string describe(std::size_t first_element, std::size_t count);

/// Finds the chunks that the dead worker had; each is lost, or free again while it may be retried.
/// Afterwards workers look through the job again. False when it had none.
bool take_from_the_dead(ActiveJob& job, const WorkerEnd& end);

/// Adds the chunks that are free or run.
void count(const ActiveJob& job, PoolStats& stats);

/// No more chunks are started, and the caller stops waiting with `reason`.
void abort(ActiveJob& job, const std::exception_ptr& reason);

/// Waits until every chunk is done, has thrown or is lost, or the job was aborted. Takes `mutex`,
/// the pool's. The pool's watcher brings the chunks of dead workers to an end too, so none of them
/// can keep the caller for ever. Throws Interrupted, and what telling of progress throws.
void wait_until_over(std::mutex& mutex, const ActiveJob& job, ProgressReport& progress);

/// Throws what went wrong in a job that is over and was taken down: the reason why it was aborted,
/// a task's own exception, or WorkerDied.
void throw_failure(const ActiveJob& job);

}  // namespace multiprocessing::detail
