// TaskRoom for tasks in a pool that takes so many at a time.
#include "arena/event_count.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {

/// Each end of a task with room is told of once, also when its worker dies, so none is lost.
bool TaskTable::take_room(TaskRoom room) {
  for (Wait wait{back_off::messages, "Pool.apply_async", &ends().looks()};;) {
    const std::uint32_t key = ends().key();
    {
      const std::scoped_lock guard{mutex_};
      if (closed_) std::rethrow_exception(closed_);
      if (tell_of_listed()) ends().notify_all();
      if (pending_ < most_pending_) {
        ++pending_;
        return true;
      }
    }
    if (room == TaskRoom::taken_if_free) return false;
    ends().wait(wait, key, Deadline::never());
  }
}

void TaskTable::give_back_room() {
  const std::scoped_lock guard{mutex_};
  --pending_;
  ends().notify_all();
}

}  // namespace multiprocessing::detail
