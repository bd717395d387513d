// How tasks are ended that have not ended by themselves: on request, or when their time is over.
#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <utility>

#include "base/fail_point.hpp"
#include "pool/bell.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::int64_t millisecond = 1'000'000;

// For a task that a std::stop_token has asked to stop: as for the workers of a pool.
constexpr std::chrono::seconds grace_from_outside{1};

}  // namespace

/// What a std::stop_token calls. Not to be destroyed with the mutex held: another thread may be in
/// the call, and wait for that.
struct TaskTable::OutsideStop {
  struct Call {
    OutsideStop* of;
    void operator()() const noexcept {
      if (const auto table = of->table.lock()) table->stop_from_outside(*of);
    }
  };
  OutsideStop(std::weak_ptr<TaskTable> of, const std::stop_token& token)
      : table(std::move(of)), callback(token, Call{this}) {}

  const std::weak_ptr<TaskTable> table;
  std::optional<std::uint32_t> record;  // guarded by the table's mutex; none: not yet, or no more
  const std::stop_callback<Call> callback;
};

TaskTable::~TaskTable() = default;

std::shared_ptr<TaskTable::OutsideStop> TaskTable::outside_stop(const std::stop_token& token) {
  if (!token.stop_possible()) return {};
  std::vector<std::shared_ptr<OutsideStop>> unused;
  {
    const std::scoped_lock guard{mutex_};
    unused = std::exchange(unused_stops_, {});
  }
  return std::make_shared<OutsideStop>(weak_from_this(), token);
}

void TaskTable::keep_outside_stop(std::uint32_t record, std::shared_ptr<OutsideStop> stop) {
  if (stop == nullptr) return;
  unused_stops_.reserve(unused_stops_.size() + outside_stops_.size() + 1);  // for its going
  stop->record = record;
  outside_stops_[record] = std::move(stop);
}

void TaskTable::forget_outside_stop(std::uint32_t record) noexcept {
  const auto found = outside_stops_.find(record);
  if (found == outside_stops_.end()) return;
  found->second->record.reset();
  unused_stops_.push_back(std::move(found->second));
  outside_stops_.erase(found);
}

/// In whichever thread has asked; may come before the task has been submitted, and late.
void TaskTable::stop_from_outside(const OutsideStop& stop) noexcept {
  if (!in_creator()) return;
  const std::scoped_lock guard{mutex_};
  if (!stop.record) return;
  if (end_queued(*stop.record, TaskWord::cancelled)) return;
  try {
    static_cast<void>(request(*stop.record, grace_from_outside));
  } catch (const std::bad_alloc&) {
    const TaskWord seen = look(*stop.record);
    if (condemn(TaskName{*stop.record, seen.use()}, false)) have_watcher_look(0);
  }
}

/// Ends a task that is queued; false when it is not.
bool TaskTable::end_queued(std::uint32_t record, TaskWord::State state) noexcept {
  TaskRecord& task = at(record);
  const TaskWord before{end_if(task, TaskWord::queued, state)};
  if (before.bits() == 0) return false;
  if (state == TaskWord::expired) ++lost_;
  if (before.is(TaskWord::waiting)) wake_waiting(task);
  tell_of(record);
  ends().notify_all();
  return true;
}

/// The task is queued, or ends at once when its time has passed or it is not wanted any more.
bool TaskTable::queue_in_time(std::uint32_t record, const TaskTerms& terms,
                              const TaskLimits& limits, TokenNeeds needs) {
  TaskRecord& task = at(record);
  const TaskName name{record, task.look().next_use()};
  task.marks.store(
      (limits.any() ? TaskRecord::limited : 0) | (terms.capture_output ? TaskRecord::captured : 0),
      std::memory_order_relaxed);
  const bool late = limits.any() && limits.begin_by <= moment_now();
  const bool unwanted = terms.stop.stop_requested();
  if (limits.any() && !late) limited_.add(name, limits);
  const std::uint64_t marks = is_followed(record) ? TaskWord::followed : 0;
  task.word.store(TaskWord{name.use(), TaskWord::queued, marks}.bits());
  if (late || unwanted) {
    end_queued(record, unwanted ? TaskWord::cancelled : TaskWord::expired);
    return false;
  }
  queue(name, {terms.priority, std::move(needs)});
  if (limits.any())
    have_watcher_look(std::min(limits.begin_by, later(moment_now(), limits.longest)));
  return true;
}

// ---- for callers

bool TaskTable::ask_to_stop(std::uint32_t record, Timeout grace) {
  const std::scoped_lock guard{mutex_};
  return request(record, grace);
}

bool TaskTable::request(std::uint32_t record, Timeout grace) {
  const TaskWord seen = look(record);
  if (!seen.runs()) return false;
  const TaskName name{record, seen.use()};
  const Moment kill_at = moment_after(grace);
  limited_.requests.push_back({kill_at, name});
  // A worker whose death is known has no task that runs, and the seats have their workers till
  // then.
  if (SeatRecord* const seat = seat_of(seen.state())) seat->stop.ask(name.bits());
  have_watcher_look(kill_at);
  return true;
}

bool TaskTable::stop(std::uint32_t record, Timeout grace) {
  while (!cancel(record) && !ended(record))
    if (ask_to_stop(record, grace)) static_cast<void>(await_end(record, Deadline::never()));
  return stopped(record);
}

bool TaskTable::stopped(std::uint32_t record) const {
  const std::uint32_t state = look(record).state();
  return state >= TaskWord::cancelled && state <= TaskWord::overdue;
}

