// TaskTable: the tasks of a pool as the process that made it sees them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/deadline.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/task.hpp"
#include "multiprocessing/pool/pool_options.hpp"
#include "multiprocessing/pool/pool_stats.hpp"
#include "pool/active_job.hpp"
#include "pool/board.hpp"
#include "pool/outcome.hpp"
#include "pool/output_files.hpp"
#include "pool/task_bytes.hpp"
#include "pool/task_limits.hpp"

namespace multiprocessing::detail {

/// A pool whose workers start when there are tasks for them.
class WorkerStarter {
 public:
  /// Before a task is queued. Throws when there are no workers and none can be started.
  virtual void start_for_a_task() = 0;

 protected:
  ~WorkerStarter() = default;
};

/// Lives as long as the pool or a result of it. The death of its process ends the pool, so all that
/// is done here need not survive a kill; what workers do to records meanwhile is done to their
/// words. Any thread may call.
class TaskTable : public std::enable_shared_from_this<TaskTable> {
 public:
  TaskTable(Handle board, const PoolOptions& options);
  ~TaskTable();
  TaskTable(const TaskTable&) = delete;

  [[nodiscard]] bool in_creator() const { return self_if_any() == creator_; }

  // ---- for callers

  /// Throws when no more tasks are taken, with the reason.
  void check_open() const;

  /// What has the pool look for workers that have left; set once, before any task is submitted.
  void ring_for_workers(int bell) { bell_ = bell; }

  /// The number of the next call on the pool, from 1. Throws as check_open().
  [[nodiscard]] std::uint32_t begin_call();

  /// Queues a task; its record is the caller's until it gives it back. `record` is told before
  /// anything may be told of its end. Behind a call with limits are those. False when there was no
  /// room.
  [[nodiscard]] bool submit(const Writer& call, Envelope& mentioned, TaskTerms terms,
                            const TaskLimits& limits, std::uint32_t& record);

  [[nodiscard]] bool ended(std::uint32_t record) const { return look(record).ended(); }
  [[nodiscard]] bool await_end(std::uint32_t record, const Deadline& deadline) const;
  [[nodiscard]] bool cancel(std::uint32_t record);

  /// Ends it, and waits for that; false when it has ended by itself. Throws Interrupted.
  [[nodiscard]] bool stop(std::uint32_t record, Timeout grace);

  /// A task that runs is asked to stop, and after the grace its worker is killed; false when none
  /// runs. It is not tried again.
  bool ask_to_stop(std::uint32_t record, Timeout grace);

  /// Whether it was cancelled or stopped, for whatever reason.
  [[nodiscard]] bool stopped(std::uint32_t record) const;

  [[nodiscard]] bool lost(std::uint32_t record) const {
    return look(record).state() == TaskWord::lost;
  }
  [[nodiscard]] bool runs(std::uint32_t record) const { return look(record).runs(); }
  [[nodiscard]] bool cancelled(std::uint32_t record) const {
    const std::uint32_t state = look(record).state();
    return state == TaskWord::cancelled || state == TaskWord::stopped;
  }
  [[nodiscard]] bool failed(std::uint32_t record) const {
    const TaskWord word = look(record);
    return word.ended() && word.state() != TaskWord::done && !cancelled(record);
  }
  [[nodiscard]] bool failed_for_the_log(std::uint32_t record) const;
  void read_result(std::uint32_t record, void (*read)(void*, Reader&), void* state,
                   Elements elements, const Origin& origin);
  [[nodiscard]] std::string output(std::uint32_t record) const;
  void give_back_record(std::uint32_t record);

  // ---- for threads that follow tasks

  /// Has the follower told of the end of a task that was submitted without; false when the task has
  /// ended, and nothing is told.
  [[nodiscard]] bool follow(std::uint32_t record, std::shared_ptr<Follower> follower);

  /// To sleep on: it changes after each end of a followed task.
  [[nodiscard]] EventCount& ends() const { return board_.as<Board>()->ends; }

  /// Whether there is one to tell of.
  [[nodiscard]] bool any_end() const { return board_.as<Board>()->ended.load() != 0; }

