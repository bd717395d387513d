// What a pool has done and has to do, counted by its workers and read by the one that asks.
#include "multiprocessing/pool/pool_stats.hpp"

#include <chrono>

#include "pool/pool_core.hpp"
#include "pool/seat_clock.hpp"

namespace multiprocessing::detail {

std::int64_t SeatClock::now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double SeatClock::busy_seconds(const SeatRecord& seat) {
  const std::int64_t since = seat.busy_since.load();
  const std::int64_t running = since == 0 ? 0 : now() - since;
  return static_cast<double>(seat.busy.load() + running) / 1e9;
}

void TaskTable::count(PoolStats& stats) const {
  const std::scoped_lock guard{mutex_};
  for (std::uint32_t record = 0; record < segments_.size() * records_per_segment; ++record) {
    const TaskWord word = look(record);
    stats.queued += word.state() == TaskWord::queued ? 1 : 0;
    stats.running += word.runs() ? 1 : 0;
  }
  stats.failed += lost_;
}

void count(const ActiveJob& job, PoolStats& stats) {
  JobHeader& header = job.header();
  if (header.stopped.load() != 0) return;
  for (std::uint32_t chunk = 0; chunk < header.chunks; ++chunk) {
    const std::uint32_t word = header.word(chunk).load(std::memory_order_relaxed);
    stats.queued += word == chunk_free ? 1 : 0;
    stats.running += word >= first_name ? 1 : 0;
  }
}

PoolStats PoolCore::stats() const {
  check_creator();
  const std::scoped_lock guard{mutex_};
  PoolStats stats;
  stats.done = ended_.done;
  stats.failed = ended_.failed;
  stats.restarts = ended_.restarts;
  for (const ActiveJob* job : jobs_)
    if (job != nullptr) count(*job, stats);
  tasks_->count(stats);
  const auto records = seats_of(board_);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
    if (seats_[seat].ended) continue;
    const SeatRecord& record = records[seat];
    const std::size_t done = record.done.load(), failed = record.failed.load();
    stats.done += done;
    stats.failed += failed;
    stats.workers.push_back({static_cast<int>(seat), seats_[seat].process->pid().value_or(0),
                             SeatClock::busy_seconds(record), done + failed});
  }
  return stats;
}

/// What the worker of a seat that has ended had counted, before another one counts there.
void PoolCore::keep_counts(std::size_t seat, std::size_t lost) {
  SeatRecord& record = seats_of(board_)[seat];
  ended_.done += record.done.exchange(0);
  ended_.failed += record.failed.exchange(0) + lost;
}

}  // namespace multiprocessing::detail
