#include "pool/task_table.hpp"

#include <bit>
#include <cerrno>
#include <string>
#include <utility>

#include "arena/event_count.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "pool/bell.hpp"
#include "pool/tokens.hpp"

namespace multiprocessing::detail {
namespace {

/// The half of a record's word in which every end shows: the mark of those that wait goes.
const std::atomic<std::uint32_t>& low_half(const std::atomic<std::uint64_t>& word) {
  static_assert(std::endian::native == std::endian::little);
  const void* low = &word;  // only its address is used, by the kernel
  return *static_cast<const std::atomic<std::uint32_t>*>(low);
}

/// Workers may have died of the signal that is to end this wait.
bool check_end(const TaskRecord& record) {
  const std::uint32_t state = record.look().state();
  if (state == TaskWord::lost || state == TaskWord::refused) check_interruption();
  return true;
}

}  // namespace

void wake_waiting(TaskRecord& record) { (void)wake(low_half(record.word)); }

TaskTable::TaskTable(Handle board, const PoolOptions& options)
    : creator_(self()),
      board_(std::move(board)),
      outputs_(board_),
      logs_unseen_failures_(options.log_unseen_failures),
      most_pending_(options.max_pending),
      tokens_(options.tokens),
      returned_(board_.as<Board>()->orders[returned], ring_links(board_, returned)),
      submitted_(board_.as<Board>()->orders[submitted], ring_links(board_, submitted)),
      ranked_(board_.as<Board>()->ranked,
              RankedEntries(ranked_links(board_), board_.as<Board>()->token_kinds),
              [this](TaskName name) {
                const TaskWord word = look(name.record());
                return word.state() == TaskWord::queued && word.use() == name.use();
              }) {
  segments_.reserve(most_segments);
}

TaskRecord& TaskTable::at(std::uint32_t record) const {
  return segments_[record / records_per_segment].as<TaskRecord>()[record % records_per_segment];
}

TaskLinks TaskTable::links(std::uint32_t record) const {
  return links_of(segments_[record / records_per_segment], record);
}

// ---- for callers

void TaskTable::check_open() const {
  const std::scoped_lock guard{mutex_};
  if (closed_) std::rethrow_exception(closed_);
}

std::uint32_t TaskTable::begin_call() {
  const std::scoped_lock guard{mutex_};
  if (closed_) std::rethrow_exception(closed_);
  if (++calls_ == 0) ++calls_;  // after 2^32 of them
  return calls_;
}

bool TaskTable::submit(const Writer& call, Envelope& mentioned, TaskTerms terms,
                       const TaskLimits& limits, std::uint32_t& record) {
  const std::uint32_t tries = tries_again(terms);
  TokenNeeds needs;
  if (terms.tokens != nullptr) needs = token_needs(tokens_, *terms.tokens);
  if (starts_.load(std::memory_order_relaxed)) {
    if (const auto starter = starter_.lock()) starter->start_for_a_task();
  }
  if (terms.capture_output) outputs_.begin();
  if (most_pending_ == 0) terms.room = TaskRoom::not_needed;
  if (terms.room != TaskRoom::not_needed && !take_room(terms.room)) return false;
  RoomTaken room(*this, terms.room != TaskRoom::not_needed);
  Block block;
  if (!fits_record(call, mentioned)) block = outcome_block(Outcome::results, call, mentioned);
  auto outside = outside_stop(terms.stop);
  bool queued = false;
  {
    const std::scoped_lock guard{mutex_};
    if (closed_) std::rethrow_exception(closed_);
    record = take_record();
    TaskRecord& task = at(record);
    try {
      if (block)
        std::move(block).give_to(links(record).call);
      else
        put(task, call);
      task.serial.store(next_serial(), std::memory_order_relaxed);
      task.retries.store(tries, std::memory_order_relaxed);
      if (terms.oom_retries != 0) oom_retries_[record] = terms.oom_retries;
      if (terms.follower != nullptr || room) note_follower(record, terms);
      keep_outside_stop(record, std::move(outside));
      if (starts_.load(std::memory_order_relaxed))
        unended_.push_back(TaskName{record, task.look().next_use()});
      queued = queue_in_time(record, terms, limits, std::move(needs));
      room.is_the_tasks();
    } catch (...) {
      if (is_followed(record)) followed_[record] = {};
      recycle(record);
      throw;
    }
  }
  if (!queued) return true;
  board_.as<Board>()->news.notify(1);
  if (board_.as<Board>()->vacant.load() != 0) ring(bell_);
  return true;
}

void TaskTable::queue(TaskName name, Rank rank) {
  if (rank.priority == 0 && rank.needs.empty()) return submitted_.push(name);
  ranks_[name.record()] = std::move(rank);
  queue_again(name);
}

/// Before those that came later.
void TaskTable::queue_again(TaskName name) {
  const auto ranked = ranks_.find(name.record());
  if (ranked == ranks_.end()) return returned_.push(name);
  const std::uint64_t serial = at(name.record()).serial.load(std::memory_order_relaxed);
  ranked_.push(name, {ranked->second.priority, serial}, ranked->second.needs);
}

bool TaskTable::await_end(std::uint32_t record, const Deadline& deadline) const {
  TaskRecord& task = at(record);
  for (Wait wait{back_off::messages, "AsyncResult.get"};;) {
    if (wait.spin([&] { return task.look().ended(); })) return check_end(task);
    if (deadline.passed()) return false;
    TaskWord seen = task.look();
    const TaskWord marked = seen.marked(TaskWord::waiting);
    if (seen.ended() || (seen.bits() != marked.bits() && !task.change(seen, marked))) continue;
    wait.sleep(low_half(task.word), static_cast<std::uint32_t>(marked.bits()), deadline);
  }
}

bool TaskTable::cancel(std::uint32_t record) {
  TaskRecord& task = at(record);
  const TaskWord before{end_if(task, TaskWord::queued, TaskWord::cancelled)};
  if (before.is(TaskWord::waiting)) wake_waiting(task);
  if (before.is(TaskWord::followed)) {
    const std::scoped_lock guard{mutex_};
    tell_of(record);
    ends().notify_all();
  }
  return task.look().state() == TaskWord::cancelled;
}

void TaskTable::give_back_record(std::uint32_t record) {
  TaskRecord& task = at(record);
  TaskWord seen = task.look();
  while (!seen.ended() && !task.change(seen, seen.marked(TaskWord::dropped))) {
  }
  const std::scoped_lock guard{mutex_};
  if (is_followed(record))
    followed_[record].follower.reset();
  else if (seen.ended())
    recycle(record);
  else
    dropped_.push_back(record);
}

std::uint32_t TaskTable::take_record() {
  if (free_.empty() && tell_of_listed()) ends().notify_all();
  if (free_.empty()) look_through_dropped();
  if (free_.empty()) add_segment();
  const std::uint32_t record = free_.back();
  free_.pop_back();
  return record;
}

void TaskTable::add_segment() {
  const std::size_t index = segments_.size();
  if (index == most_segments)
    throw_os_error(
        ENOMEM, "submit a task",
        std::to_string(index * records_per_segment) + " have not ended or been looked at");
  Handle made = Handle::make(records_per_segment * sizeof(TaskRecord), links_per_segment);
  free_.reserve((index + 1) * records_per_segment);
  hold(segment_links(board_)[index], made);
  segments_.push_back(std::move(made));
  const auto first = static_cast<std::uint32_t>(index * records_per_segment);
  for (std::uint32_t i = records_per_segment; i-- > 0;) free_.push_back(first + i);
}

/// A few of them, so that no caller pays for all: they end about in the order of their coming.
void TaskTable::look_through_dropped() {
  for (int i = 0; i < 8 && !dropped_.empty(); ++i) {
    const std::uint32_t record = dropped_.front();
    dropped_.pop_front();
    if (look(record).ended())
      recycle(record);
    else
      dropped_.push_back(record);
  }
}

void TaskTable::give_back_blocks(std::uint32_t record) const noexcept {
  // When a task is refused a worker may be at it still: its blocks go with all the others.
  if (look(record).state() == TaskWord::refused) return;
  const TaskLinks blocks = links(record);
  try {
    give_back(blocks.call);
    give_back(blocks.result);
  } catch (const std::exception&) {
    // The others took this process for dead, and have given them back.
  }
}

void TaskTable::recycle(std::uint32_t record) {
  give_back_blocks(record);
  losses_.erase(record);
  if (!ranks_.empty()) ranks_.erase(record);
  if (!oom_retries_.empty()) oom_retries_.erase(record);
  forget_outside_stop(record);
  TaskRecord& task = at(record);
  if ((task.marks.load(std::memory_order_relaxed) & TaskRecord::captured) != 0)
    give_back_output(record);
  task.word.store(TaskWord{task.look().use(), TaskWord::free}.bits());
  free_.push_back(record);
}

// ---- for the pool

void TaskTable::close(std::exception_ptr reason) {
  const std::scoped_lock guard{mutex_};
  closed_ = std::move(reason);
  ends().notify_all();  // for those that wait for room
}

/// Ends the records for whose word `ends` gives true.
template <class Ends>
void TaskTable::end_each(TaskWord::State as, Ends ends) {
  for (std::uint32_t record = 0; record < segments_.size() * records_per_segment; ++record) {
    TaskRecord& task = at(record);
    TaskWord seen = task.look();
    while (ends(seen) && !task.change(seen, seen.ended_as(as))) {
    }
    if (!ends(seen)) continue;
    if (seen.is(TaskWord::waiting)) wake_waiting(task);
    tell_of(record);
  }
}

void TaskTable::refuse(const std::exception_ptr& reason) {
  const std::scoped_lock guard{mutex_};
  if (!refused_) refused_ = reason;
  end_each(TaskWord::refused, [](TaskWord word) { return word.state() == TaskWord::queued; });
  ends().notify_all();
}

void TaskTable::cancel_queued() {
  const std::scoped_lock guard{mutex_};
  end_each(TaskWord::cancelled, [](TaskWord word) { return word.state() == TaskWord::queued; });
  ends().notify_all();
}

void TaskTable::refuse_all(const std::exception_ptr& reason) {
  const std::scoped_lock guard{mutex_};
  if (!refused_) refused_ = reason;
  over_ = true;
  end_each(TaskWord::refused,
           [](TaskWord word) { return word.state() == TaskWord::queued || word.runs(); });
  // All have ended; a worker may not live to put its own into the list.
  for (std::uint32_t record = 0; record < followed_.size(); ++record) tell_of(record);
  ends().notify_all();
}

bool TaskTable::had_task(const WorkerEnd& end) const {
  const std::scoped_lock guard{mutex_};
  return end.at && look(end.at.record()).state() == TaskWord::worker(end.name);
}

void TaskTable::take_from_the_dead(const WorkerEnd& end) {
  if (!end.at) return;
  const std::scoped_lock guard{mutex_};
  finish_telling(end);
  keep_output_of(end);
  const std::uint32_t record = end.at.record();
  const TaskWord word = look(record);
  if (word.state() == TaskWord::queued && word.use() == end.at.use()) {
    // It may have taken the entry, and not lived to claim the task. Twice in the order does no
    // harm.
    try {
      queue_again(end.at);
    } catch (const std::exception&) {
      lose(record, end);
    }
  } else if (word.state() == TaskWord::worker(end.name)) {
    if (word.is(TaskWord::condemned))
      finish(record, (at(record).marks.load() & TaskRecord::for_time) != 0 ? TaskWord::overdue
                                                                           : TaskWord::stopped);
    else if (was_asked_to_stop(end) || !retry(record, end))
      lose(record, end);
  } else {
    wake_waiting(at(record));  // it may have died before it did
  }
}

bool TaskTable::retry(std::uint32_t record, const WorkerEnd& end) {
  TaskRecord& task = at(record);
  const std::uint32_t left = task.retries.load();
  const bool alone = may_run_alone(record, end);
  if (refused_ || left <= (alone ? 0 : oom_retries(record))) return false;
  task.retries.store(left - 1);
  TaskWord seen = task.look();
  const std::uint32_t use = seen.next_use();
  while (!task.change(seen, TaskWord{use, TaskWord::queued, seen.marks()})) {
    if (seen.state() != TaskWord::worker(end.name)) return true;
  }
  try {
    if ((task.marks.load() & TaskRecord::limited) != 0) {
      limited_.add(TaskName{record, use}, limits_behind(task, links(record).call));
      have_watcher_look(0);
    }
    if (alone)
      queue_alone(TaskName{record, use});
    else
      queue_again(TaskName{record, use});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void TaskTable::lose(std::uint32_t record, const WorkerEnd& end) {
  if (!refused_)
    losses_.insert_or_assign(
        record, WorkerDied(describe(end) + (end.cause.empty() ? "" : ",") + " while it had ",
                           end.pid, end.exitcode));
  finish(record, refused_ ? TaskWord::refused : TaskWord::lost);
}

bool TaskTable::any_queued() const {
  const std::scoped_lock guard{mutex_};
  if (ranked_.any_queued() || !alone_.empty()) return true;
  for (OrderSide* order : {&returned_, &submitted_}) {
    while (const auto front = order->front()) {
      const TaskWord word = look(front->name.record());
      if (word.state() == TaskWord::queued && word.use() == front->name.use()) return true;
      static_cast<void>(OrderSide::take(*front));
    }
  }
  return false;
}

bool TaskTable::more_may_begin(std::size_t beside) const {
  if (!any_queued()) return false;
  const std::scoped_lock guard{mutex_};
  if (ranked_.more_may_run(Tokens(board_).free(), beside)) return true;
  return returned_.length() + submitted_.length() > beside;
}

}  // namespace multiprocessing::detail
