// The thread that watches over a pool's workers: buries the dead, deals with what they had, and
// puts others in their seats.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "multiprocessing/detail/codec_exception.hpp"
#include "pool/outcome.hpp"
#include "pool/pool_core.hpp"
#include "process/own_threads.hpp"

namespace multiprocessing::detail {
namespace {

// How long a worker has to obey SIGTERM before it is killed.
constexpr int patience_ms = 1000;
constexpr int retry_start_ms = 100;

}  // namespace

void PoolCore::stir_watcher() const {
  const std::uint64_t one = 1;
  // Full means that it has been rung already.
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

bool PoolCore::all_ended() const {
  return std::ranges::all_of(seats_, [](const Seat& seat) { return seat.ended; });
}

/// While it runs, always; once it is closed, as long as there are jobs that somebody has to do.
bool PoolCore::worker_wanted() const {
  if (broken_ || state_ == State::terminated) return false;
  if (state_ == State::running) return true;
  return std::ranges::any_of(jobs_, [](const ActiveJob* job) { return job != nullptr; });
}

void PoolCore::watch() {
  const OwnThread not_a_thread_of_the_program;
  for (;;) {
    watch_once();
    const std::scoped_lock guard{mutex_};
    if (all_ended() && !worker_wanted() && (state_ != State::running || broken_)) return;
  }
}

void PoolCore::watch_once() {
  std::vector<pollfd> ends{{bell_.get(), POLLIN, 0}};
  std::vector<std::size_t> seats;
  int timeout = -1;
  {
    const std::scoped_lock guard{mutex_};
    for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
      if (seats_[seat].ended) {
        if (worker_wanted()) timeout = retry_start_ms;
        continue;
      }
      ends.push_back({seats_[seat].process->sentinel(), POLLIN, 0});
      seats.push_back(seat);
    }
    if ((state_ == State::terminated || broken_) && !killed_) timeout = patience_ms;
  }
  const int ready = poll(ends.data(), ends.size(), timeout);
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t got = ::read(bell_.get(), &rings, sizeof rings);

  const std::scoped_lock guard{mutex_};
  for (std::size_t i = 0; i < seats.size(); ++i)
    if (ends[i + 1].revents != 0) tend_seat(seats[i]);
  if (ready == 0 && (state_ == State::terminated || broken_)) {
    killed_ = true;
    for (Seat& seat : seats_)
      if (!seat.ended) seat.process->kill();
  }
  refill();
}

WorkerEnd PoolCore::end_of(std::size_t seat) {
  Process& process = *seats_[seat].process;
  process.join();
  SeatRecord& record = seats_of(board_)[seat];
  WorkerEnd end{record.name.load(), process.pid().value_or(0), process.exitcode().value_or(255)};
  // Before its chunks are given to others, what it was doing to their links has to be finished.
  if (end.name != 0) settle({record.slot.load(), record.generation.load()});
  record.name.store(0);
  return end;
}

void PoolCore::tend_seat(std::size_t seat) {
  const WorkerEnd end = end_of(seat);
  seats_[seat].ended = true;
  deaths_before_serving_ = end.name != 0 ? 0 : deaths_before_serving_ + 1;
  for (ActiveJob* job : jobs_)
    if (job != nullptr) take_from_the_dead(*job, end);
  if (board_.as<Board>()->failed_initializer.load() != 0) break_after_failed_initializer();
  // Workers may sleep while chunks of the dead one are free again.
  ring(*board_.as<Board>(), static_cast<int>(seats_.size()));
  const int enough = 3 * static_cast<int>(seats_.size()) + 3;
  if (deaths_before_serving_ >= enough)
    break_pool(std::make_exception_ptr(BrokenProcessPool(
        std::to_string(deaths_before_serving_) +
        " workers in a row died before they could serve; the last one: " + describe(end))));
}

void PoolCore::break_after_failed_initializer() {
  break_pool(std::make_exception_ptr(
      BrokenProcessPool("the initializer failed in a worker: " +
                        describe_exception(exception_in(initializer_link(board_))))));
}

void PoolCore::break_pool(const std::exception_ptr& reason) {
  if (broken_) return;
  broken_ = reason;
  board_.as<Board>()->state.store(BoardState::closing);
  for (ActiveJob* job : jobs_)
    if (job != nullptr) abort(*job, reason);
  for (Seat& seat : seats_)
    if (!seat.ended) seat.process->terminate();
  place_free_.notify_all();
}

void PoolCore::refill() {
  if (!worker_wanted()) return;
  sigset_t own_mask;
  // A child inherits the mask of the thread that starts it; workers get that of their pool's maker.
  pthread_sigmask(SIG_SETMASK, &creator_mask_, &own_mask);
  try {
    for (std::size_t seat = 0; seat < seats_.size(); ++seat)
      if (seats_[seat].ended) start_worker(seat);
  } catch (const std::exception& error) {
    // As long as some work, try again later.
    if (all_ended())
      break_pool(std::make_exception_ptr(BrokenProcessPool(
          std::string("no worker is left and none can be started: ") + error.what())));
  }
  pthread_sigmask(SIG_SETMASK, &own_mask, nullptr);
}

}  // namespace multiprocessing::detail
