// Pool::stop: the workers are asked, then signalled, then killed, all in one time.
#include <signal.h>

#include <chrono>
#include <vector>

#include "pool/pool_core.hpp"
#include "pool/task_limits.hpp"

namespace multiprocessing::detail {

StopReport PoolCore::stop(Timeout grace) {
  check_creator();
  {
    const std::scoped_lock guard{mutex_};
    if (state_ != State::terminated) {
      const auto why = std::make_exception_ptr(ValueError("Pool not running: it was stopped"));
      const auto end = std::make_exception_ptr(ProcessError("the pool was stopped"));
      state_ = State::terminated;
      if (!broken_) tasks_->close(why);
      ask_workers(end, grace);
      stir_watcher();
    } else if (stopping_) {
      hurry(grace);
    }
  }
  join();
  const std::scoped_lock guard{mutex_};
  if (!stopping_) return {};
  if (stopping_->signalled) stopping_->signalled->signal_descendants(SIGKILL);
  stopping_->signalled.reset();
  return stopping_->report;
}

void PoolCore::ask_workers(const std::exception_ptr& reason, Timeout grace) {
  refuse_work(reason);
  for (SeatRecord& seat : used_seats(board_)) seat.stop.ask_everything();
  let_workers_leave();
  const std::int64_t length = grace.length().count();
  stopping_.emplace();
  stopping_->begun = moment_now();
  if (!grace.is_forever()) {
    stopping_->signal_at.emplace(std::chrono::nanoseconds{length / 2});
    if (!patience_) patience_.emplace(grace);
  }
}

/// The pool is stopped with another grace: the shorter one holds.
void PoolCore::hurry(Timeout grace) {
  if (grace.is_forever()) return;
  const Deadline half{grace.length() / 2};
  const Deadline whole{grace};
  const auto is_earlier = [](const Deadline& one, const std::optional<Deadline>& other) {
    return !other || (!other->is_never() && one.left() < other->left());
  };
  if (!stopping_->signalled && is_earlier(half, stopping_->signal_at))
    stopping_->signal_at.emplace(half);
  if (is_earlier(whole, patience_)) patience_.emplace(whole);
  stir_watcher();
}

void PoolCore::refuse_work(const std::exception_ptr& reason) {
  spare_ = {};
  for (ActiveJob* job : jobs_)
    if (job != nullptr) abort(*job, reason);
  tasks_->refuse(reason);
}

void PoolCore::let_workers_leave() {
  Board& board = *board_.as<Board>();
  board.state.store(BoardState::closing);
  board.news.notify_all();
  place_free_.notify_all();
  stir_visits();
}

/// Half of the time is for those that obey, the other half for those that obey SIGTERM.
void PoolCore::signal_those_that_do_not_obey() {
  if (!stopping_ || !stopping_->signal_at || !stopping_->signal_at->passed()) return;
  stopping_->signal_at.reset();
  stopping_->signalled.emplace(living_workers());
  stopping_->signalled->signal_descendants(SIGTERM);
  for (Seat& seat : seats_) {
    if (seat.ended) continue;
    seat.ended_by = EndedBy::sigterm;
    seat.send_both(&Process::terminate);
  }
  stopping_->signalled->resume();
}

std::vector<ProcessTree::Root> PoolCore::living_workers() const {
  std::vector<ProcessTree::Root> workers;
  const auto add = [&](const Process& process) {
    workers.push_back({process.sentinel(), process.pid().value_or(0)});
  };
  for (const Seat& seat : seats_) {
    if (!seat.ended) add(*seat.process);
    if (seat.next) add(seat.next->process);
  }
  return workers;
}

/// For the report; the worker has ended.
void PoolCore::report(const Seat& seat, const WorkerEnd& end) {
  if (!stopping_) return;
  EndedBy by = seat.condemned ? EndedBy::sigkill : seat.ended_by;
  // It had obeyed before the kill came.
  if (by == EndedBy::sigkill && end.exitcode != -SIGKILL) by = EndedBy::sigterm;
  stopping_->report.entries.push_back({seat.process->name(), end.pid, by,
                                       std::chrono::nanoseconds{moment_now() - stopping_->begun}});
}

}  // namespace multiprocessing::detail
