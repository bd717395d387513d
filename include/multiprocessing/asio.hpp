// The bridge to Boost.Asio: an event loop goes on while workers compute.
// Not part of multiprocessing.hpp: no other header knows Asio.
#pragma once

#include <utility>  // before awaitable.hpp of Boost 1.74, which forgets it

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/version.hpp>
#if BOOST_ASIO_VERSION >= 101900
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#endif

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_set>

#include "multiprocessing/detail/future_state.hpp"
#include "multiprocessing/futures/process_pool_executor.hpp"

namespace multiprocessing {

namespace detail {

template <class R>
struct BridgeSignature {
  static_assert(std::is_default_constructible_v<R>,
                "multiprocessing: what async_submit gives must have a default constructor, for "
                "Asio's handlers take a result beside the error; return a std::optional of it.");
  using type = void(std::exception_ptr, R);
};
template <>
struct BridgeSignature<void> {
  using type = void(std::exception_ptr);
};

/// A handler that waits for a future.
class BridgedHandler {
 public:
  virtual ~BridgedHandler() = default;

  /// Its loop goes: it is destroyed and never called.
  virtual void drop() = 0;
};

/// The handlers of one loop. A loop that goes before their futures are done destroys them, as it
/// does with those of its own operations.
class BridgeService : public boost::asio::execution_context::service {
 public:
  using key_type = BridgeService;
  static inline boost::asio::execution_context::id id;

  struct Waiting {
    std::mutex mutex;
    bool loop_is_gone = false;
    std::unordered_set<std::shared_ptr<BridgedHandler>> handlers;
  };

  explicit BridgeService(boost::asio::execution_context& loop)
      : boost::asio::execution_context::service(loop) {}

  [[nodiscard]] const std::shared_ptr<Waiting>& waiting() const { return waiting_; }

 private:
  void shutdown() override {
    std::unordered_set<std::shared_ptr<BridgedHandler>> handlers;
    {
      const std::scoped_lock guard{waiting_->mutex};
      waiting_->loop_is_gone = true;
      handlers.swap(waiting_->handlers);
    }
    for (const auto& handler : handlers) handler->drop();
  }

  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

template <class Executor>
[[nodiscard]] boost::asio::execution_context& loop_of(const Executor& executor) {
  if constexpr (boost::asio::can_query<const Executor&, boost::asio::execution::context_t>::value)
    return boost::asio::query(executor, boost::asio::execution::context);
  else
    return executor.context();  // as Asio's executors were before
}

/// One call. It belongs to its loop and to the end of the task, and goes with whichever is last.
template <class R, class Handler>
class BridgedCall final : public BridgedHandler,
                          public std::enable_shared_from_this<BridgedCall<R, Handler>> {
  using Executor = boost::asio::associated_executor_t<Handler>;

 public:
  explicit BridgedCall(Handler handler)
      : work_(std::in_place, boost::asio::get_associated_executor(handler)),
        handler_(std::move(handler)),
        loop_(boost::asio::use_service<BridgeService>(loop_of(work_->get_executor())).waiting()) {}

  /// Has the handler called in the loop once the task has ended.
  void wait_for(const std::shared_ptr<FutureOfTask<R>>& future) {
    future_ = future;
    listen();
    enter_loop();
    future->call_when_done([self = this->shared_from_this()](const auto& done) {
      self->complete(static_cast<FutureOfTask<R>&>(*done).error());
    });
  }

  /// The same with this error.
  void fail(std::exception_ptr error) {
    enter_loop();
    complete(std::move(error));
  }

  void drop() override {
    handler_.reset();
    work_.reset();
  }

 private:
  void enter_loop() {
    const std::scoped_lock guard{loop_->mutex};
    if (!loop_->loop_is_gone) loop_->handlers.insert(this->shared_from_this());
  }

  /// In the thread in which the task's end is told of, which has read the result: the loop has
  /// better things to do.
  void complete(std::exception_ptr error) {
    const std::scoped_lock guard{loop_->mutex};  // the loop stays meanwhile
    if (loop_->handlers.erase(this->shared_from_this()) == 0) return;
    boost::asio::post(work_->get_executor(),
                      [self = this->shared_from_this(), error = std::move(error)]() mutable {
                        self->call(std::move(error));
                      });
  }

  /// In the loop.
  void call(std::exception_ptr error) {
    Handler handler = std::move(*handler_);
    handler_.reset();
    const auto work = std::move(work_);
    work_.reset();
    const auto future = std::exchange(future_, {});
    forget_slot(handler);
    if constexpr (std::is_void_v<R>)
      std::move(handler)(std::move(error));
    else if (error != nullptr)
      std::move(handler)(std::move(error), R{});
    else
      std::move(handler)(std::exception_ptr{}, std::move(future->value()));
  }

#if BOOST_ASIO_VERSION >= 101900
  void listen() {
    auto slot = boost::asio::get_associated_cancellation_slot(*handler_);
    if (!slot.is_connected()) return;
    slot.assign([weak = this->weak_from_this()](boost::asio::cancellation_type type) {
      if (const auto self = weak.lock()) self->cancel(type);
    });
  }

  static void forget_slot(const Handler& handler) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.clear();
  }

