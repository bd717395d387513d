// Delivery: the thread of a pool's process in which callbacks run.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "multiprocessing/detail/delivered.hpp"
#include "pool/task_table.hpp"
#include "process/own_threads.hpp"

namespace multiprocessing::detail {

/// One per pool. Callbacks run one at a time, in the order in which what they wait for ended. The
/// thread ends when no task of the pool can end any more and all callbacks have run, so it may
/// outlive the pool when a callback of its own has destroyed that.
class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  explicit Delivery(std::shared_ptr<TaskTable> tasks) : tasks_(std::move(tasks)) {}
  Delivery(const Delivery&) = delete;

  /// Has the thread run, unless all tasks have ended. Throws OSError.
  void start();

  /// In its turn. The thread may have to be woken. False when it has ended.
  bool add(std::shared_ptr<Delivered> delivered) noexcept;

  /// Waits until the thread has ended: all tasks of the pool have, or are about to. Throws
  /// Interrupted. Nothing happens in the thread itself.
  void join();

  /// The same without an end by signals; the thread itself is left alone instead. No thread is
  /// started after that.
  void join_or_leave() noexcept;

  /// Whether this thread is it.
  [[nodiscard]] MULTIPROCESSING_API bool is_this_thread() const;

  /// Whether this thread is that of any.
  [[nodiscard]] MULTIPROCESSING_API static bool runs_in_this_thread();

  [[nodiscard]] TaskTable& tasks() const { return *tasks_; }

 private:
  void run();
  [[nodiscard]] std::shared_ptr<Delivered> take(bool last);

  const std::shared_ptr<TaskTable> tasks_;
  std::mutex mutex_;
  std::shared_ptr<Delivered> first_;  // guarded by the mutex, as is all below
  Delivered* last_ = nullptr;
  bool over_ = false;

  std::mutex joining_;
  std::atomic<std::uint32_t> running_{0};
  std::optional<OwnThread> counted_;
  std::thread thread_;
};

}  // namespace multiprocessing::detail
