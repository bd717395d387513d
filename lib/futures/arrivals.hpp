// Arrivals: which of several futures have ended, for one thread that waits for them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/deadline.hpp"
#include "multiprocessing/detail/event_count.hpp"
#include "multiprocessing/detail/future_state.hpp"
#include "pool/task_table.hpp"

namespace multiprocessing::detail {

/// Futures tell it of their ends. It is kept by those that have not ended.
class Arrivals {
 public:
  /// `tasks`: whose ends the waiting thread sleeps on; null: there are none.
  Arrivals(std::shared_ptr<TaskTable> tasks, std::size_t most) : tasks_(std::move(tasks)) {
    ended_.reserve(most);
  }
  Arrivals(const Arrivals&) = delete;

  /// By any thread, once for each future.
  void add(std::uint32_t tag) noexcept;

  /// Waits until a tag is there; false after the deadline. `stuck` may throw before a sleep.
  [[nodiscard]] bool await_any(const Deadline& deadline, const std::function<void()>& stuck);

  /// Those that have come since, in that order.
  [[nodiscard]] std::vector<std::uint32_t> take();

 private:
  [[nodiscard]] bool any() const { return any_.load(); }
  [[nodiscard]] EventCount& bell() { return tasks_ != nullptr ? tasks_->ends() : own_; }

  const std::shared_ptr<TaskTable> tasks_;
  EventCount own_{};
  std::mutex mutex_;
  std::vector<std::uint32_t> ended_;  // guarded by the mutex; has room for all
  std::atomic<bool> any_{false};
};

/// The futures that one thread waits for: it is told of their ends until it goes.
class Waiting {
 public:
  /// Tags are places in the list, in which no future is twice. Starts the threads for callbacks of
  /// pools but one; throws OSError.
  explicit Waiting(const std::vector<std::shared_ptr<FutureState>>& futures);
  ~Waiting();
  Waiting(const Waiting&) = delete;

  /// The places of some that have settled since the last call, those that had before first. Waits
  /// for one; empty after the deadline. Throws Interrupted, and AssertionError in a thread that has
  /// to run a callback before any can.
  [[nodiscard]] std::vector<std::uint32_t> next(const Deadline& deadline);

 private:
  [[nodiscard]] std::shared_ptr<TaskTable> choose_tasks() const;
  void start_others(const std::shared_ptr<TaskTable>& tasks) const;

  // Weak: a future that was given out is kept by the caller alone.
  std::vector<std::weak_ptr<FutureState>> futures_;
  std::shared_ptr<Arrivals> arrivals_;
  std::vector<std::uint32_t> settled_before_;
};

}  // namespace multiprocessing::detail