  /// In the loop, as Asio asks of those that cancel.
  void cancel(boost::asio::cancellation_type type) {
    using boost::asio::cancellation_type;
    if (type == cancellation_type::none || future_ == nullptr || future_->cancel()) return;
    // What is to be cancelled without any effect is left alone once it runs.
    if (type == cancellation_type::total) return;
    future_->task.ask_to_stop(std::chrono::seconds{1});
  }
#else
  void listen() {}
  static void forget_slot(const Handler&) {}
#endif

  std::optional<boost::asio::executor_work_guard<Executor>> work_;
  std::optional<Handler> handler_;
  const std::shared_ptr<BridgeService::Waiting> loop_;
  std::shared_ptr<FutureOfTask<R>> future_;  // of the loop's threads alone
};

/// A call that waits for its handler, which Asio may bring later.
template <class F, class... A>
class AsioBridge {
  using Result = task_result<F, A...>;

 public:
  using Signature = typename BridgeSignature<Result>::type;

  template <class... Given>
  AsioBridge(ProcessPoolExecutor& executor, SubmitOptions options, F f, Given&&... arguments)
      : executor_(&executor),
        options_(std::move(options)),
        f_(std::move(f)),
        arguments_(kept<A>(std::forward<Given>(arguments))...) {}

  /// Throws nothing that `submit` throws: a coroutine is no more where it was.
  template <class Handler>
  void operator()(Handler&& handler) {
    const auto call = std::make_shared<BridgedCall<Result, std::decay_t<Handler>>>(
        std::forward<Handler>(handler));
    try {
      check_task<F, A...>();
      const auto future = std::make_shared<FutureOfTask<Result>>();
      std::apply(
          [&](const auto&... kept) {
            // It takes no room of max_pending, for the loop is not to wait for that.
            static_cast<void>(submit_call(executor_->core(), future->task, terms_of(options_), f_,
                                          shown<A>(kept)...));
          },
          arguments_);
      call->wait_for(future);
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      if (error == nullptr) throw;  // pthread_cancel
      call->fail(error);
    }
  }

 private:
  /// Views may end before Asio brings the handler.
  template <class Shown, class Given>
  static arrival_t<Shown> kept(Given&& given) {
    if constexpr (std::is_constructible_v<arrival_t<Shown>, Given>)
      return arrival_t<Shown>(std::forward<Given>(given));
    else
      return arrival_t<Shown>(given.begin(), given.end());
  }

  /// Text is kept here and shown as the pointer that was given.
  template <class Given, class Kept>
  static decltype(auto) shown(const Kept& kept) {
    if constexpr (std::is_pointer_v<Given> && std::is_same_v<Kept, std::string>)
      return kept.c_str();
    else
      return (kept);
  }

