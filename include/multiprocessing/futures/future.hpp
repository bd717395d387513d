// Future: the result to come of a task of an executor.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// First: clang names the way to what cannot be sent, and this is the shortest one.
#include "multiprocessing/detail/codec.hpp"

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/fingerprint.hpp"
#include "multiprocessing/detail/future_state.hpp"
#include "multiprocessing/pool/async_result.hpp"

namespace multiprocessing {

class AnyFuture;
class ProcessPoolExecutor;

namespace detail {

class FuturesAccess;
class FuturesState;

template <class F, class R>
struct Continued {
  using type = std::invoke_result_t<F&, const R&>;
};
template <class F>
struct Continued<F, void> {
  using type = std::invoke_result_t<F&>;
};

/// Sets a future to what the call gives or throws, unless it was cancelled.
template <class R, class Call>
void set_by_call(FutureByHand<R>& future, Call call) {
  if (!future.set_running()) return;
  try {
    if constexpr (std::is_void_v<R>) {
      call();
      future.set();
    } else {
      future.set(call());
    }
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    if (error == nullptr) throw;  // pthread_cancel
    future.set_exception(error);
  }
}

}  // namespace detail

/// The result to come of `ProcessPoolExecutor::submit`, after Python's `concurrent.futures.Future`.
/// A copy is the same future; any number of threads may wait for it and look at it. It may outlive
/// its executor.
///
///     mp::Future<int> sum = executor.submit(add, 1, 2);
///     std::cout << sum.result();
///
/// It is pending, then running, which means that a worker runs it, then finished; or it was
/// cancelled. In another process than the one that submitted, such as a forked child, calls throw
/// `AssertionError`.
template <class R>
class Future {
 public:
  using value_type = R;

  /// A pending one, which is set by hand: for executors and tests.
  Future() : state_(std::make_shared<detail::FutureByHand<R>>()) {}

  /// Waits, and gives the result or throws what the task threw: as its own type when that is a
  /// standard or a registered one, else `RemoteError`. Throws `WorkerDied` when the worker died
  /// that ran it, `CancelledError`, `BrokenProcessPool`. As with `std::shared_future` an lvalue
  /// gives a reference.
  reference_to<R> result() const& { return result(Timeout::infinite); }

  /// Throws `TimeoutError` when it is not done by then; it may be asked again.
  reference_to<R> result(Timeout timeout) const& {
    detail::await_success(*state_, timeout);
    if constexpr (!std::is_void_v<R>) return state_->value();
  }

  /// An rvalue that is the last handle of its result moves it out; others copy. Throws
  /// `InvalidStateError` when it cannot be copied.
  R result() && { return std::move(*this).result(Timeout::infinite); }
  R result(Timeout timeout) && {
    detail::await_success(*state_, timeout);
    return detail::take_value(state_);
  }

  /// Waits, and gives what the task threw; null when it went well. Throws `CancelledError`.
  [[nodiscard]] std::exception_ptr exception() const { return exception(Timeout::infinite); }
  /// Throws `TimeoutError`.
  [[nodiscard]] std::exception_ptr exception(Timeout timeout) const {
    return state_->exception(timeout);
  }

  /// True: it has not begun and never will, and `result` throws `CancelledError`. False: it is
  /// running or finished.
  bool cancel() const { return state_->cancel(); }

  /// Cancels it, or ends it while it runs, as `AsyncResult::stop`: asks the task, and after the
  /// grace kills its worker, which is replaced. `result` throws `CancelledError` then. False: it
  /// has ended by itself. Waits until one or the other is so.
  bool stop(Timeout grace) const { return state_->stop(grace); }

  /// Also one that was stopped.
  [[nodiscard]] bool cancelled() const { return state_->is_cancelled(); }
  /// Whether a worker runs it now. Not one that only waits for a worker, as in Python.
  [[nodiscard]] bool running() const {
    const auto stage = state_->stage();
    return stage == detail::FutureState::running || stage == detail::FutureState::being_set;
  }
  /// Finished or cancelled.
  [[nodiscard]] bool done() const { return state_->ended(); }

  /// As `AsyncResult::output`: what the task wrote, with `SubmitOptions::capture_output`. Throws
  /// `ValueError` without, and before the end.
  [[nodiscard]] std::string output() const { return state_->output(); }

  /// Calls `callback` with this future once it is done, also when it was cancelled: in the thread
  /// for callbacks of its executor, in the order in which tasks end; where a future is set by hand,
  /// there. When it is done already, at once and here. What a callback throws is told on standard
  /// error. Throws `OSError` when that thread cannot be started.
  void add_done_callback(std::function<void(const Future&)> callback) const {
    state_->call_when_done([callback = std::move(callback)](const auto& state) {
      callback(Future(std::static_pointer_cast<State>(state)));
    });
  }

