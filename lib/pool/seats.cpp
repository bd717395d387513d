// PoolCore's seats: how workers get there.
#include <chrono>
#include <exception>
#include <sstream>
#include <string>
#include <utility>

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

}  // namespace

void PoolCore::start_worker(std::size_t seat) {
  fail_point("pool.worker.start");
  Seat& at = seats_[seat];
  SeatRecord& record = seats_of(board_)[seat];
  clear_seat(record);
  Board& board = *board_.as<Board>();
  if (board.used.load() <= seat) board.used.store(static_cast<std::uint32_t>(seat) + 1);
  record.number.store(static_cast<std::uint32_t>(++worker_number_));
  record.share = share_;
  ProcessOptions options{.daemon = true};
  if (!executor_) options.name = worker_name(context_, worker_number_);
  at.process.emplace(factory_(context_, std::move(options), board_, static_cast<int>(seat)));
  start_or_kill(*at.process);
  const Member member = member_of(at.process->handle());
  record.name.store(OwnerLock::name_of(member));
  record.member.store(member.packed());
  board.news.notify_all();  // from here on it claims
  at.ended = false;
  at.stranger = false;
  at.stranger_by.reset();
  at.to_serve_by.emplace(initializer_timeout_);
  at.condemned = false;
  at.ended_by = EndedBy::itself;
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

void PoolCore::Seat::send(void (Process::*signal)()) noexcept {
  if (ended) return;
  try {
    ((*process).*signal)();
  } catch (const std::exception&) {
    // It may not be signalled. It leaves by itself when its board is closing, and a kill that is
    // refused is done by its life pipe.
    return;
  }
}

/// The initializer hangs, or takes longer than the program allows.
void PoolCore::end_late_initializers() {
  const auto records = seats_of(board_);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
    Seat& at = seats_[seat];
    if (at.ended || !at.to_serve_by) continue;
    if (records[seat].serves.load() != 0) {
      at.to_serve_by.reset();
    } else if (at.to_serve_by->passed()) {
      at.to_serve_by.reset();
      const auto limit = std::chrono::duration<double>(initializer_timeout_.length());
      std::ostringstream text;
      text << "the initializer of " << at.process->name() << " (pid "
           << at.process->pid().value_or(0) << ") has not returned within " << limit.count()
           << " s, and the worker was killed";
      at.send(&Process::kill);
      break_pool(std::make_exception_ptr(TimeoutError(text.str())));
    }
  }
}

}  // namespace multiprocessing::detail
