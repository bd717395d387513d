// PoolCore: a pool's workers, and the thread that watches over them.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "multiprocessing/pool/pool.hpp"
#include "pool/active_job.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// The part of a Pool that does not know any types. Belongs to the process that made it; in a
/// forked child it is inert, and must be neither used nor destroyed there.
class PoolCore {
 public:
  PoolCore(const PoolOptions& options, WorkerFactory factory);
  ~PoolCore();
  PoolCore(const PoolCore&) = delete;

  void close();
  void terminate();
  void join();

  [[nodiscard]] int processes() const { return static_cast<int>(seats_.size()); }
  [[nodiscard]] std::vector<ProcessHandle> workers() const;

  /// Throws when the pool takes no more work, with the reason, or in another process.
  void check_open() const;

  /// Posts the job, waits for a place if all are taken. Throws as check_open().
  void post(ActiveJob& job);

  /// Takes the job down: no worker begins with it any more.
  void retire(ActiveJob& job);

  /// Reads the caller's view of the job with what the watcher writes shut out.
  [[nodiscard]] std::mutex& mutex() const { return mutex_; }

  /// Memory of an earlier job of at least `bytes` that nobody is at any more, or none: the pages of
  /// new memory cost more than all else in a small map.
  [[nodiscard]] Handle take_spare(std::size_t bytes);
  void keep_spare(Handle job, std::size_t bytes);

  [[nodiscard]] bool in_creator() const;
  [[nodiscard]] const Context& context() const { return context_; }

 private:
  enum class State { running, closed, terminated };

  struct Seat {
    std::optional<Process> process = {};
    int generation = 0;
    bool ended = true;
  };

  void start_worker(std::size_t seat);
  void start_all();
  void kill_all() noexcept;

  void watch();
  void watch_once();
  void tend_seat(std::size_t seat);
  void refill();
  [[nodiscard]] bool worker_wanted() const;
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] WorkerEnd end_of(std::size_t seat);
  void break_pool(const std::exception_ptr& reason);
  void break_after_failed_initializer();
  void stir_watcher() const;

  const pid_t creator_;
  const Context context_;
  const WorkerFactory factory_;
  const Handle board_;
  mutable std::mutex mutex_;
  std::condition_variable place_free_;

  // All below are guarded by the mutex.
  std::vector<Seat> seats_;
  std::vector<ActiveJob*> jobs_;  // by place on the board; null where one is free
  State state_ = State::running;
  std::exception_ptr broken_;
  int worker_number_ = 0;
  int deaths_before_serving_ = 0;  // in a row
  bool killed_ = false;            // terminate() has run out of patience
  Handle spare_;
  std::size_t spare_bytes_ = 0;

  UniqueFd bell_;  // an eventfd that has the watcher look again
  sigset_t creator_mask_;
  std::thread watcher_;
};

}  // namespace multiprocessing::detail
