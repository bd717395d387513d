// AsyncResult: the result to come of a task.
#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/task.hpp"

namespace multiprocessing {

class Pool;

namespace detail {

template <class R>
struct ReferenceTo {
  using type = const R&;
};
template <>
struct ReferenceTo<void> {
  using type = void;
};

/// What all handles of one result share: the task, and what came of it once it has been read.
template <class R>
class SharedResult {
 public:
  explicit SharedResult(SubmittedTask task) : task_(std::move(task)) {}

  [[nodiscard]] const SubmittedTask& task() const { return task_; }

  /// What the task threw; null when it went well. It has ended.
  [[nodiscard]] std::exception_ptr error() {
    const std::scoped_lock guard{mutex_};
    if (!is_read_) {
      const Uninterrupted whole;  // what it mentions can be taken once
      try {
        task_.read_result(&read_one, this);
      } catch (...) {
        error_ = std::current_exception();
        if (error_ == nullptr) throw;  // pthread_cancel
      }
      is_read_ = true;
    }
    return error_;
  }

  /// Of a task that went well.
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  [[nodiscard]] Value& value() { return *value_; }

 private:
  static void read_one(void* state, [[maybe_unused]] Reader& reader) {
    [[maybe_unused]] auto& self = *static_cast<SharedResult*>(state);
    if constexpr (!std::is_void_v<R>) self.value_.emplace(read<R>(reader));
  }

  SubmittedTask task_;
  std::mutex mutex_;
  bool is_read_ = false;  // all below are guarded by the mutex until then, and constant after
  std::optional<Value> value_;
  std::exception_ptr error_;
};

}  // namespace detail

/// `const R&`, or nothing for nothing.
template <class R>
using reference_to = typename detail::ReferenceTo<R>::type;

/// The result to come of `Pool::apply_async`, after Python's `AsyncResult`. A copy is the same
/// result; any number of threads may wait for it and look at it. It may outlive its pool: what was
/// done by then is there, and everything else ends with the reason.
///
///     mp::AsyncResult<int> sum = pool.apply_async(add, 1, 2);
///     std::cout << sum.get();
///
/// A result that is dropped is done all the same, and nobody sees it. In another process than the
/// one that submitted the task, such as a forked child, calls throw `AssertionError`.
template <class R>
class AsyncResult {
 public:
  /// Waits for the task, and gives what it gave or throws what it threw: as its own type when that
  /// is a standard or a registered one, else `RemoteError`. Throws `WorkerDied` when the worker
  /// died that ran it, `CancelledError`, `ProcessError` after `terminate`, `BrokenProcessPool`.
  /// As with `std::shared_future` an lvalue gives a reference.
  reference_to<R> get() const& { return get(Timeout::infinite); }

  /// Throws `TimeoutError` when it is not done by then; it may be asked again.
  reference_to<R> get(Timeout timeout) const& {
    check(timeout);
    if constexpr (!std::is_void_v<R>) return shared_->value();
  }

  /// An rvalue that is the last handle of its result moves it out; others copy. Throws
  /// `InvalidStateError` when it cannot be copied.
  R get() && { return std::move(*this).get(Timeout::infinite); }
  R get(Timeout timeout) && {
    check(timeout);
    if constexpr (!std::is_void_v<R>) {
      if (shared_.use_count() == 1) return std::move(shared_->value());
      if constexpr (std::is_copy_constructible_v<R>)
        return shared_->value();
      else
        throw InvalidStateError("a result that cannot be copied has other handles, too");
    }
  }

  /// Waits until the task is done, in whatever way.
  void wait() const { static_cast<void>(wait(Timeout::infinite)); }
  /// Says whether it is.
  bool wait(Timeout timeout) const { return shared_->task().wait(timeout); }

  [[nodiscard]] bool ready() const { return shared_->task().ended(); }

  /// Whether it went well. Throws `ValueError` while it is not ready.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw ValueError("the result is not ready");
    return shared_->error() == nullptr;
  }

  /// True: the task has not begun and never will, and `get` throws `CancelledError`. False: it is
  /// running or done.
  bool cancel() const { return shared_->task().cancel(); }

  friend bool operator==(const AsyncResult&, const AsyncResult&) = default;

 private:
  friend class Pool;
  explicit AsyncResult(detail::SubmittedTask task)
      : shared_(std::make_shared<detail::SharedResult<R>>(std::move(task))) {}

  void check(Timeout timeout) const {
    if (!wait(timeout)) throw TimeoutError("the result has not come in time");
    if (const std::exception_ptr error = shared_->error()) std::rethrow_exception(error);
  }

  std::shared_ptr<detail::SharedResult<R>> shared_;
};

}  // namespace multiprocessing
