#include "pool/pool_core.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>

#include "arena/blocks.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/base/cpu_count.hpp"
#include "pool/at_exit.hpp"

namespace multiprocessing::detail {
namespace {

int checked_processes(const PoolOptions& options) {
  const int processes = options.processes.value_or(cpu_count());
  if (processes < 1) throw ValueError("Number of processes must be at least 1");
  return processes;
}

std::uint32_t checked_tasks(const PoolOptions& options) {
  if (!options.maxtasksperchild) return 0;
  if (*options.maxtasksperchild < 1)
    throw ValueError("maxtasksperchild must be at least 1, or not given");
  return static_cast<std::uint32_t>(*options.maxtasksperchild);
}

std::string worker_name(const Context& context, int number) {
  const std::string method = context.get_start_method();
  const char* kind = method == "fork" ? "Fork" : method == "spawn" ? "Spawn" : "ForkServer";
  return std::string(kind) + "PoolWorker-" + std::to_string(number);
}

}  // namespace

PoolCore::PoolCore(const PoolOptions& options, WorkerFactory factory)
    : creator_(getpid()),
      context_(options.context ? *options.context : get_context()),
      factory_(std::move(factory)),
      board_(make_board(static_cast<std::uint32_t>(checked_processes(options)),
                        checked_tasks(options))),
      seats_(static_cast<std::size_t>(checked_processes(options))),
      jobs_(job_places, nullptr),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!bell_) throw_os_error("eventfd");
  start_all();
  sigset_t all;
  sigfillset(&all);
  // The program's signals are for its own threads.
  pthread_sigmask(SIG_SETMASK, &all, &creator_mask_);
  try {
    watcher_ = std::thread([this] { watch(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &creator_mask_, nullptr);
    kill_all();
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &creator_mask_, nullptr);
  end_at_exit(*this);
}

PoolCore::~PoolCore() {
  forget_at_exit(*this);
  terminate();
  if (watcher_.joinable()) watcher_.join();
}

bool PoolCore::in_creator() const { return getpid() == creator_; }

void PoolCore::start_worker(std::size_t seat) {
  Seat& at = seats_[seat];
  seats_of(board_)[seat].name.store(0);
  ProcessOptions options{.name = worker_name(context_, ++worker_number_), .daemon = true};
  at.process.emplace(factory_(context_, std::move(options), board_, static_cast<int>(seat)));
  at.process->start();
  at.ended = false;
}

void PoolCore::start_all() {
  try {
    for (std::size_t seat = 0; seat < seats_.size(); ++seat) start_worker(seat);
  } catch (...) {
    kill_all();
    throw;
  }
}

void PoolCore::kill_all() noexcept {
  for (Seat& seat : seats_) {
    if (seat.ended) continue;
    seat.process->kill();
    seat.process->join();
    seat.ended = true;
  }
}

std::vector<ProcessHandle> PoolCore::workers() const {
  const std::scoped_lock guard{mutex_};
  std::vector<ProcessHandle> workers;
  for (const Seat& seat : seats_)
    if (!seat.ended && seat.process->is_alive()) workers.push_back(seat.process->handle());
  return workers;
}

void PoolCore::check_open() const {
  if (!in_creator())
    throw AssertionError("a pool belongs to the process that made it; make one in this process");
  const std::scoped_lock guard{mutex_};
  if (broken_) std::rethrow_exception(broken_);
  if (state_ != State::running) throw ValueError("Pool not running");
}

void PoolCore::post(ActiveJob& job) {
  check_open();
  std::unique_lock guard{mutex_};
  const auto ended = [this] { return broken_ || state_ != State::running; };
  auto place = jobs_.end();
  place_free_.wait(guard, [&] {
    place = std::ranges::find(jobs_, nullptr);
    return place != jobs_.end() || ended();
  });
  if (ended()) {
    guard.unlock();
    return check_open();
  }
  job.place = static_cast<std::size_t>(place - jobs_.begin());
  *place = &job;
  hold(job_links(board_)[job.place], job.handle);
  ring(*board_.as<Board>(), static_cast<int>(std::min<std::size_t>(job.header().chunks, INT_MAX)));
  // Workers may have gone since the last job, with nothing left for them to do.
  if (all_ended()) stir_watcher();
}

void PoolCore::retire(ActiveJob& job) {
  {
    const std::scoped_lock guard{mutex_};
    jobs_[job.place] = nullptr;
    const OwnerGuard board{board_.as<Board>()->lock};
    release(job_links(board_)[job.place]);
  }
  place_free_.notify_one();
}

Handle PoolCore::take_spare(std::size_t bytes) {
  const std::scoped_lock guard{mutex_};
  if (!spare_ || spare_bytes_ < bytes) return {};
  // A worker lets go of a job just after its caller was told; it is not worth waiting for long.
  for (int poll = 0; poll < 200 && holders_of(spare_) > 1; ++poll) sched_yield();
  if (holders_of(spare_) > 1) return {};
  return std::exchange(spare_, Handle{});
}

void PoolCore::keep_spare(Handle job, std::size_t bytes) {
  const std::scoped_lock guard{mutex_};
  if (spare_ && spare_bytes_ >= bytes) return;
  spare_ = std::move(job);
  spare_bytes_ = bytes;
}

void PoolCore::close() {
  if (!in_creator()) return;
  const std::scoped_lock guard{mutex_};
  if (state_ != State::running) return;
  state_ = State::closed;
  spare_ = {};
  Board& board = *board_.as<Board>();
  board.state.store(BoardState::closing);
  ring(board, INT_MAX);
  place_free_.notify_all();
  stir_watcher();
}

void PoolCore::terminate() {
  if (!in_creator()) return;
  const std::scoped_lock guard{mutex_};
  if (state_ == State::terminated) return;
  state_ = State::terminated;
  spare_ = {};
  board_.as<Board>()->state.store(BoardState::closing);
  const auto reason = std::make_exception_ptr(ProcessError("the pool was terminated"));
  for (ActiveJob* job : jobs_)
    if (job != nullptr) abort(*job, reason);
  for (Seat& seat : seats_)
    if (!seat.ended) seat.process->terminate();
  place_free_.notify_all();
  stir_watcher();
}

void PoolCore::join() {
  if (!in_creator()) return;
  {
    const std::scoped_lock guard{mutex_};
    if (state_ == State::running && !broken_)
      throw ValueError("Pool is still running: call close() or terminate() before join()");
  }
  static std::mutex joining;  // std::thread::join is for one thread at a time
  const std::scoped_lock guard{joining};
  if (watcher_.joinable()) watcher_.join();
}

std::shared_ptr<PoolCore> make_pool(const PoolOptions& options, WorkerFactory factory) {
  // In a forked child the watcher does not exist and the workers are its parent's: leave it all.
  return {new PoolCore(options, std::move(factory)), [](PoolCore* pool) {
            if (pool->in_creator()) delete pool;
          }};
}

}  // namespace multiprocessing::detail
