#include "pool/worker_limits.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "base/fail_point.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/logging.hpp"
#include "pool/bell.hpp"

namespace multiprocessing::detail {
namespace {

/// 0 when the system does not tell.
std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t whole = 0;
  std::uint64_t resident = 0;
  file >> whole >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string as_text(std::uint64_t bytes) { return std::to_string(bytes / 1024) + " KiB"; }

std::chrono::nanoseconds left_of(std::uint64_t length,
                                 std::chrono::steady_clock::time_point since) {
  const auto passed = std::chrono::steady_clock::now() - since;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(length)} - passed;
}

}  // namespace

WorkerAccount::WorkerAccount(const Board& board, SeatRecord& seat, std::size_t index)
    : board_(board),
      limits_(board.limits),
      seat_(seat),
      idle_(index < limits_.idle_from ? 0 : limits_.idle),
      bounded_(limits_.age != 0 || limits_.rss != 0) {}

void WorkerAccount::check_fresh() const {
  if (limits_.rss == 0) return;
  const std::uint64_t resident = resident_bytes();
  if (resident > limits_.rss)
    throw ValueError("max_rss is " + as_text(limits_.rss) + ", and a fresh worker has " +
                     as_text(resident) + " resident: give more, or none");
}

void WorkerAccount::ask_for_successor() {
  if (std::exchange(asked_, true)) return;
  seat_.successor.store(Successor::wanted);
  fail_point("pool.successor.asked");
  ring_the_pool(board_);
}

bool WorkerAccount::beyond() {
  if (!asked_ && (is_too_old() || is_too_large())) ask_for_successor();
  return asked_ && seat_.successor.load() == Successor::ready;
}

bool WorkerAccount::is_too_old() const {
  return limits_.age != 0 && left_of(limits_.age, born_).count() <= 0;
}

bool WorkerAccount::is_too_large() {
  if (limits_.rss == 0 || measured_ == tasks_) return false;
  measured_ = tasks_;
  const std::uint64_t resident = resident_bytes();
  if (resident <= limits_.rss) return false;
  get_logger().info("a worker is replaced: it has " + as_text(resident) +
                    " resident, and max_rss is " + as_text(limits_.rss));
  return true;
}

Deadline WorkerAccount::awake_by() {
  const bool ages = limits_.age != 0 && !asked_;
  if (idle_ == 0 && !ages) return Deadline::never();
  if (!idle_since_) idle_since_ = Clock::now();
  auto left = std::chrono::nanoseconds::max();
  if (idle_ != 0) left = std::min(left, left_of(idle_, *idle_since_));
  if (ages) left = std::min(left, left_of(limits_.age, born_));
  return Deadline{left};
}

bool WorkerAccount::idle_for_too_long() {
  if (idle_ == 0 || !idle_since_ || left_of(idle_, *idle_since_).count() > 0) return false;
  seat_.idle.store(1);
  return true;
}

}  // namespace multiprocessing::detail
