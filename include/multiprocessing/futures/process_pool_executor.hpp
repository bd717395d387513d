// ProcessPoolExecutor: functions in worker processes, and futures of what they give.
#pragma once

#include <concepts>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/zipped.hpp"
#include "multiprocessing/futures/future.hpp"
#include "multiprocessing/pool/pool.hpp"
#include "multiprocessing/pool/pool_stats.hpp"
#include "multiprocessing/pool/submit_options.hpp"

namespace multiprocessing {

namespace detail {

template <class F, class... A>
class AsioBridge;

template <class F, class R>
struct Submitted {
  using type = task_result<F, R>;
};
template <class F>
struct Submitted<F, void> {
  using type = task_result<F>;
};

}  // namespace detail

/// What may be said about an executor; Python's keyword arguments of `ProcessPoolExecutor`.
struct ExecutorOptions {
  /// How many workers at most, at least 1. None: `cpu_count()`.
  std::optional<int> max_workers = {};

  /// The start method of the workers. None: the program's, or `spawn` with max_tasks_per_child.
  std::optional<Context> mp_context = {};

  /// A worker is replaced by a fresh one after this many tasks. Not under `fork`. None: workers
  /// live as long as the executor.
  std::optional<int> max_tasks_per_child = {};

  /// What the death of a worker costs: its task, or, as in Python, all of them and the executor.
  OnWorkerDeath on_worker_death = OnWorkerDeath::fail_task;

  /// As `PoolOptions::initializer_timeout`.
  Timeout initializer_timeout = Timeout::infinite;

  /// As `PoolOptions::max_pending`: how many submitted tasks may not have ended; `submit` waits for
  /// room. 0: any number. Chunks of `map` and `then_submit` do not count.
  std::size_t max_pending = 0;

  /// As `PoolOptions::tokens`.
  std::map<std::string, int> tokens = {};

  /// As `PoolOptions::log_unseen_failures`.
  bool log_unseen_failures = true;
};

struct ShutdownOptions {
  /// For all tasks to be done. Without it the work goes on, also beyond the executor's own end, and
  /// the end of the program waits for it.
  bool wait = true;

  /// Cancels the tasks that have not begun.
  bool cancel_futures = false;
};

/// Worker processes that run single calls, after Python's
/// `concurrent.futures.ProcessPoolExecutor`.
///
///     long cube(long x) { return x * x * x; }
///
///     mp::ProcessPoolExecutor executor;
///     mp::Future<long> future = executor.submit(cube, 3);
///     std::cout << future.result();
///
/// What can be called and sent is what a `Pool` takes, on whose engine it stands. Workers start
/// when there is work and none is idle; under `fork` all of them at the first task. Its end, and
/// that of the program, let all work be done.
///
/// May be used by all threads of the process that made it; in another one, such as a forked child,
/// calls throw `AssertionError`, and its destructor does nothing.
class MULTIPROCESSING_API ProcessPoolExecutor {
 public:
  ProcessPoolExecutor() : ProcessPoolExecutor(ExecutorOptions{}) {}
  explicit ProcessPoolExecutor(int max_workers)
      : ProcessPoolExecutor(ExecutorOptions{.max_workers = max_workers}) {}

  /// Throws `ValueError` for impossible options. No process is started.
  explicit ProcessPoolExecutor(const ExecutorOptions& options);

  /// Each worker calls `initializer(initargs…)` before its first task.
  template <class F, class... A>
  requires(!std::is_arithmetic_v<std::remove_cvref_t<F>>)
      ProcessPoolExecutor(int max_workers, F&& initializer, A&&... initargs)
      : ProcessPoolExecutor(ExecutorOptions{.max_workers = max_workers},
                            std::forward<F>(initializer), std::forward<A>(initargs)...) {}
  template <class F, class... A>
  ProcessPoolExecutor(const ExecutorOptions& options, F&& initializer, A&&... initargs)
      : ProcessPoolExecutor(options,
                            Pool::factory<std::decay_t<F>, detail::arrival_t<A>...>(
                                std::forward<F>(initializer), std::forward<A>(initargs)...)) {}

  ProcessPoolExecutor(const ProcessPoolExecutor&) = delete;
  ProcessPoolExecutor& operator=(const ProcessPoolExecutor&) = delete;

  /// `shutdown()`, unless that was called: waits until all is done, as the end of Python's `with`.
  ~ProcessPoolExecutor();

  /// Has a worker call `f` with the arguments, and returns at once. Where `f` takes a `StopToken`
  /// before the arguments it is given one. Throws what cannot be sent, `OSError` when memory is
  /// short or no worker can be started, `BrokenProcessPool`, and after `shutdown` a
  /// `std::runtime_error`: then nothing has been submitted.
  template <class F, class... A>
  requires detail::submittable<F, A...> MULTIPROCESSING_CALLED_FROM Future<task_result<F, A...>>
  submit(F&& f, A&&... args) {
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    return *submit_to<task_result<F, A...>>(core(), detail::from_here(), f, args...);
  }

  /// The same with options, which come first: `executor.submit({.retries = 2}, f, x)`.
  template <class F, class... A>
  requires detail::submittable<F, A...> Future<task_result<F, A...>> submit(SubmitOptions options,
                                                                            F&& f, A&&... args) {
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    return *submit_to<task_result<F, A...>>(core(), terms_of(options, detail::TaskRoom::waited_for),
                                            f, args...);
  }