// ---- for the watcher

/// Has the watcher look by then, if it would not anyhow.
void TaskTable::have_watcher_look(Moment by) const noexcept {
  if (!over_ && by < limited_.next_look) ring(bell_);
}

SeatRecord* TaskTable::seat_of(std::uint32_t worker) const {
  for (SeatRecord& seat : used_seats(board_))
    if (seat.name.load() != 0 && TaskWord::worker(seat.name.load()) == worker) return &seat;
  return nullptr;
}

/// Whether the task is queued, or has begun and not yet said until when it may run.
bool TaskTable::is_to_begin(TaskName name) const {
  const TaskWord seen = look(name.record());
  if (seen.use() != name.use()) return false;
  if (seen.state() == TaskWord::queued) return true;
  if (!seen.runs()) return false;
  const SeatRecord* const seat = seat_of(seen.state());
  return seat != nullptr && (seat->at.load() != name.bits() || seat->until.load() == 0);
}

/// From here on the worker cannot end the task, nor take another one; it is to be killed.
bool TaskTable::condemn(TaskName name, bool for_time) noexcept {
  TaskRecord& task = at(name.record());
  TaskWord seen = task.look();
  while (seen.use() == name.use() && seen.runs() && !seen.is(TaskWord::condemned)) {
    const std::uint16_t marks = task.marks.load() & ~TaskRecord::for_time;
    task.marks.store(for_time ? marks | TaskRecord::for_time : marks);
    fail_point("pool.task.before_condemn");
    if (!task.change(seen, seen.marked(TaskWord::condemned))) continue;
    fail_point("pool.task.after_condemn");
    return true;
  }
  return false;
}

TaskTable::Tended TaskTable::tend_limits() {
  const std::scoped_lock guard{mutex_};
  const Moment at = moment_now();
  Tended tended{};
  // The seats last: a task that is in none of these lists any more is in its seat by now.
  const Moment expiry = end_expired(at);
  const Moment begin = next_begin(at);
  const Moment request = end_requests(at);
  tended.next = std::min({expiry, begin, request, end_overdue(at, tended.condemned)});
  limited_.next_look = tended.next;
  return tended;
}

Moment TaskTable::end_expired(Moment at) {
  auto& expiries = limited_.expiries;
  while (!expiries.empty() && expiries.top().at <= at) {
    const TaskName name = expiries.top().name;
    expiries.pop();
    if (!is_to_begin(name)) continue;
    if (end_queued(name.record(), TaskWord::expired)) continue;
    expiries.push({later(at, 5 * millisecond), name});  // it has begun just now
  }
  return expiries.empty() ? no_moment : expiries.top().at;
}

/// A task that begins after this look is not over before the shortest of these times.
Moment TaskTable::next_begin(Moment at) {
  auto& tasks = limited_.to_begin;
  const auto has_begun = [this](TaskName name) { return !is_to_begin(name); };
  while (!tasks.empty() && has_begun(tasks.front())) tasks.pop_front();
  if (tasks.size() > 2 * limited_.swept + 1024) {
    std::erase_if(tasks, has_begun);  // those that went before one that waits
    limited_.swept = tasks.size();
  }
  if (tasks.empty()) limited_.shortest = no_moment;
  return later(at, std::max(limited_.shortest, millisecond));
}

Moment TaskTable::end_requests(Moment at) {
  Moment next = no_moment;
  std::erase_if(limited_.requests, [&](const LimitedTasks::Due& request) {
    const TaskWord seen = look(request.name.record());
    if (seen.use() != request.name.use() || !seen.runs()) return true;
    if (request.at <= at) {
      static_cast<void>(condemn(request.name, false));
      return true;
    }
    next = std::min(next, request.at);
    return false;
  });
  return next;
}

Moment TaskTable::end_overdue(Moment at, std::vector<std::size_t>& condemned) {
  Moment next = no_moment;
  const auto seats = used_seats(board_);
  for (std::size_t i = 0; i < seats.size(); ++i) {
    const TaskName name{seats[i].at.load()};
    if (!name) continue;
    // After the name: what is read here may be that of the next task, but never of the one before.
    const Moment until = seats[i].until.load();
    const TaskWord seen = look(name.record());
    if (seen.use() != name.use() || !seen.runs()) continue;
    if (seen.state() != TaskWord::worker(seats[i].name.load())) continue;
    if (seen.is(TaskWord::condemned) || (until != 0 && until <= at && condemn(name, true)))
      condemned.push_back(i);
    else if (until > at)
      next = std::min(next, until);
  }
  return next;
}

// ---- of the dead

/// Ends a task whose worker cannot any more.
void TaskTable::finish(std::uint32_t record, TaskWord::State state) {
  TaskRecord& task = at(record);
  TaskWord seen = task.look();
  while (!seen.ended() && !task.change(seen, seen.ended_as(state))) {
  }
  if (!seen.ended() && state != TaskWord::refused) ++lost_;  // seen: what it replaced
  if (seen.is(TaskWord::waiting)) wake_waiting(task);
  if (seen.is(TaskWord::dropped)) give_back_blocks(record);
  tell_of(record);
  ends().notify_all();
}

bool TaskTable::was_asked_to_stop(const WorkerEnd& end) const {
  const SeatRecord* const seat = seat_of(TaskWord::worker(end.name));
  return seat != nullptr && seat->stop.is_for(end.at.bits());
}

}  // namespace multiprocessing::detail
