// FutureState: what all handles of a future share.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/shared_result.hpp"
#include "multiprocessing/detail/task.hpp"

namespace multiprocessing::detail {

class Arrivals;
class EndOfFuture;

/// That of a task, or of a future that is set by hand: by a program, or by what it was derived
/// from. Any thread may call; in a forked child all calls throw AssertionError for a task.
class MULTIPROCESSING_API FutureState : public AnyResult,
                                        public std::enable_shared_from_this<FutureState> {
 public:
  enum Stage : std::uint32_t {
    pending,
    running,
    being_set,
    cancelled,  // and not yet told: set_running() tells
    notified,   // of that it was cancelled
    finished,
  };
  using Callback = std::function<void(const std::shared_ptr<FutureState>&)>;

  FutureState();
  ~FutureState() override;

  [[nodiscard]] bool ended() const override;
  [[nodiscard]] bool wait(Timeout timeout) const override;
  [[nodiscard]] bool cancel() const override;
  [[nodiscard]] bool stop(Timeout) const override { return cancel(); }

  [[nodiscard]] Stage stage() const;
  [[nodiscard]] bool is_cancelled() const { return stage() == cancelled || stage() == notified; }

  /// Whether those that wait for several futures take it for done.
  [[nodiscard]] bool settled() const { return stage() >= notified; }

  /// Whether it has finished with an exception; it is not read.
  [[nodiscard]] bool failed() const;

  /// Throws CancelledError, and TimeoutError; null when it went well.
  [[nodiscard]] std::exception_ptr exception(Timeout timeout);

  /// Once it is done: in the delivery thread of a task, or where it is set by hand; at once when it
  /// is done already. What it throws is told on standard error. Throws OSError.
  void call_when_done(Callback callback);

  /// Adds the tag to the arrivals once it is settled; false when it is already.
  [[nodiscard]] bool arrive(const std::shared_ptr<Arrivals>& arrivals, std::uint32_t tag);
  void forget(const Arrivals& arrivals);

  /// Null for one that is set by hand.
  [[nodiscard]] virtual const SubmittedTask* submitted() const { return nullptr; }

  // ---- for those set by hand; InvalidStateError for others

  /// From pending to running; false when it was cancelled, which is told then.
  [[nodiscard]] bool set_running();
  void set_exception(std::exception_ptr exception);

  /// Throws AssertionError in a thread that has to run a callback before this can be done.
  void check_not_stuck() const;

  /// What it was derived from, and the pool that has a part in it, before any other thread has it.
  void derive_from(std::vector<std::weak_ptr<FutureState>> origins, PoolCore* pool = nullptr);

  /// <Future at 0x… state=…>, where `type` is what a result would be.
  [[nodiscard]] std::string describe(const std::string& type);

 protected:
  /// Throws InvalidStateError when it cannot be set; then finish() has to follow.
  void begin_setting();
  void finish();

  /// Throws what was set instead of a result.
  void throw_what_was_set() const;

 private:
  [[nodiscard]] std::shared_ptr<EndOfFuture> end();
  [[nodiscard]] std::shared_ptr<EndOfFuture> end_if_any() const;
  void follow_task(const std::shared_ptr<EndOfFuture>& end);
  [[nodiscard]] bool waits_for_this_thread() const;

  mutable std::atomic<std::uint32_t> stage_{pending};  // of one set by hand
  std::exception_ptr given_error_;                     // constant once it has finished
  mutable std::mutex mutex_;
  std::shared_ptr<EndOfFuture> end_;  // once anything waits for it; guarded by the mutex
  bool followed_ = false;             // a task's end; guarded by the mutex
  std::vector<std::weak_ptr<FutureState>> origins_;
  std::weak_ptr<TaskTable> tasks_;  // of that pool
};

template <class R>
class FutureOfTask final : public ResultOfTask<R, FutureState> {
 public:
  [[nodiscard]] const SubmittedTask* submitted() const override { return &this->task; }
};

template <class R>
class FutureByHand final : public SharedResult<R, FutureState> {
 public:
  using typename SharedResult<R, FutureState>::Value;

  template <class... V>
  void set(V&&... value) {
    auto made = std::make_unique<Value>(std::forward<V>(value)...);
    this->begin_setting();
    result_ = std::move(made);
    this->finish();
  }

 private:
  void read_into(std::optional<Value>& value) override {
    this->throw_what_was_set();
    value.emplace(std::move(*result_));
    result_.reset();
  }

  std::unique_ptr<Value> result_;
};

}  // namespace multiprocessing::detail
