// Chunks of a range as tasks, for what does not wait for all of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/callable.hpp"
#include "multiprocessing/detail/current_element.hpp"
#include "multiprocessing/detail/delivered.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/map_job.hpp"
#include "multiprocessing/detail/task.hpp"
#include "multiprocessing/pool/pool_options.hpp"

namespace multiprocessing::detail {

/// In a worker: `F` of each element of the chunk, one after the other. First comes the index of the
/// first element; before each element there is a true, behind the last one a false.
template <class F, class T, class R>
void run_chunk_task(WorkerTask& task) {
  auto index = task.call.raw<std::size_t>();
  F function = read_callable<F>(task.call);
  while (task.call.raw<bool>()) {
    at_element(index++);
    // It has a name because the function may give a part of it: that must live until it is kept.
    T element = read<T>(task.call);
    task.begin_element();
    if constexpr (std::is_void_v<R>)
      static_cast<void>(std::invoke(function, std::move(element)));
    else
      write<R>(task.result, std::invoke(function, std::move(element)));
  }
}

/// Those that MapOptions say, from now.
[[nodiscard]] MULTIPROCESSING_API TaskTerms chunk_terms(const MapOptions& options);

class ProgressReport;

/// The chunks of one map, in order, once they have been submitted.
class MULTIPROCESSING_API SubmittedChunks {
 public:
  [[nodiscard]] bool ended() const;

  /// Waits until all have ended; false when that was not in time. Throws Interrupted, and what
  /// telling of progress throws.
  [[nodiscard]] bool wait(Timeout timeout) const;

  /// The same where progress is to be told of; else true at once.
  [[nodiscard]] bool wait_and_tell(const Deadline& deadline) const;

  /// Waits until all have ended. Throws as wait(); then what has not begun never will.
  void wait_or_withdraw() const;

  /// When the first chunk has not begun, it and all others that have not begun never will.
  [[nodiscard]] bool cancel() const;

  /// None begins any more, and those that run are ended; false when all have ended by themselves.
  [[nodiscard]] bool stop(Timeout grace) const;

  /// When all have ended, once: has the results of each chunk read in order. Throws the first
  /// failure: a task's own exception, else WorkerDied.
  void read_results(ResultsReader read, void* state);

  [[nodiscard]] bool any_failed_for_the_log() const;

 private:
  friend class ChunkCalls;

  std::vector<SubmittedTask> chunks_;
  std::shared_ptr<ProgressReport> progress_;  // none: it is not to be told of
  std::size_t items_ = 0;
  std::size_t chunk_size_ = 1;
  mutable std::atomic<std::size_t> ended_{0};  // all before it have
};

/// The chunks of one map while they are being written. Nothing is submitted before all are.
class MULTIPROCESSING_API ChunkCalls {
 public:
  /// Throws as TaskCall, and ValueError for impossible options.
  ChunkCalls(PoolCore& pool, TaskRunner runner, std::size_t items, const MapOptions& options);

  [[nodiscard]] std::size_t chunk_size() const { return chunk_size_; }

  /// Where the callable and the elements of the next chunk go.
  [[nodiscard]] Writer& begin_chunk();

  /// Throws as TaskCall::submit; then those that were submitted have been withdrawn. `chunks` may
  /// be a part of the follower.
  void submit(SubmittedChunks& chunks, const std::shared_ptr<Delivered>& follower = nullptr);

 private:
  const std::shared_ptr<TaskTable> tasks_;
  const TaskRunner runner_;
  const std::uint32_t call_;
  const std::size_t items_;
  const std::size_t chunk_size_;
  const TaskTerms terms_;
  const Progress progress_;
  std::deque<TaskCall> calls_;
};

}  // namespace multiprocessing::detail
