// The thread that watches over a pool's workers: buries the dead, deals with what they had, and
// puts others in their seats.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "arena/event_count.hpp"
#include "arena/settle.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "pool/outcome.hpp"
#include "pool/pool_core.hpp"
#include "pool/tokens.hpp"
#include "process/process_tree.hpp"

namespace multiprocessing::detail {
namespace {

// How often workers are looked at that may have become another program.
constexpr std::chrono::milliseconds pause_between_looks{500};
constexpr std::chrono::milliseconds time_to_die{200};  // for a process that has been killed

// Before a seat is tried again whose worker could not be started, or died too soon too often.
constexpr std::chrono::milliseconds pause_between_tries{100};

// So many workers, and one for each place, may die in a row with work in hand before any finishes a
// task: whatever they do kills them, and starting processes is all that the pool would do.
constexpr std::size_t most_deaths_in_a_row = 100;

Deadline earlier(const Deadline& one, const Deadline& other) {
  if (one.is_never() || other.is_never()) return one.is_never() ? other : one;
  return one.left() <= other.left() ? one : other;
}

}  // namespace

void PoolCore::stir_watcher() const { ring(bell_.rope()); }

bool PoolCore::all_ended() const {
  return std::ranges::all_of(seats_, [](const Seat& seat) { return seat.ended; });
}

/// Beside what workers have in hand, or will have that have been started for it.
bool PoolCore::any_work() const {
  const auto records = seats_of(board_);
  std::uint32_t started = 0;
  for (std::size_t seat = 0; seat < seats_.size(); ++seat)
    if (!seats_[seat].ended && records[seat].serves.load() == 0) ++started;
  if (tasks_->more_may_begin(started)) return true;
  return std::ranges::any_of(jobs_, [started](ActiveJob* job) {
    if (job == nullptr) return false;
    JobHeader& header = job->header();
    if (header.cursor.load() + started < header.chunks) return true;
    if (header.offers.load() == 0) return false;
    for (std::uint32_t chunk = 0; chunk < header.chunks; ++chunk)
      if (header.word(chunk).load(std::memory_order_relaxed) == chunk_free) return true;
    return false;  // no death has set one free
  });
}

/// Whether it lacks a worker now.
bool PoolCore::to_be_filled(std::size_t seat) const {
  const Seat& at = seats_[seat];
  if (executor_ && seat >= in_use_) return false;
  return at.ended && seat < static_cast<std::size_t>(processes()) && (!at.vacant || any_work());
}

void PoolCore::note_vacancy(std::size_t seat, bool vacant) {
  if (std::exchange(seats_[seat].vacant, vacant) == vacant) return;
  board_.as<Board>()->vacant.fetch_add(vacant ? 1U : ~0U);
}

bool PoolCore::any_finished() const {
  const auto records = seats_of(board_);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat)
    if (!seats_[seat].ended && records[seat].finished.load() != 0) return true;
  return false;
}

bool PoolCore::any_serves() const {
  const auto records = seats_of(board_);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat)
    if (!seats_[seat].ended && records[seat].serves.load() != 0) return true;
  return false;
}

/// While it runs, always; once it is closed, as long as there are jobs and tasks to do.
bool PoolCore::worker_wanted() const {
  if (broken_ || state_ == State::terminated) return false;
  if (state_ == State::running || tasks_->any_queued()) return true;
  return std::ranges::any_of(jobs_, [](const ActiveJob* job) { return job != nullptr; });
}

/// What is to go when it has returned: the pool, where it finished alone.
std::shared_ptr<PoolCore> PoolCore::watch() noexcept {
  std::exception_ptr reason;
  try {
    reason = std::make_exception_ptr(ProcessError("the pool has ended"));
    watch_to_the_end();
  } catch (...) {
    reason = std::current_exception();
    give_up(reason);
  }
  // All have ended, unless the workers could not be watched to their end.
  tasks_->refuse_all(reason);
  std::shared_ptr<PoolCore> last;
  {
    const std::scoped_lock guard{mutex_};
    watched_out_ = true;
    last.swap(itself_);
  }
  watching_ = 0;
  (void)wake(watching_);
  return last;
}

/// Something happened that the watcher cannot deal with, such as all its descriptors closed: those
/// who wait for results are told, and the workers are to end.
void PoolCore::give_up(const std::exception_ptr& reason) noexcept {
  const std::scoped_lock guard{mutex_};
  try {
    break_pool("the thread that watches its workers cannot go on: " + describe_exception(reason));
  } catch (...) {
    // No memory is left to say it in words.
    if (!broken_) broken_ = reason;
    for (ActiveJob* job : jobs_)
      if (job != nullptr) abort(*job, broken_);
    tasks_->close(broken_);
    tasks_->refuse(broken_);
    place_free_.notify_all();
  }
  for (Seat& seat : seats_) seat.send_both(&Process::kill);
}

void PoolCore::watch_to_the_end() {
  for (;;) {
    watch_once();
    const std::scoped_lock guard{mutex_};
    if (all_ended() && !worker_wanted() && (state_ != State::running || broken_)) return;
  }
}

