// How many workers a pool has.
#include <string>

#include "arena/event_count.hpp"
#include "pool/pool_core.hpp"

namespace multiprocessing::detail {

void PoolCore::resize(int processes) {
  if (processes < 1) throw ValueError("Number of processes must be at least 1");
  check_open();
  const auto records = seats_of(board_);
  if (static_cast<std::size_t>(processes) > records.size())
    throw ValueError("a pool cannot grow beyond " + std::to_string(records.size()) + " processes");
  const std::scoped_lock guard{mutex_};
  tasks_->expect_workers(static_cast<std::size_t>(processes));
  if (static_cast<std::size_t>(processes) > seats_.size())
    seats_.resize(static_cast<std::size_t>(processes));
  wanted_ = processes;
  share_ = share_of_each(processes, share_.pinned);
  for (std::size_t seat = 0; seat < seats_.size(); ++seat) {
    const bool wanted = seat < static_cast<std::size_t>(processes);
    records[seat].leaving.store(wanted ? 0 : 1);
    if (!wanted) note_vacancy(seat, false);
  }
  board_.as<Board>()->news.notify_all();
  stir_watcher();
}

}  // namespace multiprocessing::detail
