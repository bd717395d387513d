// AsyncResult: the result to come of a task.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

// First: clang names the way to what cannot be sent, and this is the shortest one.
#include "multiprocessing/detail/codec.hpp"

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/shared_result.hpp"

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
/// With a callback it is ready when that has returned. A result that is dropped is done all the
/// same, and nobody but its callback sees it. In another process than the
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
    detail::await_success(*shared_, timeout);
    if constexpr (!std::is_void_v<R>) return shared_->value();
  }

  /// An rvalue that is the last handle of its result moves it out; others copy. Throws
  /// `InvalidStateError` when it cannot be copied.
  R get() && { return std::move(*this).get(Timeout::infinite); }
  R get(Timeout timeout) && {
    detail::await_success(*shared_, timeout);
    return detail::take_value(shared_);
  }

  /// Waits until the task is done, in whatever way.
  void wait() const { static_cast<void>(wait(Timeout::infinite)); }
  /// Says whether it is.
  bool wait(Timeout timeout) const { return shared_->wait(timeout); }

  [[nodiscard]] bool ready() const { return shared_->ended(); }

  /// Whether it went well. Throws `ValueError` while it is not ready.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw ValueError("the result is not ready");
    return shared_->error() == nullptr;
  }

  /// True: the task has not begun and never will, and `get` throws `CancelledError`. False: it is
  /// running or done.
  bool cancel() const { return shared_->cancel(); }

  /// Ends the task in any case, and returns when it has ended. One that has not begun is cancelled.
  /// One that runs sees that `this_task::stop_requested()`, or the `StopToken` that it takes, is
  /// true; if it has not ended after the grace its worker is killed, with the processes that the
  /// task has started, and replaced. Of a map all chunks share the grace.
  ///
  /// False: it has ended by itself, also by obeying, and its result is what it gave. True: `get`
  /// throws `CancelledError`; or `TimeoutError` when its own time was over before.
  bool stop(Timeout grace) const { return shared_->stop(grace); }

  /// What the task wrote to standard output and standard error, in its order, with what its child
  /// processes and C code wrote; also of a task whose worker died or was killed. Of more than 1 MiB
  /// the last one, behind a line that says how much is missing; of a task that was tried again,
  /// that of the last try. Throws `ValueError` without `capture_output`, and before the end.
  [[nodiscard]] std::string output() const { return shared_->output(); }

  friend bool operator==(const AsyncResult&, const AsyncResult&) = default;

 private:
  friend class Pool;
  explicit AsyncResult(std::shared_ptr<detail::SharedResult<R>> shared)
      : shared_(std::move(shared)) {}

  std::shared_ptr<detail::SharedResult<R>> shared_;
};

}  // namespace multiprocessing
