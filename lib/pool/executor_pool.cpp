// What a pool does for an executor: workers on demand, an end that waits for the work.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/all_signals_blocked.hpp"
#include "pool/executor_pool.hpp"
#include "pool/pool_core.hpp"

namespace multiprocessing::detail {

/// A worker for the task that is about to be queued, unless one is idle. Under fork all of them:
/// later the process may have more threads.
void PoolCore::start_for_a_task() {
  const std::scoped_lock guard{mutex_};
  if (broken_ || state_ != State::running) return;
  const std::size_t before = in_use_;
  const AllSignalsBlocked blocked;  // Ctrl-C finds workers about to say what they do with it
  const std::size_t wanted =
      forks_ ? seats_.size() : std::min(seats_.size(), tasks_->count_unended() + 1);
  try {
    for (; in_use_ < wanted; ++in_use_) start_worker(in_use_);
  } catch (const std::exception&) {
    if (in_use_ == 0) throw;  // else the others do it, and the next task tries again
  }
  if (in_use_ == before) return;
  if (!watcher_.joinable()) start_watcher_or_break();
  if (in_use_ == seats_.size()) tasks_->start_none();
  stir_watcher();
}

void PoolCore::start_watcher_or_break() {
  try {
    start_watcher();
  } catch (const std::exception& error) {
    kill_all();
    for (Seat& seat : seats_) seat.ended = true;
    broken_ = std::make_exception_ptr(BrokenProcessPool(
        std::string{"the thread that watches the workers cannot be started: "} + error.what()));
    tasks_->close(broken_);
    std::rethrow_exception(broken_);
  }
}

std::exception_ptr PoolCore::closed_reason(const char* how) const {
  if (executor_)
    return std::make_exception_ptr(
        std::runtime_error("cannot schedule new futures after shutdown"));
  return std::make_exception_ptr(ValueError(std::string{"Pool not running: it was "} + how));
}

void PoolCore::cancel_queued() {
  check_creator();
  tasks_->cancel_queued();
}

void PoolCore::end_workers_now(void (Process::*signal)()) {
  check_creator();
  const std::scoped_lock guard{mutex_};
  if (broken_ || state_ == State::terminated) return;
  const auto why = closed_reason("terminated");
  const auto end = std::make_exception_ptr(
      BrokenProcessPool("the workers of the executor were ended while the task ran"));
  state_ = State::terminated;
  tasks_->close(why);
  tasks_->cancel_queued();
  end_workers(end, signal);
  stir_watcher();
}

bool PoolCore::has_ended() const { return watching_.load() == 0; }

std::shared_ptr<PoolCore> make_executor(const PoolOptions& options, WorkerFactory factory) {
  return PoolCore::make(options, std::move(factory), PoolKind::executor);
}

void PoolCore::finish_alone(std::shared_ptr<PoolCore> pool) {
  PoolCore& itself = *pool;  // not to go with its mutex held
  const std::scoped_lock guard{itself.mutex_};
  if (!itself.watched_out_) itself.itself_.swap(pool);
}

}  // namespace multiprocessing::detail
