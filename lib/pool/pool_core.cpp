#include "pool/pool_core.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <system_error>
#include <utility>

#include "arena/event_count.hpp"
#include "base/all_signals_blocked.hpp"
#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/base/logging.hpp"
#include "pool/tokens.hpp"
#include "pool/worker_end.hpp"

namespace multiprocessing::detail {
namespace {

int checked_processes(const PoolOptions& options) {
  const int processes = options.processes ? *options.processes : default_processes();
  if (processes < 1) throw ValueError("Number of processes must be at least 1");
  return processes;
}

std::uint64_t nanoseconds(Timeout timeout, const char* option) {
  if (timeout.is_forever()) return 0;
  if (timeout.length().count() == 0)
    throw ValueError(std::string{option} + " must be more than nothing, or not given");
  return static_cast<std::uint64_t>(timeout.length().count());
}

WorkerLimits checked_limits(const PoolOptions& options, int processes) {
  WorkerLimits limits;
  if (options.maxtasksperchild) {
    if (*options.maxtasksperchild < 1)
      throw ValueError("maxtasksperchild must be at least 1, or not given");
    limits.tasks = static_cast<std::uint32_t>(*options.maxtasksperchild);
  }
  limits.idle = nanoseconds(options.idle_timeout, "idle_timeout");
  if (options.min_processes < 0 || options.min_processes > processes)
    throw ValueError("min_processes must be from 0 to the number of processes");
  limits.idle_from = static_cast<std::uint32_t>(options.min_processes);
  limits.age = nanoseconds(options.max_age, "max_age");
  limits.rss = options.max_rss;
  return limits;
}

Handle board_for(const PoolOptions& options, int workers) {
  Handle board = make_board(static_cast<std::uint32_t>(std::max(workers, least_seats)),
                            checked_limits(options, workers));
  make_tokens(board, options.tokens);
  return board;
}

}  // namespace

PoolCore::PoolCore(const PoolOptions& options, WorkerFactory factory, PoolKind kind)
    : executor_(kind == PoolKind::executor),
      breaks_on_death_(options.on_worker_death == OnWorkerDeath::break_pool),
      context_(options.context ? *options.context : get_context()),
      forks_(context_.get_start_method() == "fork"),
      factory_(std::move(factory)),
      initializer_timeout_(options.initializer_timeout),
      wanted_(checked_processes(options)),
      board_(board_for(options, wanted_.load())),
      tasks_(std::make_shared<TaskTable>(board_, options)),
      delivery_(std::make_shared<Delivery>(tasks_)),
      seats_(static_cast<std::size_t>(wanted_.load())),
      jobs_(job_places, nullptr) {
  board_.as<Board>()->bell = bell_.rope();
  tasks_->ring_for_workers(bell_.rope());
  share_ = share_of_each(processes(), options.pin);
  tasks_->expect_workers(seats_.size());
  leave_for_the_end(board_, options.at_worker_end);
  tasks_->deliver_by(delivery_);
  if (executor_) return;
  try {
    start_all();
    start_watcher();
  } catch (...) {
    kill_all();
    check_interruption();  // workers may have died of the same signal
    throw;
  }
}

PoolCore::~PoolCore() {
  try {
    terminate();
  } catch (const std::exception& error) {
    get_logger().warning(std::string{"workers of a pool are killed: "} + error.what());
    const std::scoped_lock guard{mutex_};
    board_.as<Board>()->state.store(BoardState::closing);
    for (Seat& seat : seats_) seat.send_both(&Process::kill);
    stir_watcher();
  }
  if (watcher_.get_id() == std::this_thread::get_id())
    watcher_.detach();
  else if (watcher_.joinable())
    watcher_.join();
  delivery_->join_or_leave();
}

void PoolCore::start_all() {
  // Ctrl-C finds workers that are about to say what they do with it.
  const AllSignalsBlocked blocked;
  for (std::size_t seat = 0; seat < seats_.size(); ++seat) start_worker(seat);
}

void PoolCore::start_watcher() {
  // The program's signals are for its own threads.
  const AllSignalsBlocked blocked;
  watcher_counted_.emplace();
  try {
    fail_point("pool.watcher.start");
    watching_ = 1;
    watcher_ = std::thread([this] { const auto last = watch(); });
  } catch (const std::system_error& error) {
    watching_ = 0;
    throw_os_error(error.code().value(), "pthread_create", "the pool's watcher");
  }
}

void PoolCore::kill_all() noexcept {
  const Uninterrupted shield;
  for (Seat& seat : seats_) seat.send_both(&Process::kill);
  for (Seat& seat : seats_) {
    try {
      if (!seat.ended) seat.process->join();
      if (seat.next) seat.next->process.join();
    } catch (const std::exception& error) {
      get_logger().warning(std::string{"a worker of a pool is not waited for: "} + error.what());
    }
  }
}

void PoolCore::check_creator() const {
  if (!in_creator())
    throw AssertionError("a pool belongs to the process that made it; make one in this process");
}

void PoolCore::check_open() const {
  check_creator();
  const std::scoped_lock guard{mutex_};
  if (broken_) std::rethrow_exception(broken_);
  if (state_ == State::closed) throw ValueError("Pool not running: it was closed");
  if (state_ == State::terminated) throw ValueError("Pool not running: it was terminated");
}

const std::shared_ptr<TaskTable>& PoolCore::open_tasks() const {
  tasks()->check_open();
  return tasks_;
}

const std::shared_ptr<Delivery>& PoolCore::delivery() const {
  static_cast<void>(open_tasks());
  delivery_->start();
  return delivery_;
}

std::vector<ProcessHandle> PoolCore::workers() const {
  check_creator();
  const std::scoped_lock guard{mutex_};
  std::vector<ProcessHandle> workers;
  for (const Seat& seat : seats_)
    if (!seat.ended && seat.process->is_alive()) workers.push_back(seat.process->handle());
  return workers;
}

void PoolCore::post(ActiveJob& job) {
  check_open();
  std::unique_lock guard{mutex_};
  const auto ended = [this] { return broken_ || state_ != State::running; };
  auto place = jobs_.end();
  (void)wait_interruptibly(place_free_, guard, Deadline::never(), [&] {
    place = std::ranges::find(jobs_, nullptr);
    return place != jobs_.end() || ended();
  });
  if (ended()) {
    guard.unlock();
    return check_open();
  }
  job.place = static_cast<std::size_t>(place - jobs_.begin());
  hold(job_links(board_)[job.place], job.handle);
  *place = &job;
  board_.as<Board>()->posted.fetch_add(1);
  give_way_to(job);
  fail_point("pool.post.before_ring");
  board_.as<Board>()->news.notify(
      static_cast<int>(std::min<std::size_t>(job.header().chunks, INT_MAX)));
  if (board_.as<Board>()->vacant.load() != 0) stir_watcher();
}

/// Workers that are at a job of a lower priority look at the board again.
void PoolCore::give_way_to(const ActiveJob& job) {
  const int priority = job.header().turn.priority;
  const auto is_lower = [&](const ActiveJob* other) {
    return other != nullptr && other->header().turn.priority < priority;
  };
  if (std::ranges::any_of(jobs_, is_lower)) board_.as<Board>()->ranked.calls.fetch_add(1);
}

void PoolCore::retire(ActiveJob& job) noexcept {
  Board& board = *board_.as<Board>();
  try {
    // Without the mutex: a worker that is stopped may have the board's lock until terminate(),
    // which needs the mutex, has that worker killed. The place is this job's still.
    const OwnerGuard whole{board.lock};
    fail_point("pool.retire.holding");
    release(job_links(board_)[job.place]);
  } catch (const std::exception&) {
    // The others took this process for dead, and have given it back.
  }
  {
    const std::scoped_lock guard{mutex_};
    jobs_[job.place] = nullptr;
    board.posted.fetch_sub(1);
    // Workers of a pool that was closed leave when the last job has gone.
    if (state_ != State::running) board.news.notify_all();
    if (state_ != State::running) stir_watcher();
  }
  place_free_.notify_one();
}

PoolCore::Spare PoolCore::take_spare(std::size_t bytes) {
  Spare spare;
  {
    const std::scoped_lock guard{mutex_};
    if (spare_.bytes < bytes) return {};
    spare = std::exchange(spare_, {});
  }
  // A worker lets go of a job just after its caller was told that it is over. Where there are more
  // threads than processors it needs this one for that, which costs less than new pages.
  for (int turns = 0; holders_of(spare.job) > 1; ++turns) {
    if (turns == 200) return {};
    sched_yield();
  }
  return spare;
}

void PoolCore::keep_spare(Spare spare) {
  const std::scoped_lock guard{mutex_};
  if (state_ == State::running && !broken_ && spare_.bytes < spare.bytes) std::swap(spare_, spare);
}

void PoolCore::close() {
  check_creator();
  const std::scoped_lock guard{mutex_};
  if (state_ != State::running) return;
  // Before anything is changed: there may be no memory for it.
  const auto why = closed_reason("closed");
  state_ = State::closed;
  spare_ = {};
  if (!broken_) tasks_->close(why);
  Board& board = *board_.as<Board>();
  board.state.store(BoardState::closing);
  board.news.notify_all();
  place_free_.notify_all();
  stir_watcher();
}

void PoolCore::terminate() {
  check_creator();
  const std::scoped_lock guard{mutex_};
  if (stopping_) hurry(std::chrono::seconds{1});
  if (state_ == State::terminated) return;
  const auto why = closed_reason("terminated");
  const auto end = std::make_exception_ptr(ProcessError("the pool was terminated"));
  state_ = State::terminated;
  if (!broken_) tasks_->close(why);
  end_workers(end, &Process::terminate);
  stir_watcher();
}

void PoolCore::end_workers(const std::exception_ptr& reason, void (Process::*signal)()) {
  refuse_work(reason);
  const bool deaf = board_.as<Board>()->deaf_to_sigterm;
  for (Seat& seat : seats_) seat.send_both(deaf ? &Process::kill : signal);
  // Only now, or some would end by themselves, with another exit code. Those that may not be
  // signalled do.
  let_workers_leave();
  if (!patience_) patience_.emplace(std::chrono::seconds{1});
}

void PoolCore::join() {
  check_creator();
  {
    const std::scoped_lock guard{mutex_};
    if (state_ == State::running && !broken_)
      throw ValueError("Pool is still running: call close() or terminate() before join()");
  }
  for (Wait wait{back_off::news, "Pool.join"}; watching_.load() != 0;)
    wait.sleep(watching_, 1, Deadline::never());
  {
    const std::scoped_lock guard{joining_};
    if (watcher_.joinable()) watcher_.join();
    watcher_counted_.reset();
  }
  delivery_->join();
}

}  // namespace multiprocessing::detail
