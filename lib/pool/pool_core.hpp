// PoolCore: a pool's workers, and the thread that watches over them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "arena/blocks.hpp"
#include "base/deadline.hpp"
#include "multiprocessing/pool/pool.hpp"
#include "multiprocessing/process/stop_report.hpp"
#include "pool/active_job.hpp"
#include "pool/bell.hpp"
#include "pool/board.hpp"
#include "pool/delivery.hpp"
#include "pool/memory_kills.hpp"
#include "pool/task_limits.hpp"
#include "pool/task_table.hpp"
#include "process/fork_gate.hpp"
#include "process/own_threads.hpp"
#include "process/process_tree.hpp"
#include "process/program_end.hpp"

namespace multiprocessing::detail {

/// A pool that is stopped.
struct PoolStopping {
  Moment begun = 0;
  std::optional<Deadline> signal_at = {};     // those that have not obeyed by then
  std::optional<ProcessTree> signalled = {};  // these, and what they had started
  StopReport report = {};
};

/// An executor starts workers when there are tasks for them, and lets these be done at the end of
/// the program.
enum class PoolKind : bool { pool, executor };

/// The part of a Pool that does not know any types. Belongs to the process that made it: elsewhere,
/// such as in a forked child, every call throws AssertionError, and it must not be destroyed.
class MULTIPROCESSING_API PoolCore final : public WorkerStarter {
 public:
  /// One that is ended when the process ends before it does.
  [[nodiscard]] static std::shared_ptr<PoolCore> make(const PoolOptions& options,
                                                      WorkerFactory factory, PoolKind kind);
  ~PoolCore();
  PoolCore(const PoolCore&) = delete;

  void close();
  void terminate();
  void join();

  /// Asks the workers to end, then signals, then kills them, and waits until they have ended.
  /// Throws Interrupted; it goes on then.
  [[nodiscard]] StopReport stop(Timeout grace);

  /// Ends the workers now, after what has not begun was cancelled.
  void end_workers_now(void (Process::*signal)());
  void cancel_queued();

  /// Whether nothing is left to be done, and no worker is.
  [[nodiscard]] bool has_ended() const;

  void start_for_a_task() override;

  /// How many workers there are to be.
  [[nodiscard]] int processes() const { return wanted_.load(std::memory_order_relaxed); }
  void resize(int processes);
  [[nodiscard]] std::vector<ProcessHandle> workers() const;

  [[nodiscard]] PoolStats stats() const;

  /// Throws when the pool takes no more work, with the reason.
  void check_open() const;

  /// The tasks, which may take no more. Throws AssertionError in another process.
  [[nodiscard]] const std::shared_ptr<TaskTable>& tasks() const {
    if (!tasks_->in_creator()) check_creator();
    return tasks_;
  }

  /// The tasks, to which one may be added. Throws as check_open().
  [[nodiscard]] const std::shared_ptr<TaskTable>& open_tasks() const;

  /// The thread for callbacks of its tasks, which runs. Throws as check_open(), and OSError.
  [[nodiscard]] const std::shared_ptr<Delivery>& delivery() const;

  /// Posts the job, waits for a place if all are taken. Throws as check_open().
  void post(ActiveJob& job);

  /// Takes the job down: no worker begins with it any more.
  void retire(ActiveJob& job) noexcept;

  /// Guards what the watcher writes into jobs that are posted.
  [[nodiscard]] std::mutex& mutex() const { return mutex_; }

  /// Has each worker make that call, those that come later included.
  [[nodiscard]] Handle post_visit(Block call);

  /// Waits until those have made it that are there. The seats in which it was made.
  [[nodiscard]] std::vector<std::size_t> await_visit(Handle& results);
  void end_visit(const Handle& visit) noexcept;

  /// Memory of a job that is over. The pages of new memory cost more than all else in a small map.
  struct Spare {
    Handle job;
    std::size_t bytes = 0;
  };

  /// One of at least `bytes` that no worker holds any more, or none.
  [[nodiscard]] Spare take_spare(std::size_t bytes);
  void keep_spare(Spare spare);

  [[nodiscard]] bool in_creator() const { return creator_.is_this_process(); }

  /// Keeps a pool that was closed until its work is done.
  static void finish_alone(std::shared_ptr<PoolCore> pool);

  /// In a worker that was forked by the watcher: lets go of the jobs that it inherited. They would
  /// be kept in memory for as long as it lives.
  static void forget_inherited_jobs();

 private:
  PoolCore(const PoolOptions& options, WorkerFactory factory, PoolKind kind);

  enum class State { running, closed, terminated };

  struct Seat {
    std::optional<Process> process = {};
    bool ended = true;
    bool stranger = false;  // it is no member of the family any more, and was killed for it
    bool vacant = false;    // its worker has left for having nothing to do
    std::optional<Deadline> to_serve_by = {};  // until it serves
    std::optional<Deadline> stranger_by = {};  // once it is dead for the family
    bool condemned = false;                    // killed for its task
    EndedBy ended_by = EndedBy::itself;        // at most, as far as it was told to end

