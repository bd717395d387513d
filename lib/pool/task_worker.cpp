#include "pool/task_worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/fail_point.hpp"
#include "multiprocessing/detail/task.hpp"
#include "pool/bell.hpp"
#include "pool/current_task.hpp"
#include "pool/current_worker.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {

TaskWorker::TaskWorker(const Handle& board, SeatRecord& seat, std::uint32_t name)
    : board_(board),
      seat_(seat),
      worker_(TaskWord::worker(name)),
      returned_(board.as<Board>()->orders[returned], ring_links(board, returned)),
      submitted_(board.as<Board>()->orders[submitted], ring_links(board, submitted)),
      ranked_(board.as<Board>()->ranked,
              RankedEntries(ranked_links(board), board.as<Board>()->token_kinds)),
      tokens_(board) {}

const Handle& TaskWorker::segment(std::uint32_t record) {
  const std::size_t index = record / records_per_segment;
  if (index >= segments_.size()) segments_.resize(index + 1);
  if (!segments_[index]) segments_[index] = handle_from(segment_links(board_)[index]);
  return segments_[index];
}

bool TaskWorker::is_queued(TaskName name) {
  const TaskWord seen = at(name.record()).look();
  return seen.use() == name.use() && seen.state() == TaskWord::queued;
}

std::optional<TaskWorker::Next> TaskWorker::next() {
  std::optional<TokenNeeds> free;
  held_up_ = false;
  const auto may_run = [&](const TokenNeeds& needs) {
    if (needs.empty()) return true;
    if (!free) free = tokens_.free();
    const bool may = (!no_tokens_until_ || no_tokens_until_->passed()) && are_free(*free, needs);
    held_up_ = held_up_ || !may;
    return may;
  };
  auto ranked = ranked_.front([this](TaskName name) { return is_queued(name); }, may_run);
  if (!ranked) return next_in_order();
  if (ranked->turn.priority <= 0) {
    const auto next = next_in_order();
    if (next && next->turn < ranked->turn) return next;
  }
  return Next{ranked->name, {}, ranked->turn, std::move(ranked->needs)};
}

std::optional<TaskWorker::Next> TaskWorker::next_in_order() {
  for (;;) {
    auto front = returned_.front();
    if (!front) front = submitted_.front();
    if (!front) return {};
    if (is_queued(front->name)) {
      const TaskRecord& task = at(front->name.record());
      return Next{front->name, front, {0, task.serial.load(std::memory_order_relaxed)}};
    }
    (void)OrderSide::take(*front);  // left over from a task that was cancelled, or taken elsewhere
  }
}

bool TaskWorker::run(const Next& next) {
  const TaskName name = next.name;
  seat_.until.store(0, std::memory_order_relaxed);  // not of the task before
  seat_.at.store(name.bits());  // whatever happens from here on, the watcher looks there
  fail_point("pool.task.named");
  if (next.entry && !OrderSide::take(*next.entry)) return false;
  fail_point("pool.task.taken");
  const auto seat = static_cast<std::size_t>(&seat_ - seats_of(board_).data());
  bool in_time = true;
  if (!tokens_.take(seat, next.needs, in_time)) {
    // Others hold them up; tasks that need none are not to wait for that.
    if (!in_time) no_tokens_until_.emplace(std::chrono::milliseconds{100});
    return false;
  }
  TaskRecord& task = at(name.record());
  const bool claimed = claim(task, name, worker_);
  if (claimed) {
    fail_point("pool.task.claimed");
    run_claimed(task, name);
  }
  if (next.needs.empty()) return claimed;
  tokens_.give_back(seat);
  // What waits for them may want a worker that has left.
  if (board_.as<Board>()->vacant.load() != 0) ring_the_pool(*board_.as<Board>());
  return claimed;
}

void TaskWorker::run_claimed(TaskRecord& task, TaskName name) {
  const TaskLinks links = links_of(segment(name.record()), name.record());
  if (!start_clock(task, links)) return end(task, name, TaskWord::expired);
  TaskWord::State state = TaskWord::done;
  try {
    call(task, name, links);
    deliver(task, links);
  } catch (...) {
    const std::exception_ptr exception = std::current_exception();
    if (exception == nullptr) throw;  // pthread_exit: the worker ends with the task in hand
    deliver_exception(links, exception);
    state = TaskWord::threw;
  }
  writer_.clear();
  mentioned_.clear();
  end(task, name, state);
}

