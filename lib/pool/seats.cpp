// PoolCore's seats: how workers get there.
#include <signal.h>

#include <chrono>
#include <exception>
#include <sstream>
#include <string>
#include <utility>

#include "arena/settle.hpp"
#include "base/fail_point.hpp"
#include "pool/pool_core.hpp"
#include "process/children_of_daemons.hpp"

namespace multiprocessing::detail {
namespace {

std::string worker_name(const Context& context, int number) {
  const std::string method = context.get_start_method();
  const char* kind = method == "fork" ? "Fork" : method == "spawn" ? "Spawn" : "ForkServer";
  return std::string(kind) + "PoolWorker-" + std::to_string(number);
}

// The pool whose worker is being started by this thread; a forked worker finds it here.
constinit thread_local PoolCore* starting = nullptr;

class Starting {
 public:
  explicit Starting(PoolCore& pool) { starting = &pool; }
  ~Starting() { starting = nullptr; }
  Starting(const Starting&) = delete;
};

void tell(Process& worker, void (Process::*signal)()) noexcept {
  try {
    (worker.*signal)();
  } catch (const std::exception&) {
    // It may not be signalled. It leaves by itself when its board is closing, and a kill that is
    // refused is done by its life pipe.
    return;
  }
}

}  // namespace

/// For that seat, which it does not have yet.
Process PoolCore::start_process(std::size_t seat) {
  fail_point("pool.worker.start");
  SeatRecord& record = seats_of(board_)[seat];
  Board& board = *board_.as<Board>();
  if (board.used.load() <= seat) board.used.store(static_cast<std::uint32_t>(seat) + 1);
  record.number.store(static_cast<std::uint32_t>(++worker_number_));
  record.share = share_;
  ProcessOptions options{.daemon = true};
  if (!executor_) options.name = worker_name(context_, worker_number_);
  Process process = factory_(context_, std::move(options), board_, static_cast<int>(seat));
  start_or_kill(process);
  return process;
}

void PoolCore::start_worker(std::size_t seat) {
  clear_seat(seats_of(board_)[seat]);
  Process process = start_process(seat);
  const Member member = member_of(process.handle());
  seats_[seat].to_serve_by.emplace(initializer_timeout_);
  seats_[seat].ended_by = EndedBy::itself;
  give_seat(seat, std::move(process), member);
}

void PoolCore::give_seat(std::size_t seat, Process process, const Member& member) {
  Seat& at = seats_[seat];
  SeatRecord& record = seats_of(board_)[seat];
  at.process.emplace(std::move(process));
  at.ended = false;
  at.stranger = false;
  at.stranger_by.reset();
  at.condemned = false;
  record.name.store(OwnerLock::name_of(member));
  record.member.store(member.packed());
  board_.as<Board>()->news.notify_all();  // from here on it claims
}

// ---- successors

bool PoolCore::wants_successor(std::size_t seat) const {
  const Seat& at = seats_[seat];
  const SeatRecord& record = seats_of(board_)[seat];
  return !at.ended && !at.next && record.leaving.load() == 0 &&
         record.successor.load() == Successor::wanted;
}

/// It runs its initializer, says that it is ready, and waits for the seat.
void PoolCore::start_successor(std::size_t seat) {
  Process process = start_process(seat);
  const Member member = member_of(process.handle());
  seats_[seat].next.emplace(Seat::Next{std::move(process), member, Deadline{initializer_timeout_}});
}

/// The worker has ended, in whatever way, and what it had is dealt with. Also when the pool ends:
/// its successor leaves by itself then, or has been told to.
void PoolCore::seat_successor(std::size_t seat) {
  Seat& at = seats_[seat];
  if (!at.next) return;
  SeatRecord& record = seats_of(board_)[seat];
  const bool ready = record.successor.load() == Successor::ready;
  clear_seat(record);
  record.leaving.store(seat < static_cast<std::size_t>(processes()) ? 0 : 1);
  at.to_serve_by = ready ? std::nullopt : at.next->to_be_ready_by;
  give_seat(seat, std::move(at.next->process), at.next->member);
  at.next.reset();
  ++ended_.restarts;
}

/// It has ended before it had the seat.
void PoolCore::tend_successor(std::size_t seat) {
  Seat& at = seats_[seat];
  if (!at.next) return;  // it has got the seat just now
  Process& process = at.next->process;
  process.join();
  if (!settle_fully(at.next->member, Deadline{turn_of_others})) return;
  WorkerEnd end;
  end.name = OwnerLock::name_of(at.next->member);
  end.pid = process.pid().value_or(0);
  end.exitcode = process.exitcode().value_or(255);
  if (end.exitcode == -SIGKILL) end.cause = memory_kills_.told();
  at.next.reset();
  auto ready = Successor::ready;
  static_cast<void>(
      seats_of(board_)[seat].successor.compare_exchange_strong(ready, Successor::wanted));
  note_death(end);
  break_if_hopeless(end, false);
}

/// Throws when it was not started, or not so that it can be watched.
void PoolCore::start_or_kill(Process& process) {
  const Starting for_the_child(*this);
  const ChildrenOfDaemons allowed;
  try {
    process.start();
    fail_point("pool.worker.started");
  } catch (...) {
    if (process.pid()) process.kill();
    throw;
  }
}

void PoolCore::forget_inherited_jobs() {
  PoolCore* parents = std::exchange(starting, nullptr);
  if (parents == nullptr) return;
  // The thread that forked us held the mutex, so all this is whole.
  parents->spare_ = {};
  for (ActiveJob* job : parents->jobs_)
    if (job != nullptr) job->handle = {};
  for (Handle* results : parents->visits_) *results = {};
}

void PoolCore::Seat::send_both(void (Process::*signal)()) noexcept {
  send(signal);
  if (next) tell(next->process, signal);
}

void PoolCore::Seat::send(void (Process::*signal)()) noexcept {
  if (!ended) tell(*process, signal);
}

/// The initializer hangs, or takes longer than the program allows.
void PoolCore::end_late_initializers() {
  const auto records = seats_of(board_);
  const auto is_late = [](std::optional<Deadline>& limit, bool initialised) {
    if (!limit) return false;
    const bool late = !initialised && limit->passed();
    if (late || initialised) limit.reset();
    return late;
  };
  for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
    Seat& at = seats_[seat];
    if (at.ended) continue;
    if (is_late(at.to_serve_by, records[seat].serves.load() != 0))
      break_for_initializer(*at.process);
    if (at.next &&
        is_late(at.next->to_be_ready_by, records[seat].successor.load() == Successor::ready))
      break_for_initializer(at.next->process);
  }
}

void PoolCore::break_for_initializer(Process& worker) {
  const auto limit = std::chrono::duration<double>(initializer_timeout_.length());
  std::ostringstream text;
  text << "the initializer of " << worker.name() << " (pid " << worker.pid().value_or(0)
       << ") has not returned within " << limit.count() << " s, and the worker was killed";
  tell(worker, &Process::kill);
  break_pool(std::make_exception_ptr(TimeoutError(text.str())));
}

}  // namespace multiprocessing::detail