  /// The future of `f(result)`, or `f()` of one that gives nothing, which runs where callbacks do.
  /// An exception passes on, and `f` is not called.
  template <class F>
  auto then(F f) const {
    using Next = std::decay_t<typename detail::Continued<F, R>::type>;
    auto next = std::make_shared<detail::FutureByHand<Next>>();
    next->derive_from({state_});
    const auto shared = std::make_shared<F>(std::move(f));
    state_->call_when_done([next, shared](const auto& state) {
      detail::set_by_call(*next, [&]() -> Next {
        if (const auto error = state->error()) std::rethrow_exception(error);
        if constexpr (std::is_void_v<R>)
          return std::invoke(*shared);
        else
          return std::invoke(*shared, std::as_const(static_cast<State&>(*state).value()));
      });
    });
    return Future<Next>(std::move(next));
  }

  /// The same with `f` in a worker of the executor, to which the result is sent.
  template <class F>
  auto then_submit(ProcessPoolExecutor& executor, F f) const;

  /// A future of the standard library's with the same result, which is moved there if it cannot be
  /// copied.
  [[nodiscard]] std::future<R> std_future() const {
    const auto promise = std::make_shared<std::promise<R>>();
    std::future<R> future = promise->get_future();
    state_->call_when_done([promise](const auto& state) {
      if (const auto error = state->error())
        promise->set_exception(error);
      else if constexpr (std::is_void_v<R>)
        promise->set_value();
      else if constexpr (std::is_copy_constructible_v<R>)
        promise->set_value(static_cast<State&>(*state).value());
      else
        promise->set_value(std::move(static_cast<State&>(*state).value()));
    });
    return future;
  }

  /// For executors and tests: from pending to running, and true; false when it was cancelled. Of a
  /// task, and in another state, throws `InvalidStateError`.
  bool set_running_or_notify_cancel() const { return state_->set_running(); }

  /// For executors and tests. Throws `InvalidStateError` when it is done, or is a task's.
  template <class V = R>
  requires(!std::is_void_v<R> && std::constructible_from<R, V>) void set_result(V&& value) const {
    by_hand().set(std::forward<V>(value));
  }
  void set_result() const requires std::is_void_v<R> { by_hand().set(); }
  void set_exception(std::exception_ptr exception) const {
    state_->set_exception(std::move(exception));
  }

  friend bool operator==(const Future&, const Future&) = default;

  /// Python's `repr`: `<Future at 0x55d0 state=finished returned int>`.
  friend std::string to_string(const Future& future) {
    return future.state_->describe(std::is_void_v<R> ? "None" : detail::type_name<R>());
  }

 private:
  friend class AnyFuture;
  friend class ProcessPoolExecutor;
  friend class detail::FuturesAccess;
  friend class detail::FuturesState;
  friend struct std::hash<Future>;
  template <class>
  friend class Future;

  using State = detail::SharedResult<R, detail::FutureState>;

  explicit Future(std::shared_ptr<State> state) : state_(std::move(state)) {}

  [[nodiscard]] detail::FutureByHand<R>& by_hand() const {
    if (state_->submitted() != nullptr)
      throw InvalidStateError("the result of a task is set by its worker");
    return static_cast<detail::FutureByHand<R>&>(*state_);
  }

  std::shared_ptr<State> state_;
};

namespace detail {

/// What futures are handles of, for those that make futures of others.
class FuturesState {
 public:
  template <class R>
  static const std::shared_ptr<SharedResult<R, FutureState>>& of(const Future<R>& future) {
    return future.state_;
  }
  template <class R>
  static Future<R> future(std::shared_ptr<SharedResult<R, FutureState>> state) {
    return Future<R>(std::move(state));
  }
};

}  // namespace detail

/// A future of any type, for sets of mixed ones. Compares with what it was made from.
class AnyFuture {
 public:
  template <class R>
  AnyFuture(const Future<R>& future) : state_(future.state_) {}

  /// Throws `ValueError` when it is of another type.
  template <class R>
  [[nodiscard]] Future<R> as() const {
    using State = detail::SharedResult<R, detail::FutureState>;
    auto state = std::dynamic_pointer_cast<State>(state_);
    if (state == nullptr) throw ValueError("the future is none of " + detail::type_name<R>());
    return Future<R>(std::move(state));
  }

  [[nodiscard]] std::exception_ptr exception() const { return exception(Timeout::infinite); }
  [[nodiscard]] std::exception_ptr exception(Timeout timeout) const {
    return state_->exception(timeout);
  }
  bool cancel() const { return state_->cancel(); }
  [[nodiscard]] bool cancelled() const { return state_->is_cancelled(); }
  [[nodiscard]] bool running() const { return state_->stage() == detail::FutureState::running; }
  [[nodiscard]] bool done() const { return state_->ended(); }

  friend bool operator==(const AnyFuture&, const AnyFuture&) = default;

 private:
  friend class detail::FuturesAccess;
  explicit AnyFuture(std::shared_ptr<detail::FutureState> state) : state_(std::move(state)) {}

  std::shared_ptr<detail::FutureState> state_;
};

}  // namespace multiprocessing

/// Futures may be keys of unordered containers.
template <class R>
struct std::hash<multiprocessing::Future<R>> {
  std::size_t operator()(const multiprocessing::Future<R>& future) const noexcept {
    return std::hash<const void*>{}(future.state_.get());
  }
};