/// The time of a task with limits begins; false when it has passed.
bool TaskWorker::start_clock(TaskRecord& task, const TaskLinks& links) {
  clock_.reset();
  if ((task.marks.load(std::memory_order_relaxed) & TaskRecord::limited) == 0) return true;
  clock_.emplace(seat_, limits_behind(task, links.call));
  const bool in_time = clock_->start();
  fail_point("pool.task.timed");
  return in_time;
}

void TaskWorker::call(TaskRecord& task, TaskName name, const TaskLinks& links) {
  const CurrentTask current(name);
  const Envelope::Writing writing(mentioned_);
  std::optional<CapturedOutput> captured;
  if ((task.marks.load(std::memory_order_relaxed) & TaskRecord::captured) != 0)
    captured.emplace(output_.open(*board_.as<Board>(), seat_), links.output);
  TaskReader bytes(task, links.call);
  const auto runner = reinterpret_cast<TaskRunner>(read_function(bytes.reader()));
  if (runner == nullptr) throw SerializationError("a task that is no call");
  const CurrentCall call(bytes.reader().raw<std::uint32_t>());
  WorkerTask worker_task{bytes.reader(), writer_, clock_ ? &*clock_ : nullptr};
  runner(worker_task);
}

void TaskWorker::deliver(TaskRecord& task, const TaskLinks& links) {
  give_back(links.result);  // of a worker that died before it could end the task
  // The place of the call is wanted for it while the task may be retried.
  const bool retried = task.retries.load(std::memory_order_relaxed) != 0 && links.call.load() == 0;
  if (!retried && fits_record(writer_, mentioned_)) return put(task, writer_);
  Block block = outcome_block(Outcome::results, writer_, mentioned_);
  fail_point("pool.task.before_give");
  std::move(block).give_to(links.result);
  fail_point("pool.task.given");
}

void TaskWorker::deliver_exception(const TaskLinks& links,
                                   const std::exception_ptr& exception) noexcept {
  try {
    writer_.clear();
    mentioned_.clear();
    give_back(links.result);
    Block block = exception_block(exception);
    fail_point("pool.task.before_give_error");
    std::move(block).give_to(links.result);
  } catch (...) {
    // No memory for it, or it cannot be copied: the caller is told that a task threw, not what.
    writer_.clear();
  }
}

void TaskWorker::end(TaskRecord& task, TaskName name, TaskWord::State state) {
  auto& counter = state == TaskWord::done ? seat_.done : seat_.failed;
  SeatRecord::count(counter);  // before its end can be seen
  TaskWord seen = task.look();
  // Elsewhere it stands when the pool has given up all its tasks.
  while (seen.state() == worker_) {
    if (seen.is(TaskWord::condemned)) {
      SeatRecord::count(counter, -1);
      park();
    }
    if (seen.is(TaskWord::followed)) seat_.ending.store(name.bits());
    fail_point("pool.task.before_end");
    if (seen.is(TaskWord::dropped)) {
      const TaskLinks links = links_of(segment(name.record()), name.record());
      task.retries.store(0);  // it has been done, and its call goes now
      give_back(links.call);
      give_back(links.result);
      fail_point("pool.task.cleaned");
    }
    if (!task.change(seen, seen.ended_as(state))) continue;
    fail_point("pool.task.ended");
    if (seen.is(TaskWord::waiting)) wake_waiting(task);
    fail_point("pool.task.woke");
    // Its record may be that of another task by now, unless it is followed.
    if (seen.is(TaskWord::followed)) list_end(task, name);
    return;
  }
  SeatRecord::count(counter, -1);
}

/// The task is another's to end, and this worker is to be killed for it: it claims nothing more, so
/// no other task is hit. Where it cannot be signalled, the kernel kills it by its life pipe.
void TaskWorker::park() {
  fail_point("pool.task.condemned");
  for (;;) pause();
}

/// If the worker dies before the task is in the list, the watcher finds it by the seat.
void TaskWorker::list_end(TaskRecord& task, TaskName name) {
  Board& board = *board_.as<Board>();
  std::uint32_t last = board.ended.load();
  do task.serial.store(last, std::memory_order_relaxed);
  while (!board.ended.compare_exchange_weak(last, name.record() + 1));
  fail_point("pool.task.listed");
  board.ends.notify_all();
}

void WorkerTask::restart(TaskClock& clock) { static_cast<void>(clock.start()); }

}  // namespace multiprocessing::detail
