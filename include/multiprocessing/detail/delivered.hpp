// Results that are given to callbacks before they are ready.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/task.hpp"

namespace multiprocessing::detail {

class Delivery;
class PoolCore;

/// What comes of one or more tasks, for which a callback waits in the pool's delivery thread. It is
/// kept until then, whichever other handle drops it.
class MULTIPROCESSING_API Delivered : public Follower,
                                      public std::enable_shared_from_this<Delivered> {
 public:
  /// Starts the thread if need be. Throws as PoolCore::check_open(), and OSError.
  explicit Delivered(PoolCore& pool);
  /// By a thread that runs.
  explicit Delivered(std::shared_ptr<Delivery> delivery) : delivery_(std::move(delivery)) {}
  ~Delivered() override;

  /// How many tasks will be submitted with this as their follower. None at all: it is delivered
  /// now.
  void expect(std::uint32_t tasks);

  void task_ended(std::uint32_t tag, std::shared_ptr<Follower> self) noexcept override;

 protected:
  /// Whether the callback has returned.
  [[nodiscard]] bool is_ready() const;

  /// Waits for that; false when it was not in time. Throws Interrupted, what wait_before() throws,
  /// and AssertionError in a
  /// callback of the same pool, which would wait for ever.
  [[nodiscard]] bool wait_until_ready(Timeout timeout) const;

 private:
  friend class Delivery;

  /// What a thread waits for first; false when that was not in time.
  [[nodiscard]] virtual bool wait_before(const Deadline&) const { return true; }

  /// Reads the results; false when they are an error.
  [[nodiscard]] virtual bool read() = 0;

  /// Calls the callback for what was read; throws what that does.
  virtual void call() = 0;

  void deliver() noexcept;

  enum Stage : std::uint32_t { pending, went_well, failed };

  const std::shared_ptr<Delivery> delivery_;
  std::atomic<std::uint32_t> missing_{0};  // tasks that have not ended
  std::atomic<std::uint32_t> stage_{pending};
  std::shared_ptr<Delivered> next_;  // in the order in which they ended
};

}  // namespace multiprocessing::detail
