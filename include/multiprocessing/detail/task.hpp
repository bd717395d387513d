// One task as its two sides see it: a caller submits it and reads its result, a worker runs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pool/task_callable.hpp"
#include "multiprocessing/pool/this_task.hpp"

// For a function of which the caller is to be known, and one that is a part of its caller.
#define MULTIPROCESSING_CALLED_FROM [[gnu::noinline]]
#define MULTIPROCESSING_PART_OF_CALLER [[gnu::always_inline]] inline

namespace multiprocessing::detail {

class Deadline;
class Delivery;
class PoolCore;
class TaskTable;

/// Is told of the end of tasks that it follows.
class MULTIPROCESSING_API Follower {
 public:
  virtual ~Follower();

  /// Once for each task, by whichever thread comes across its end. Must be short, and call nothing
  /// of the task and its pool. `tag` was given with the task, and so was `self`, which is not to be
  /// let go of here if it may be the last one.
  virtual void task_ended(std::uint32_t tag, std::shared_ptr<Follower> self) noexcept = 0;
};

/// Which elements of a range a task has; none: it is a task of its own.
struct Elements {
  std::size_t first = 0;
  std::size_t count = 0;
};

/// Whether a task needs room among those that may be pending, and what it does without.
enum class TaskRoom : std::uint8_t { not_needed, waited_for, taken_if_free };

/// Where a task was submitted: in the source, or the address to which the call returns.
struct Origin {
  Where where = {nullptr, 0};
  const void* caller = nullptr;
};

/// How a task is submitted.
struct TaskTerms {
  int priority = 0;
  int retries = 0;
  int oom_retries = 0;
  bool capture_output = false;
  const std::map<std::string, int>* tokens = nullptr;  // none, or for as long as the submit
  std::shared_ptr<Follower> follower = {};
  std::uint32_t tag = 0;
  TaskRoom room = TaskRoom::not_needed;
  Origin origin = {};
  Timeout timeout = Timeout::infinite;  // from its start, or that of each of its elements
  Timeout expires = Timeout::infinite;  // from now: does not begin after it
  std::int64_t call_ends = INT64_MAX;   // when all of it is over, on the monotonic clock, in ns
  std::stop_token stop = {};
};

/// For a function that is MULTIPROCESSING_CALLED_FROM: by its caller.
MULTIPROCESSING_PART_OF_CALLER TaskTerms from_here(TaskRoom room = TaskRoom::waited_for) {
  TaskTerms terms;
  terms.room = room;
  terms.origin.caller = __builtin_return_address(0);
  return terms;
}

/// Those that SubmitOptions or TaskOptions say, which must live as long.
template <class Options>
[[nodiscard]] TaskTerms terms_of(const Options& options) {
  TaskTerms terms;
  terms.priority = options.priority;
  terms.retries = options.retries;
  terms.oom_retries = options.oom_retries;
  terms.capture_output = options.capture_output;
  terms.tokens = &options.tokens;
  terms.origin.where = options.where;
  terms.timeout = options.timeout;
  terms.expires = options.expires;
  terms.stop = options.stop;
  return terms;
}

/// A task for as long as its result is of interest. Belongs to the process that submitted it:
/// elsewhere, such as in a forked child, calls throw AssertionError, and it may only be destroyed.
class MULTIPROCESSING_API SubmittedTask {
 public:
  /// None. TaskCall::submit makes it one; before that nothing else may be asked of it.
  SubmittedTask() = default;
  SubmittedTask(SubmittedTask&&) noexcept = default;
  SubmittedTask& operator=(SubmittedTask&&) = delete;
  ~SubmittedTask();  // it runs all the same, and leaves nothing

  [[nodiscard]] bool ended() const;

  /// Waits until it has ended; false when that was not in time. Throws Interrupted.
  [[nodiscard]] bool wait(Timeout timeout) const;
  [[nodiscard]] bool wait_until(const Deadline& deadline) const;

  /// Whether it has ended with the death of its worker.
  [[nodiscard]] bool lost() const;

  /// Whether a worker runs it now.
  [[nodiscard]] bool runs() const;

  /// Whether it never runs, now and ever after.
  [[nodiscard]] bool cancel() const;
  [[nodiscard]] bool cancelled() const;

  /// Whether it has ended without a result, and was not cancelled.
  [[nodiscard]] bool failed() const;

  /// Has the follower told of the end of a task that was submitted without one; false when it has
  /// ended, and nothing is told.
  [[nodiscard]] bool follow(std::shared_ptr<Follower> follower) const;