/// When to look even though nothing has happened.
Deadline PoolCore::next_look() const {
  if (stopping_ && stopping_->signal_at) return *stopping_->signal_at;
  if (patience_) return *patience_;
  Deadline next = Deadline::never();
  for (std::size_t seat = 0; seat < seats_.size() && next.is_never(); ++seat)
    if ((to_be_filled(seat) || wants_successor(seat)) && worker_wanted())
      next = Deadline{pause_between_tries};
  for (const Seat& seat : seats_)
    for (const auto& moment : {seat.to_serve_by, seat.stranger_by})
      if (!seat.ended && moment) next = earlier(next, *moment);
  for (const Seat& seat : seats_)
    if (seat.next && seat.next->to_be_ready_by) next = earlier(next, *seat.next->to_be_ready_by);
  if (!all_ended()) next = next.at_most(pause_between_looks);
  return next;
}

/// Ends tasks whose time is over; says when to look again.
Deadline PoolCore::tend_tasks() {
  const TaskTable::Tended tended = tasks_->tend_limits();
  if (!tended.condemned.empty()) kill_for_their_tasks(tended.condemned);
  const bool some_wait_to_run_alone = board_.as<Board>()->alone.load() != all_may_run;
  const Moment next =
      std::min(tended.next, tasks_->tend_alone(some_wait_to_run_alone && all_idle()));
  if (next == no_moment) return Deadline::never();
  return Deadline{std::chrono::nanoseconds{next - moment_now()}};
}

/// With what they have started, for which the mutex is let go. Only this thread takes a worker from
/// its seat.
void PoolCore::kill_for_their_tasks(const std::vector<std::size_t>& seats) {
  std::vector<ProcessTree::Root> workers;
  {
    const std::scoped_lock guard{mutex_};
    for (const std::size_t seat : seats) {
      Seat& at = seats_[seat];
      if (at.ended || std::exchange(at.condemned, true)) continue;
      workers.push_back({at.process->sentinel(), at.process->pid().value_or(0)});
    }
  }
  if (workers.empty()) return;
  ProcessTree(std::move(workers)).signal_descendants(SIGKILL);
  const std::scoped_lock guard{mutex_};
  for (const std::size_t seat : seats) seats_[seat].send(&Process::kill);
}

void PoolCore::watch_once() {
  const Deadline limit = tend_tasks();
  std::vector<int> ends{bell_.rung()};
  std::vector<std::size_t> seats;
  std::size_t workers = 0;  // of these; the others are to take their places
  std::optional<Deadline> until;
  {
    const std::scoped_lock guard{mutex_};
    for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
      if (seats_[seat].ended) continue;
      ends.push_back(seats_[seat].process->sentinel());
      seats.push_back(seat);
    }
    workers = seats.size();
    for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
      if (!seats_[seat].next) continue;
      ends.push_back(seats_[seat].next->process.sentinel());
      seats.push_back(seat);
    }
    until = next_look();
  }
  if (!limit.is_never()) until = until->at_most(limit.left());
  const std::vector<std::size_t> ready = wait_any(ends, *until);
  bell_.silence();

  const std::scoped_lock guard{mutex_};
  for (const std::size_t end : ready) {
    if (end == 0) continue;
    if (end <= workers)
      tend_seat(seats[end - 1]);
    else
      tend_successor(seats[end - 1]);
  }
  end_late_initializers();
  end_strangers();
  signal_those_that_do_not_obey();
  kill_the_stubborn();
  refill();
}

/// Nothing when its death is not settled yet, because the process that settles it is stopped.
std::optional<WorkerEnd> PoolCore::end_of(std::size_t seat) {
  Process& process = *seats_[seat].process;
  process.join();
  SeatRecord& record = seats_of(board_)[seat];
  WorkerEnd end{record.name.load(),
                process.pid().value_or(0),
                process.exitcode().value_or(255),
                record.serves.load() != 0,
                record.finished.load() != 0,
                record.serves.load() == SeatRecord::left,
                TaskName{record.at.load()},
                TaskName{record.ending.load()},
                false,
                {}};
  // Before its chunks are given to others, what it was doing to their links has to be finished. The
  // settler may be a worker that is stopped: this thread waits but a moment with the mutex, which
  // terminate() needs to have that worker killed.
  if (!settle_fully(Member::from(record.member.load()), Deadline{turn_of_others}))
    return std::nullopt;
  if (seats_[seat].stranger && end.exitcode == -SIGKILL)
    end.cause = " because it had executed another program, or closed all its descriptors";
  else if (end.exitcode == -SIGKILL)
    end.cause = memory_kills_.told();
  end.for_memory = !seats_[seat].stranger && !end.cause.empty();
  return end;
}