  ProcessPoolExecutor* executor_;
  SubmitOptions options_;
  F f_;
  std::tuple<arrival_t<A>...> arguments_;
};

template <class Token, class F, class... A>
auto bridge(ProcessPoolExecutor& executor, SubmitOptions options, Token&& token, F&& f,
            A&&... args) {
  using Bridge = AsioBridge<std::decay_t<F>, std::decay_t<A>...>;
  return boost::asio::async_initiate<Token, typename Bridge::Signature>(
      Bridge(executor, std::move(options), std::forward<F>(f), std::forward<A>(args)...), token);
}

/// What tells that no options came: the place of this header means nothing to a program.
[[nodiscard]] inline SubmitOptions unsaid_options() { return {.where = {nullptr, 0}}; }

template <class Token, class F, class... A>
concept BridgedWith = task_callable<F, A...> && !task_callable<Token, F, A...> &&
                      !std::convertible_to<Token, SubmitOptions>;

}  // namespace detail

/// Has a worker call `f` with the arguments, and then the completion handler of `token`, which is
/// any of Asio's completion tokens: `handler(std::exception_ptr, result)`, or
/// `handler(std::exception_ptr)` where `f` gives nothing. The result's type must have a default
/// constructor.
///
///     mp::async_submit(executor, asio::use_future, cube, 3);
///
/// The handler is called on its associated executor, the loop of which runs until then, and never
/// in this call. All that goes wrong comes as the exception, what `submit` throws included: the
/// task's exception, `WorkerDied`, `CancelledError`, `TimeoutError`, `BrokenProcessPool`. Waits for
/// nothing, so tasks take no room of `ExecutorOptions::max_pending`; a first task may start workers
/// in the calling thread.
///
/// Where Asio knows cancellation slots (Boost 1.77 and later) a cancelled operation cancels the
/// task, or, when it runs, stops it as `AsyncResult::stop` with a second of grace; of type `total`
/// it cancels only what has not begun. With any version `SubmitOptions::timeout` and
/// `SubmitOptions::stop` do the same.
///
/// A loop that is destroyed before destroys the handler; the task is done all the same. The call
/// may outlive its executor.
template <class Token, class F, class... A>
requires detail::BridgedWith<Token, F, A...>
auto async_submit(ProcessPoolExecutor& executor, Token&& token, F&& f, A&&... args) {
  return detail::bridge(executor, detail::unsaid_options(), std::forward<Token>(token),
                        std::forward<F>(f), std::forward<A>(args)...);
}

/// The same with options, which come first.
template <class Token, class F, class... A>
requires detail::BridgedWith<Token, F, A...>
auto async_submit(ProcessPoolExecutor& executor, SubmitOptions options, Token&& token, F&& f,
                  A&&... args) {
  return detail::bridge(executor, std::move(options), std::forward<Token>(token),
                        std::forward<F>(f), std::forward<A>(args)...);
}

#ifdef BOOST_ASIO_HAS_CO_AWAIT  // not with clang 14
/// `co_await async_submit(executor, f, args…)`, Python's `await loop.run_in_executor(executor, f,
/// args…)`: the coroutine goes on with the result, or the exception, and its loop meanwhile with
/// other work.
template <class F, class... A>
requires task_callable<F, A...> boost::asio::awaitable<task_result<F, A...>> async_submit(
    ProcessPoolExecutor& executor, F&& f, A&&... args) {
  return detail::bridge(executor, detail::unsaid_options(), boost::asio::use_awaitable,
                        std::forward<F>(f), std::forward<A>(args)...);
}

/// The same with options: `co_await async_submit(executor, {.timeout = 5s}, f, x)`.
template <class F, class... A>
requires task_callable<F, A...> boost::asio::awaitable<task_result<F, A...>> async_submit(
    ProcessPoolExecutor& executor, SubmitOptions options, F&& f, A&&... args) {
  return detail::bridge(executor, std::move(options), boost::asio::use_awaitable,
                        std::forward<F>(f), std::forward<A>(args)...);
}
#endif

}  // namespace multiprocessing