  /// The thread for callbacks, which runs; null when the pool has gone, and so the task has ended.
  /// Throws OSError.
  [[nodiscard]] std::shared_ptr<Delivery> delivery() const;

  /// Those among which it is, as long as any of them is of interest.
  [[nodiscard]] const std::shared_ptr<TaskTable>& tasks() const { return table_; }

  /// Ends it when it runs, in whatever way: by itself within the grace, or with its worker. False
  /// when it has ended by itself. Throws Interrupted.
  [[nodiscard]] bool stop(Timeout grace) const;

  /// Only asks, and sees to the rest; true when it runs.
  bool ask_to_stop(Timeout grace) const;

  /// Whether it was cancelled or stopped.
  [[nodiscard]] bool stopped() const;

  /// When it has ended, once: gives the result to `read`, or throws what it threw, or why it has
  /// not been done. Then the blocks of argument and result are given back. WorkerDied names the
  /// elements.
  void read_result(void (*read)(void* state, Reader& reader), void* state, Elements elements = {});

  /// Whether it has ended in a way that the log is to tell of if no thread looks at it.
  [[nodiscard]] bool failed_for_the_log() const;
  [[nodiscard]] const Origin& origin() const { return origin_; }

  /// What it wrote while it ran. Throws ValueError before its end, and where that was not kept.
  [[nodiscard]] std::string output() const;

 private:
  friend class TaskCall;
  [[nodiscard]] TaskTable& table() const;

  std::shared_ptr<TaskTable> table_;
  Origin origin_;
  std::uint32_t record_ = 0;
};

/// When a task is to be over that has limits, as its worker sees it.
class TaskClock;

/// The worker's side: where the call is read, and where its result is written.
struct WorkerTask {
  Reader& call;
  Writer& result;
  TaskClock* clock = nullptr;

  /// The time for one element counts from now.
  void begin_element() const {
    if (clock != nullptr) restart(*clock);
  }

 private:
  MULTIPROCESSING_API static void restart(TaskClock& clock);
};
using TaskRunner = void (*)(WorkerTask&);

/// A call that is being written. Handles and ends in it are collected on this thread meanwhile.
class MULTIPROCESSING_API TaskCall {
 public:
  /// Throws as a pool does that takes no more work.
  TaskCall(PoolCore& pool, TaskRunner runner);
  /// For a chunk of a call of several, which begins with that element.
  TaskCall(const std::shared_ptr<TaskTable>& tasks, TaskRunner runner, std::uint32_t call,
           std::size_t first);
  ~TaskCall();
  TaskCall(const TaskCall&) = delete;

  /// Takes callable and arguments.
  [[nodiscard]] Writer& writer();

  /// Nothing more comes; handles and ends that others write are theirs.
  void end_of_writing();

  /// Makes `task`, which is none, this one; false when there was no room. Throws OSError when
  /// memory is short, ValueError for impossible terms, Interrupted, and as the constructor: nothing
  /// has been queued then.
  bool submit(SubmittedTask& task, TaskTerms terms = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

template <class F, class... A>
void run_task(WorkerTask& task) {
  auto callable = read_callable<F>(task.call);
  // They have names because the function may give a part of one.
  std::tuple<arrival_t<A>...> arguments{read<arrival_t<A>>(task.call)...};  // left to right
  const auto invoke = [&]() -> decltype(auto) {
    if constexpr (takes_token<F, A...>) {
      std::tuple<StopToken, arrival_t<A>...> all =
          std::tuple_cat(std::tuple{this_task::stop_token()}, std::move(arguments));
      return invoke_on_arrival<F, StopToken, A...>(std::move(callable), all);
    } else {
      return invoke_on_arrival<F, A...>(std::move(callable), arguments);
    }
  };
  using Result = task_result<F, A...>;
  if constexpr (std::is_void_v<Result>)
    invoke();
  else
    write<Result>(task.result, invoke());
}

/// Submits that call. False when there is no room. What cannot be sent has been told.
template <class F, class... A>
bool submit_call(PoolCore& pool, SubmittedTask& task, TaskTerms terms, const F& f,
                 const A&... args) {
  if constexpr (is_sendable_task<std::decay_t<F>, std::decay_t<A>...>()) {
    TaskCall call(pool, &run_task<std::decay_t<F>, std::decay_t<A>...>);
    write_callable_and_arguments(call.writer(), f, args...);
    return call.submit(task, std::move(terms));
  }
  return false;
}

}  // namespace multiprocessing::detail