  /// Tells the followers of tasks that have ended in workers; true when none can end any more.
  MULTIPROCESSING_API bool tell_of_ends();

  /// The pool's thread for callbacks; null when the pool has gone.
  [[nodiscard]] std::shared_ptr<Delivery> delivery() const { return delivery_.lock(); }

  // ---- for the pool

  /// Before any task is submitted.
  void deliver_by(const std::shared_ptr<Delivery>& delivery) { delivery_ = delivery; }

  /// Has the pool start a worker for each task until it says that it has all.
  void start_by(const std::shared_ptr<WorkerStarter>& starter);
  void start_none() { starts_ = false; }

  /// How many have been submitted since start_by() and have not ended.
  [[nodiscard]] std::size_t count_unended();

  /// They end as cancelled.
  void cancel_queued();

  /// No more tasks are taken.
  void close(std::exception_ptr reason);

  /// No task begins any more: those that are queued end with the reason, and so do those whose
  /// worker dies.
  void refuse(const std::exception_ptr& reason);

  /// Also those that a worker has, which can never end them now. That is the end of all tasks.
  void refuse_all(const std::exception_ptr& reason);

  /// Whether the dead worker had a task in hand; to be asked before that is taken from it.
  [[nodiscard]] bool had_task(const WorkerEnd& end) const;

  /// The worker's task is lost, or queued again while it may be retried. So is one that the worker
  /// was about to take. Its death has been settled.
  void take_from_the_dead(const WorkerEnd& end);

  /// Adds what is queued, runs and was lost.
  void count(PoolStats& stats) const;

  struct Tended {
    Moment next;                         // when to look again, if the bell does not ring
    std::vector<std::size_t> condemned;  // seats whose workers are to be killed for their task
  };
  /// Ends tasks whose time is over, where it can: some take a kill.
  [[nodiscard]] Tended tend_limits();

  /// Has tasks run alone that are to; `idle`: no worker runs anything. When to come again.
  [[nodiscard]] Moment tend_alone(bool idle);

  /// There may be so many workers. Throws OSError.
  void expect_workers(std::size_t workers) { outputs_.expect_workers(workers); }

  /// Whether there is a task that no worker has yet.
  [[nodiscard]] bool any_queued() const;

  /// Whether more than `beside` of them may begin now: some may lack tokens.
  [[nodiscard]] bool more_may_begin(std::size_t beside) const;

 private:
  struct OutsideStop;

  [[nodiscard]] std::shared_ptr<OutsideStop> outside_stop(const std::stop_token& token);
  void stop_from_outside(const OutsideStop& stop) noexcept;

  [[nodiscard]] TaskRecord& at(std::uint32_t record) const;
  [[nodiscard]] TaskLinks links(std::uint32_t record) const;
  void give_back_blocks(std::uint32_t record) const noexcept;
  [[nodiscard]] TaskWord look(std::uint32_t record) const { return at(record).look(); }

  // With the mutex held.
  [[nodiscard]] std::uint32_t take_record();
  void add_segment();
  void look_through_dropped();
  void recycle(std::uint32_t record);
  /// The room that a task has taken before it is submitted; goes back when it was not.
  class RoomTaken {
   public:
    RoomTaken(TaskTable& table, bool taken) : table_(taken ? &table : nullptr), taken_(taken) {}
    ~RoomTaken() {
      if (table_ != nullptr) table_->give_back_room();
    }
    RoomTaken(const RoomTaken&) = delete;

    [[nodiscard]] explicit operator bool() const { return taken_; }

    /// It goes when the task's end is told of.
    void is_the_tasks() { table_ = nullptr; }

