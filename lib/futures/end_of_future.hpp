// EndOfFuture: what is to happen when a future is done.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "futures/arrivals.hpp"
#include "multiprocessing/detail/future_state.hpp"
#include "multiprocessing/detail/task.hpp"

namespace multiprocessing::detail {

class Notice;

/// Apart from the future, because the table of tasks keeps it, and lets go of it where no future
/// may go. The callbacks of a task keep the future until they have run.
class EndOfFuture final : public Follower, public std::enable_shared_from_this<EndOfFuture> {
 public:
  using Callback = FutureState::Callback;

  /// False when it is done. `delivery`: whose thread calls them; null for a
  /// future that is set by hand.
  [[nodiscard]] bool add(const Callback& callback, const std::shared_ptr<FutureState>& future,
                         const std::shared_ptr<Delivery>& delivery);

  /// False when it is settled.
  [[nodiscard]] bool add(const std::shared_ptr<Arrivals>& arrivals, std::uint32_t tag);
  void forget(const Arrivals& arrivals);

  /// The task has ended: tells those that wait, and has the delivery thread call.
  void task_ended(std::uint32_t tag, std::shared_ptr<Follower> self) noexcept override;

  /// Tells those that wait.
  void settle() noexcept;

  /// Calls here what has not been called.
  void call(const std::shared_ptr<FutureState>& future) noexcept;

 private:
  struct Waiter {
    std::shared_ptr<Arrivals> arrivals;
    std::uint32_t tag;
  };

  std::mutex mutex_;
  // All below are guarded by the mutex.
  std::vector<Callback> callbacks_;
  std::shared_ptr<Notice> notice_;
  std::vector<Waiter> waiters_;
  bool called_ = false;
  bool settled_ = false;
};

/// Calls a callback. What it throws is told on standard error.
void call_isolated(const FutureState::Callback& callback,
                   const std::shared_ptr<FutureState>& future) noexcept;

}  // namespace multiprocessing::detail
