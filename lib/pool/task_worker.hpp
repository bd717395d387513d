// TaskWorker: takes tasks in a worker, and runs them.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include "pool/board.hpp"
#include "pool/captured_output.hpp"
#include "pool/outcome.hpp"
#include "pool/task_bytes.hpp"
#include "pool/task_clock.hpp"
#include "pool/tokens.hpp"

namespace multiprocessing::detail {

class TaskWorker {
 public:
  /// `name` is the worker's, as in chunk words.
  TaskWorker(const Handle& board, SeatRecord& seat, std::uint32_t name);

  struct Next {
    TaskName name;
    std::optional<OrderSide::Front> entry;  // none: it has a rank
    Turn turn;                              // among tasks and jobs
    TokenNeeds needs = {};
  };
  /// The task whose turn it is; none when all have been taken.
  [[nodiscard]] std::optional<Next> next();

  /// Whether next() has passed by tasks for want of tokens.
  [[nodiscard]] bool any_held_up() const { return held_up_; }

  /// The same of those without a rank.
  [[nodiscard]] std::optional<Next> next_in_order();

  /// For the task that alone may run now: whether it is queued, and takes it and runs it; false
  /// when another worker has.
  [[nodiscard]] bool may_begin(TaskName name) { return is_queued(name); }
  bool run_alone(TaskName name) { return run({name, {}, {}}); }

  /// Takes that task and runs it to its end; false when another worker has taken it, or it was
  /// cancelled.
  bool run(const Next& next);

 private:
  [[nodiscard]] const Handle& segment(std::uint32_t record);
  [[nodiscard]] TaskRecord& at(std::uint32_t record) {
    return segment(record).as<TaskRecord>()[record % records_per_segment];
  }
  [[nodiscard]] bool is_queued(TaskName name);
  void run_claimed(TaskRecord& task, TaskName name);
  void call(TaskRecord& task, TaskName name, const TaskLinks& links);
  [[nodiscard]] bool start_clock(TaskRecord& task, const TaskLinks& links);
  void deliver(TaskRecord& task, const TaskLinks& links);
  void deliver_exception(const TaskLinks& links, const std::exception_ptr& exception) noexcept;
  void end(TaskRecord& task, TaskName name, TaskWord::State state);
  void list_end(TaskRecord& task, TaskName name);
  [[noreturn]] static void park();

  const Handle& board_;
  SeatRecord& seat_;
  const std::uint32_t worker_;  // as it stands in words of tasks
  OrderSide returned_;
  OrderSide submitted_;
  RankedReader ranked_;
  Tokens tokens_;
  bool held_up_ = false;
  std::optional<Deadline> no_tokens_until_;  // for a process stands still that takes some
  std::vector<Handle> segments_;
  std::optional<TaskClock> clock_;  // of a task that has limits
  OutputFile output_;
  Writer writer_;
  Envelope mentioned_;  // by what is in the writer
};

}  // namespace multiprocessing::detail