   private:
    TaskTable* table_;
    const bool taken_;
  };
  [[nodiscard]] bool take_room(TaskRoom room);  // without the mutex held
  void give_back_room();                        // the same
  struct Rank {
    int priority = 0;
    TokenNeeds needs = {};
  };
  void queue(TaskName name, Rank rank);
  void queue_again(TaskName name);
  void note_follower(std::uint32_t record, TaskTerms& terms);
  [[nodiscard]] bool is_followed(std::uint32_t record) const;
  bool tell_of_listed() noexcept;
  void tell_of(std::uint32_t record) noexcept;
  void finish_telling(const WorkerEnd& end);
  void lose(std::uint32_t record, const WorkerEnd& end);
  void finish(std::uint32_t record, TaskWord::State state);
  [[nodiscard]] bool was_asked_to_stop(const WorkerEnd& end) const;
  bool queue_in_time(std::uint32_t record, const TaskTerms& terms, const TaskLimits& limits,
                     TokenNeeds needs);
  bool end_queued(std::uint32_t record, TaskWord::State state) noexcept;
  void keep_outside_stop(std::uint32_t record, std::shared_ptr<OutsideStop> stop);
  void forget_outside_stop(std::uint32_t record) noexcept;
  bool request(std::uint32_t record, Timeout grace);
  bool condemn(TaskName name, bool for_time) noexcept;
  void have_watcher_look(Moment by) const noexcept;
  [[nodiscard]] SeatRecord* seat_of(std::uint32_t worker) const;
  [[nodiscard]] bool is_to_begin(TaskName name) const;
  [[nodiscard]] Moment end_expired(Moment at);
  [[nodiscard]] Moment next_begin(Moment at);
  [[nodiscard]] Moment end_requests(Moment at);
  [[nodiscard]] Moment end_overdue(Moment at, std::vector<std::size_t>& condemned);
  [[nodiscard]] bool retry(std::uint32_t record, const WorkerEnd& end);
  [[nodiscard]] std::uint32_t oom_retries(std::uint32_t record) const;
  [[nodiscard]] bool may_run_alone(std::uint32_t record, const WorkerEnd& end);
  void queue_alone(TaskName name);
  void keep_output_of(const WorkerEnd& end);
  void give_back_output(std::uint32_t record) const noexcept;
  template <class Ends>
  void end_each(TaskWord::State as, Ends ends);

  const Member creator_;
  const Handle board_;
  OutputFiles outputs_;
  int bell_ = -1;
  const bool logs_unseen_failures_;
  const std::size_t most_pending_;  // that need room; 0: any number
  const std::map<std::string, int> tokens_;
  std::weak_ptr<Delivery> delivery_;
  std::weak_ptr<WorkerStarter> starter_;
  std::atomic<bool> starts_{false};
  mutable std::mutex mutex_;

  // Grows with the mutex held, and has room for all: who knows a record may look it up without.
  std::vector<Handle> segments_;

  // All below are guarded by the mutex.
  std::vector<std::uint32_t> free_;
  std::vector<TaskName> unended_;      // those that count; some may have ended
  std::deque<std::uint32_t> dropped_;  // not ended when their last result went
  mutable OrderSide returned_;
  mutable OrderSide submitted_;
  mutable RankedWriter ranked_;
  std::unordered_map<std::uint32_t, Rank> ranks_;         // of tasks with a rank
  std::unordered_map<std::uint32_t, int> oom_retries_;    // that are left, of those with any
  std::deque<TaskName> alone_;                            // to run alone, one after the other
  std::uint32_t calls_ = 0;                               // on the pool, so far
  std::exception_ptr closed_;                             // why no more are taken
  std::exception_ptr refused_;                            // why none begins any more
  std::unordered_map<std::uint32_t, WorkerDied> losses_;  // without what was lost

  // By record. One whose result has been dropped has no follower, and is given back when its end is
  // told of: until then the worker that ends it may be about to put it into the list of ends.
  struct Followed {
    bool untold = false;
    bool has_room = false;  // which goes to another task when its end is told of
    std::uint32_t tag = 0;
    std::shared_ptr<Follower> follower = {};
  };
  std::vector<Followed> followed_;
  std::size_t pending_ = 0;  // tasks with room
  std::size_t lost_ = 0;  // ended otherwise than by a worker, but not by a cancel or the pool's end
  bool over_ = false;     // no task can end any more

  LimitedTasks limited_;
  std::unordered_map<std::uint32_t, std::shared_ptr<OutsideStop>> outside_stops_;  // by record
  std::vector<std::shared_ptr<OutsideStop>> unused_stops_;
};

/// Wakes the threads that sleep until the task has ended.
void wake_waiting(TaskRecord& record);

}  // namespace multiprocessing::detail
