// Tasks that run alone, after the kernel has killed their workers for want of memory.
#include "pool/pool_core.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {
namespace {

// Of the watcher, while a task waits to run alone, or runs so.
constexpr std::int64_t between_looks = 5'000'000;  // ns

}  // namespace

/// How often it may be tried again in all; those after a kill for want of memory included.
std::uint32_t tries_again(const TaskTerms& terms) {
  for (const auto& [name, count] :
       {std::pair{"retries", terms.retries}, std::pair{"oom_retries", terms.oom_retries}})
    if (count < 0)
      throw ValueError(std::string{name} + " must be 0 or more, not " + std::to_string(count));
  return static_cast<std::uint32_t>(terms.retries) + static_cast<std::uint32_t>(terms.oom_retries);
}

std::uint32_t TaskTable::oom_retries(std::uint32_t record) const {
  const auto found = oom_retries_.find(record);
  return found == oom_retries_.end() ? 0 : static_cast<std::uint32_t>(found->second);
}

/// Takes one of its tries if so.
bool TaskTable::may_run_alone(std::uint32_t record, const WorkerEnd& end) {
  if (!end.for_memory || oom_retries(record) == 0) return false;
  --oom_retries_[record];
  return true;
}

/// No worker begins anything else from here on.
void TaskTable::queue_alone(TaskName name) {
  alone_.push_back(name);
  Board& board = *board_.as<Board>();
  if (board.alone.load() == all_may_run) board.alone.store(none_may_run);
  board.ranked.calls.fetch_add(1);  // those that are at a map leave it
}

/// A task that is in the list is queued, in no other order, or a worker has it.
Moment TaskTable::tend_alone(bool idle) {
  const std::scoped_lock guard{mutex_};
  if (alone_.empty()) return no_moment;
  Board& board = *board_.as<Board>();
  const std::uint64_t before = board.alone.load();
  const auto waits_or_runs = [this](TaskName name) {
    const TaskWord seen = look(name.record());
    return seen.use() == name.use() && (seen.state() == TaskWord::queued || seen.runs());
  };
  while (!alone_.empty() && !waits_or_runs(alone_.front())) alone_.pop_front();
  std::uint64_t now = none_may_run;
  if (alone_.empty())
    now = all_may_run;
  else if (idle || before == alone_.front().bits())
    now = alone_.front().bits();
  if (now != before) {
    board.alone.store(now);
    board.news.notify_all();
  }
  return alone_.empty() ? no_moment : later(moment_now(), between_looks);
}

/// A worker with work says so before it looks whether it may begin.
bool PoolCore::all_idle() const {
  const std::scoped_lock guard{mutex_};
  const auto records = seats_of(board_);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat)
    if (!seats_[seat].ended && records[seat].busy_since.load() != 0) return false;
  return true;
}

}  // namespace multiprocessing::detail