    /// Has been started while the worker serves still, to take its place.
    struct Next {
      Process process;
      Member member;
      std::optional<Deadline> to_be_ready_by;
    };
    std::optional<Next> next = {};

    /// Tells the worker to end; nothing happens when it has ended.
    void send(void (Process::*signal)()) noexcept;

    /// And the one that was to take its place.
    void send_both(void (Process::*signal)()) noexcept;
  };

  // In the thread that makes the pool.
  void start_all();
  void start_watcher();
  void start_watcher_or_break();
  void kill_all() noexcept;

  // In the watcher.
  [[nodiscard]] std::shared_ptr<PoolCore> watch() noexcept;
  void watch_to_the_end();
  void watch_once();
  void give_up(const std::exception_ptr& reason) noexcept;
  [[nodiscard]] Deadline next_look() const;
  [[nodiscard]] Deadline tend_tasks();
  [[nodiscard]] bool all_idle() const;
  void kill_for_their_tasks(const std::vector<std::size_t>& seats);
  void tend_seat(std::size_t seat);
  void tend_successor(std::size_t seat);
  [[nodiscard]] std::optional<WorkerEnd> end_of(std::size_t seat);
  void note_death(const WorkerEnd& end);
  void break_if_hopeless(const WorkerEnd& end, bool had_work);
  void end_late_initializers();
  void break_for_initializer(Process& worker);
  void end_strangers();
  void note_vacancy(std::size_t seat, bool vacant);
  void refill();
  void kill_the_stubborn();

  // With the mutex held.
  void start_worker(std::size_t seat);
  [[nodiscard]] bool wants_successor(std::size_t seat) const;
  void start_successor(std::size_t seat);
  void seat_successor(std::size_t seat);
  [[nodiscard]] Process start_process(std::size_t seat);
  void give_seat(std::size_t seat, Process process, const Member& member);
  void start_or_kill(Process& process);
  void keep_counts(std::size_t seat, std::size_t lost);
  void give_way_to(const ActiveJob& job);
  [[nodiscard]] bool worker_wanted() const;
  [[nodiscard]] bool any_work() const;
  [[nodiscard]] bool to_be_filled(std::size_t seat) const;
  [[nodiscard]] bool is_manned(std::size_t seat) const;
  void stir_visits();
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] bool any_serves() const;
  void end_workers(const std::exception_ptr& reason, void (Process::*signal)());
  [[nodiscard]] bool any_finished() const;
  void refuse_work(const std::exception_ptr& reason);
  void let_workers_leave();
  void hurry(Timeout grace);
  void ask_workers(const std::exception_ptr& reason, Timeout grace);
  void signal_those_that_do_not_obey();
  [[nodiscard]] std::vector<ProcessTree::Root> living_workers() const;
  void report(const Seat& seat, const WorkerEnd& end);
  void break_pool(const std::string& why);
  void break_pool(const std::exception_ptr& why);

  void check_creator() const;
  [[nodiscard]] std::exception_ptr closed_reason(const char* how) const;
  void stir_watcher() const;

  const Creator creator_;
  const bool executor_;
  const bool breaks_on_death_;
  const Context context_;
  const bool forks_;
  const WorkerFactory factory_;
  const Timeout initializer_timeout_;
  std::atomic<int> wanted_;  // how many workers; written with the mutex
  const Handle board_;
  const std::shared_ptr<TaskTable> tasks_;
  const std::shared_ptr<Delivery> delivery_;
  mutable std::mutex mutex_;
  std::condition_variable place_free_;

  // All below are guarded by the mutex.
  std::vector<Seat> seats_;       // more than are wanted, after the pool has become smaller
  std::vector<Handle*> visits_;   // results that are waited for
  std::size_t in_use_ = 0;        // of the seats of an executor; the others have had no worker
  std::vector<ActiveJob*> jobs_;  // by place on the board; null where one is free
  State state_ = State::running;
  std::exception_ptr broken_;
  std::optional<Deadline> patience_;  // for workers that were told to end
  std::optional<PoolStopping> stopping_;
  int worker_number_ = 0;
  WorkerShare share_;               // of those that are started from now on
  int deaths_before_serving_ = 0;   // in a row
  std::vector<WorkerDied> deaths_;  // in a row, of workers that had not finished any task
  MemoryKills memory_kills_;
  std::optional<Deadline> next_start_;
  struct {
    std::size_t done = 0, failed = 0, restarts = 0;
  } ended_;  // what workers had counted that have ended, and how many were replaced
  Spare spare_;
  std::shared_ptr<PoolCore> itself_;  // while it finishes alone
  bool watched_out_ = false;          // the watcher keeps nothing any more

  std::mutex visiting_;  // one visit is posted at a time
  Handle last_visit_;    // guarded by that

  Bell bell_;
  std::mutex joining_;  // std::thread::join is for one thread at a time
  std::atomic<std::uint32_t> watching_{0};
  std::optional<OwnThread> watcher_counted_;
  std::thread watcher_;
  std::optional<Finalizer> at_exit_;
};

}  // namespace multiprocessing::detail
