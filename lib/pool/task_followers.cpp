// How the ends of tasks are told of, in the process that submitted them.
#include <utility>

#include "pool/task_table.hpp"

namespace multiprocessing::detail {
namespace {

/// For a task whose end is told of for the sake of its room alone.
const std::shared_ptr<Follower>& uninterested() {
  class Uninterested final : public Follower {
    void task_ended(std::uint32_t, std::shared_ptr<Follower>) noexcept override {}
  };
  static const std::shared_ptr<Follower> only = std::make_shared<Uninterested>();
  return only;
}

}  // namespace

void TaskTable::note_follower(std::uint32_t record, TaskTerms& terms) {
  if (followed_.size() <= record) followed_.resize(segments_.size() * records_per_segment);
  const bool has_room = terms.room != TaskRoom::not_needed;
  if (terms.follower == nullptr) terms.follower = uninterested();
  followed_[record] = {true, has_room, terms.tag, std::move(terms.follower)};
}

bool TaskTable::follow(std::uint32_t record, std::shared_ptr<Follower> follower) {
  const std::scoped_lock guard{mutex_};
  if (is_followed(record)) {  // for the sake of its room alone
    followed_[record].follower.swap(follower);
    return true;
  }
  TaskTerms terms{.follower = follower};
  note_follower(record, terms);
  TaskRecord& task = at(record);
  TaskWord seen = task.look();
  while (!seen.ended() && !task.change(seen, seen.marked(TaskWord::followed))) {
  }
  if (!seen.ended()) return true;
  followed_[record] = {};
  return false;
}

bool TaskTable::is_followed(std::uint32_t record) const {
  return record < followed_.size() && followed_[record].untold;
}

bool TaskTable::tell_of_ends() {
  const std::scoped_lock guard{mutex_};
  // Others may have looked for the end of a task of theirs while it was in no list.
  if (tell_of_listed()) ends().notify_all();
  return over_;
}

/// In the order in which they ended, while the list has the last one first.
bool TaskTable::tell_of_listed() noexcept {
  std::atomic<std::uint32_t>& list = board_.as<Board>()->ended;
  if (list.load(std::memory_order_relaxed) == 0) return false;
  std::uint64_t first = 0;
  for (std::uint64_t next = list.exchange(0); next != 0;) {
    TaskRecord& task = at(static_cast<std::uint32_t>(next - 1));
    const std::uint64_t before = task.serial.load(std::memory_order_relaxed);
    task.serial.store(first, std::memory_order_relaxed);
    first = std::exchange(next, before);
  }
  while (first != 0) {
    const auto record = static_cast<std::uint32_t>(first - 1);
    first = at(record).serial.load(std::memory_order_relaxed);
    tell_of(record);
  }
  return true;
}

/// The task has ended. Nothing happens when nobody follows it.
void TaskTable::tell_of(std::uint32_t record) noexcept {
  if (!is_followed(record)) return;
  Followed followed = std::exchange(followed_[record], Followed{});
  if (followed.has_room) --pending_;
  if (Follower* const follower = followed.follower.get())
    follower->task_ended(followed.tag, std::move(followed.follower));
  else
    recycle(record);
}

/// The dead worker may have ended a task and not lived to put it into the list; no other worker
/// can be about to.
void TaskTable::finish_telling(const WorkerEnd& end) {
  static_cast<void>(tell_of_listed());
  if (end.ending) {
    const TaskWord word = look(end.ending.record());
    if (word.use() == end.ending.use() && word.ended()) tell_of(end.ending.record());
  }
  ends().notify_all();
}

}  // namespace multiprocessing::detail