void PoolCore::tend_seat(std::size_t seat) {
  const auto end = end_of(seat);
  if (!end) return;  // its sentinel stays readable
  seats_[seat].ended = true;
  report(seats_[seat], *end);
  if (!end->left && !seats_[seat].condemned) note_death(*end);
  note_vacancy(seat, seats_of(board_)[seat].idle.load() != 0 && !seats_[seat].next &&
                         state_ != State::terminated &&
                         seat < static_cast<std::size_t>(processes()));
  bool had_work = tasks_->had_task(*end);
  std::size_t lost = 0;
  for (ActiveJob* job : jobs_) {
    if (job == nullptr) continue;
    if (take_from_the_dead(*job, *end)) had_work = true;
    lost += std::exchange(job->lost, 0);
  }
  keep_counts(seat, lost);
  tasks_->take_from_the_dead(*end);
  Tokens(board_).give_back(seat);
  // Workers may sleep while chunks of the dead one are free again.
  board_.as<Board>()->news.notify_all();
  stir_visits();
  // A worker that was killed for its task says nothing of those that follow.
  break_if_hopeless(*end, had_work && !seats_[seat].condemned);
  seat_successor(seat);
}

/// A worker that has executed another program, or closed all its descriptors, is dead for the
/// family, though its process goes on: the program would keep its task for as long as it likes.
void PoolCore::end_strangers() {
  const auto records = seats_of(board_);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
    Seat& at = seats_[seat];
    if (at.ended || at.stranger || records[seat].serves.load() == 0) continue;
    if (alive(Member::from(records[seat].member.load()))) continue;
    // A worker that dies is dead for the family before its process has ended.
    if (!at.stranger_by) at.stranger_by.emplace(time_to_die);
    if (!at.stranger_by->passed()) continue;
    at.stranger_by.reset();
    at.stranger = true;
    at.send(&Process::kill);
  }
}

/// Before anything of the dead worker's is lost: where its death breaks the pool, that fails of it.
void PoolCore::note_death(const WorkerEnd& end) {
  if (!breaks_on_death_ || board_.as<Board>()->failed_initializer.load() != 0) return;
  std::vector<WorkerDied> history = deaths_;
  history.emplace_back(describe(end), end.pid, end.exitcode);
  break_pool(std::make_exception_ptr(BrokenProcessPool(
      "a process of the pool was terminated abruptly while the task was running or pending: " +
          describe(end),
      std::move(history))));
}

void PoolCore::break_if_hopeless(const WorkerEnd& end, bool had_work) {
  if (const std::uint32_t how = board_.as<Board>()->failed_initializer.load())
    return break_pool((how == failed_by_itself ? "the initializer failed in a worker: " : "") +
                      describe_exception(exception_in(initializer_link(board_))));
  if (end.finished || any_finished()) deaths_.clear();
  if (!end.served || (had_work && !end.finished))
    deaths_.emplace_back(describe(end), end.pid, end.exitcode);
  deaths_before_serving_ = end.served ? 0 : deaths_before_serving_ + 1;
  const int seats = processes();
  // Those who start and die again and again are not to take the processors from those who work.
  if (deaths_before_serving_ > seats) next_start_.emplace(pause_between_tries);
  // One for each seat, and some more: somebody may be killing workers at random.
  if (deaths_before_serving_ >= seats + 8 && !any_serves())
    break_pool(
        std::to_string(deaths_before_serving_) +
        " workers in a row died in their initializer or before it; the last one: " + describe(end));
  if (deaths_.size() >= most_deaths_in_a_row + static_cast<std::size_t>(seats))
    break_pool(
        std::to_string(deaths_.size()) +
        " workers in a row died before they had finished one task; the last one: " + describe(end));
}

void PoolCore::break_pool(const std::string& why) {
  break_pool(std::make_exception_ptr(BrokenProcessPool(why, deaths_)));
}

void PoolCore::break_pool(const std::exception_ptr& why) {
  if (broken_ || state_ == State::terminated) return;
  broken_ = why;
  tasks_->close(broken_);
  end_workers(broken_, &Process::terminate);
}

void PoolCore::kill_the_stubborn() {
  if (!patience_ || !patience_->passed()) return;
  patience_ = Deadline::never();
  if (stopping_) ProcessTree(living_workers()).signal_descendants(SIGKILL);
  for (Seat& seat : seats_) {
    if (!seat.ended) seat.ended_by = EndedBy::sigkill;
    seat.send_both(&Process::kill);
  }
}

void PoolCore::refill() {
  if (!worker_wanted() || (next_start_ && !next_start_->passed())) return;
  next_start_.reset();
  try {
    for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
      if (wants_successor(seat)) start_successor(seat);
      if (!to_be_filled(seat)) continue;
      const bool replaces = seats_[seat].process.has_value() && !seats_[seat].vacant;
      start_worker(seat);
      ended_.restarts += replaces ? 1 : 0;
      // Those that come back do so one by one: the first may have done all by then.
      if (!seats_[seat].vacant) continue;
      note_vacancy(seat, false);
      stir_watcher();
      break;
    }
  } catch (...) {
    // As long as some work, try again later.
    if (all_ended())
      break_pool("no worker is left and none can be started: " +
                 describe_exception(std::current_exception()));
  }
}

}  // namespace multiprocessing::detail