  /// The same, but nothing when `ExecutorOptions::max_pending` tasks are pending, where `submit`
  /// would wait.
  template <class F, class... A>
  requires detail::submittable<F, A...> MULTIPROCESSING_CALLED_FROM
      std::optional<Future<task_result<F, A...>>>
      try_submit(F&& f, A&&... args) {
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    return submit_to<task_result<F, A...>>(
        core(), detail::from_here(detail::TaskRoom::taken_if_free), f, args...);
  }
  template <class F, class... A>
  requires detail::submittable<F, A...> std::optional<Future<task_result<F, A...>>> try_submit(
      SubmitOptions options, F&& f, A&&... args) {
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    return submit_to<task_result<F, A...>>(
        core(), terms_of(options, detail::TaskRoom::taken_if_free), f, args...);
  }

  /// `f` of the elements of all ranges, side by side, until the shortest ends. Results are read one
  /// by one, in order. Input is drawn as `Pool::imap` does: all of it now if one of the ranges
  /// knows its size. A task's exception comes where its result would, and the iteration goes on;
  /// dropping it withdraws what has not begun.
  template <class F, std::ranges::input_range R>
  Results<value_of<std::decay_t<mapped<F, R>>>> map(F&& f, R&& items) {
    return map(MapOptions{}, std::forward<F>(f), std::forward<R>(items));
  }
  template <class F, std::ranges::input_range R, std::ranges::input_range... More>
  requires(sizeof...(More) > 0)
      Results<value_of<std::decay_t<detail::zipmapped<F, R, More...>>>> map(F&& f, R&& items,
                                                                            More&&... more) {
    return map(MapOptions{}, std::forward<F>(f), std::forward<R>(items),
               std::forward<More>(more)...);
  }

  /// The same with options, which come first: `executor.map({.chunksize = 10}, f, items)`.
  template <class F, std::ranges::input_range R>
  Results<value_of<std::decay_t<mapped<F, R>>>> map(MapOptions options, F&& f, R&& items) {
    return detail::iterate(core(), std::forward<F>(f), std::forward<R>(items), options,
                           detail::Order::of_input);
  }
  template <class F, std::ranges::input_range R, std::ranges::input_range... More>
  requires(sizeof...(More) > 0)
      Results<value_of<std::decay_t<detail::zipmapped<F, R, More...>>>> map(MapOptions options,
                                                                            F&& f, R&& items,
                                                                            More&&... more) {
    return detail::iterate(core(), detail::Starred<std::decay_t<F>>(std::forward<F>(f)),
                           detail::Zipped<R, More...>(std::in_place, std::forward<R>(items),
                                                      std::forward<More>(more)...),
                           options, detail::Order::of_input);
  }

  /// Takes no more work. May be called again, also in a callback.
  void shutdown(ShutdownOptions options = {});

  /// Ends the workers now, by SIGTERM and, a second later, SIGKILL: what they run fails, what has
  /// not begun is cancelled, and no more work is taken. Does not wait.
  void terminate_workers();
  /// The same by SIGKILL.
  void kill_workers();

  /// A look at its tasks and workers; costs a look at each worker.
  [[nodiscard]] PoolStats stats() const;

  /// The workers that live now.
  [[nodiscard]] std::vector<ProcessHandle> workers() const;

 private:
  template <class>
  friend class Future;
  template <class, class...>
  friend class detail::AsioBridge;

  ProcessPoolExecutor(const ExecutorOptions& options, detail::WorkerFactory factory);

  static detail::TaskTerms terms_of(const SubmitOptions& options, detail::TaskRoom room) {
    detail::TaskTerms terms = detail::terms_of(options);
    terms.room = room;
    return terms;
  }

  /// Nothing when there is no room.
  template <class Result, class F, class... A>
  static std::optional<Future<Result>> submit_to(detail::PoolCore& core, detail::TaskTerms terms,
                                                 const F& f, const A&... args) {
    const auto state = std::make_shared<detail::FutureOfTask<Result>>();
    if (!detail::submit_call(core, state->task, std::move(terms), f, args...)) return {};
    return Future<Result>(state);
  }

  [[nodiscard]] detail::PoolCore& core() const { return *core_; }

  std::shared_ptr<detail::PoolCore> core_;
  bool shut_down_ = false;
};

template <class R>
template <class F>
auto Future<R>::then_submit(ProcessPoolExecutor& executor, F f) const {
  using Next = typename detail::Submitted<F, R>::type;
  auto next = std::make_shared<detail::FutureByHand<Next>>();
  next->derive_from({state_}, executor.core_.get());
  state_->call_when_done([next, core = executor.core_, f = std::move(f)](const auto& state) {
    if (!next->set_running()) return;
    try {
      if (const auto error = state->error()) std::rethrow_exception(error);
      Future<Next> task = [&] {
        if constexpr (std::is_void_v<R>)
          return *ProcessPoolExecutor::submit_to<Next>(*core, {}, f);
        else
          return *ProcessPoolExecutor::submit_to<Next>(*core, {}, f,
                                                       static_cast<State&>(*state).value());
      }();
      task.state_->call_when_done([next](const auto& done) {
        using Done = typename Future<Next>::State;
        if (const auto error = done->error())
          next->set_exception(error);
        else if constexpr (std::is_void_v<Next>)
          next->set();
        else
          next->set(std::move(static_cast<Done&>(*done).value()));
      });
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      if (error == nullptr) throw;  // pthread_cancel
      next->set_exception(error);
    }
  });
  return Future<Next>(std::move(next));
}

}  // namespace multiprocessing
