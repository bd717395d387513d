// Pool: worker processes that run functions over ranges.
#pragma once

#include <algorithm>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/detail/pool_calls.hpp"
#include "multiprocessing/detail/task.hpp"
#include "multiprocessing/detail/visit.hpp"
#include "multiprocessing/pool/async_result.hpp"
#include "multiprocessing/pool/callbacks.hpp"
#include "multiprocessing/pool/mapped.hpp"
#include "multiprocessing/pool/pool_options.hpp"
#include "multiprocessing/pool/pool_stats.hpp"
#include "multiprocessing/pool/results.hpp"
#include "multiprocessing/pool/task_callable.hpp"
#include "multiprocessing/process/process.hpp"
#include "multiprocessing/process/stop_report.hpp"

namespace multiprocessing {

namespace detail {

class PoolCore;

/// Makes one worker, which serves `board` from `seat`; called again whenever one has to be
/// replaced.
using WorkerFactory = std::function<Process(const Context& context, ProcessOptions options,
                                            const Handle& board, int seat)>;

/// What a worker does from start to end; `initialise` runs first.
MULTIPROCESSING_API void serve(const Handle& board, int seat,
                               const std::function<void()>& initialise);

template <class F, class... A>
void serve_initialised(Handle board, int seat, F initializer, A... arguments) {
  serve(board, seat, [&] { std::invoke(std::move(initializer), std::move(arguments)...); });
}
[[nodiscard]] MULTIPROCESSING_API std::shared_ptr<PoolCore> make_pool(const PoolOptions& options,
                                                                      WorkerFactory factory);

}  // namespace detail

/// Worker processes that run a function over a range, after Python's `multiprocessing.Pool`.
///
///     double area(double radius) { return 3.14159 * radius * radius; }
///
///     mp::Pool pool;  // as many workers as there are processors
///     std::vector<double> areas = pool.map(area, std::vector{1.0, 2.0, 3.0});
///
/// Functions are free functions, static members, lambdas without captures, functors with
/// `serialize`, `mp::partial`. Elements, results and exceptions cross by themselves.
///
/// A worker that dies, by a crash, a signal or `std::exit`, fails the chunk it had with
/// `WorkerDied` and is replaced; everything else goes on. A pool whose workers cannot be started,
/// or whose initializer throws, is broken: then every call throws `BrokenProcessPool`.
///
/// May be used by all threads of the process that made it. In another process, such as a forked
/// child, it is inert: calls throw `AssertionError`, and its destructor does nothing. Workers are
/// daemons, which die with the process that made the pool; their tasks may make pools, which die
/// with the worker. A pool that still lives when the program ends is terminated.
class MULTIPROCESSING_API Pool {
 public:
  /// As many workers as `cpu_count()` says. Throws `OSError` when they cannot be started.
  Pool() : Pool(PoolOptions{}) {}

  /// Throws `ValueError` for fewer than one process.
  explicit Pool(int processes) : Pool(PoolOptions{.processes = processes}) {}
  explicit Pool(PoolOptions options);

  /// Each worker calls `initializer(initargs…)` before its first task.
  template <class F, class... A>
  requires(!std::is_arithmetic_v<std::remove_cvref_t<F>>)
      Pool(int processes, F&& initializer, A&&... initargs)
      : Pool(PoolOptions{.processes = processes}, std::forward<F>(initializer),
             std::forward<A>(initargs)...) {}

  template <class F, class... A>
  Pool(PoolOptions options, F&& initializer, A&&... initargs)
      : core_(detail::make_pool(options,
                                factory<std::decay_t<F>, detail::arrival_t<A>...>(
                                    std::forward<F>(initializer), std::forward<A>(initargs)...))) {}

  /// What was moved from throws `ValueError` when it is used. Assigning ends the pool that was
  /// there as its destructor does, so a server replaces its pool by `pool = mp::Pool(4);`: the new
  /// one is made first.
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&&) noexcept = default;

  /// Terminates, as leaving Python's `with` does, and joins.
  ~Pool();

  /// `f` of each element, in order. Returns when all are done; a failure does not stop the others.
  ///
  /// Throws the exception of a task as its own type when that is a standard or a registered one,
  /// else `RemoteError`; the rest of a chunk is skipped behind it. Throws `WorkerDied`, naming the
  /// first element that was lost, when a worker died; `ValueError` once the pool is closed.
  template <class F, std::ranges::input_range R>
  list_of<mapped<F, R>> map(F&& f, R&& items) {
    return detail::map_now(core(), std::forward<F>(f), std::forward<R>(items), MapOptions{});
  }
  // Tells a function of the program's from one of the system's that has its name, such as `read`.
  template <class Result, class P, std::ranges::input_range R>
  list_of<mapped<Result (*)(P), R>> map(Result (*f)(P), R&& items) {
    return detail::map_now(core(), f, std::forward<R>(items), MapOptions{});
  }
  template <class F, std::ranges::input_range R, std::same_as<int> C>
  list_of<mapped<F, R>> map(F&& f, R&& items, C chunksize) {
    return detail::map_now(core(), std::forward<F>(f), std::forward<R>(items),
                           MapOptions{.chunksize = chunksize});
  }
  template <class F, std::ranges::input_range R>
  list_of<mapped<F, R>> map(F&& f, R&& items, MapOptions options) {
    return detail::map_now(core(), std::forward<F>(f), std::forward<R>(items), options);
  }
  template <class F, class T>
  list_of<mapped<F, std::initializer_list<T>>> map(F&& f, std::initializer_list<T> items) {
    return detail::map_now(core(), std::forward<F>(f), items, MapOptions{});
  }
  template <class F, class T, std::same_as<int> C>
  list_of<mapped<F, std::initializer_list<T>>> map(F&& f, std::initializer_list<T> items,
                                                   C chunksize) {
    return detail::map_now(core(), std::forward<F>(f), items, MapOptions{.chunksize = chunksize});
  }
  template <class F, class T>
  list_of<mapped<F, std::initializer_list<T>>> map(F&& f, std::initializer_list<T> items,
                                                   MapOptions options) {
    return detail::map_now(core(), std::forward<F>(f), items, options);
  }

  /// `map` for elements that are tuples, pairs or arrays of arguments: `f(a, b)` of each.
  template <class F, std::ranges::input_range R>
  list_of<starmapped<F, R>> starmap(F&& f, R&& items, MapOptions options = {}) {
    return detail::map_now(core(), starred(std::forward<F>(f)), std::forward<R>(items), options);
  }
  template <class F, std::ranges::input_range R, std::same_as<int> C>
  list_of<starmapped<F, R>> starmap(F&& f, R&& items, C chunksize) {
    return starmap(std::forward<F>(f), std::forward<R>(items), MapOptions{.chunksize = chunksize});
  }

  /// `map` that returns at once: the list is the result to come. The input is drawn before any of
  /// it is begun; what it throws comes out here. `cancel` of the result is true when the first
  /// chunk has not begun: then no other that has not begun will.
  template <class F, std::ranges::input_range R>
  AsyncResult<list_of<mapped<F, R>>> map_async(F&& f, R&& items, MapOptions options = {},
                                               Callbacks<list_of<mapped<F, R>>> callbacks = {}) {
    return later(detail::map_later(core(), std::forward<F>(f), std::forward<R>(items), options,
                                   std::move(callbacks)));
  }
  template <class F, std::ranges::input_range R>
  AsyncResult<list_of<mapped<F, R>>> map_async(F&& f, R&& items,
                                               Callbacks<list_of<mapped<F, R>>> callbacks) {
    return later(detail::map_later(core(), std::forward<F>(f), std::forward<R>(items), {},
                                   std::move(callbacks)));
  }
  template <class F, std::ranges::input_range R, std::same_as<int> C>
  AsyncResult<list_of<mapped<F, R>>> map_async(F&& f, R&& items, C chunksize) {
    return later(detail::map_later(core(), std::forward<F>(f), std::forward<R>(items),
                                   {.chunksize = chunksize}, {}));
  }
  template <class F, std::ranges::input_range R>
  AsyncResult<list_of<starmapped<F, R>>> starmap_async(
      F&& f, R&& items, MapOptions options = {},
      Callbacks<list_of<starmapped<F, R>>> callbacks = {}) {
    return later(detail::map_later(core(), starred(std::forward<F>(f)), std::forward<R>(items),
                                   options, std::move(callbacks)));
  }
  template <class F, std::ranges::input_range R>
  AsyncResult<list_of<starmapped<F, R>>> starmap_async(
      F&& f, R&& items, Callbacks<list_of<starmapped<F, R>>> callbacks) {
    return later(detail::map_later(core(), starred(std::forward<F>(f)), std::forward<R>(items), {},
                                   std::move(callbacks)));
  }

  /// `f` of each element, whose results are read one by one, in order. Elements are drawn from the
  /// input in this call and in `next`, in the thread that calls: a range that knows its size all at
  /// once, others as results are read, see `MapOptions::buffersize`; so the input may be endless.
  /// An lvalue is referred to until its last element has been drawn, an rvalue is moved in. What
  /// the input throws comes behind the results of the elements before, and ends the iteration; so
  /// does `ValueError` for what is to be drawn once the pool is closed.
  template <class F, std::ranges::input_range R>
  Results<value_of<std::decay_t<mapped<F, R>>>> imap(F&& f, R&& items, MapOptions options = {}) {
    return detail::iterate(core(), std::forward<F>(f), std::forward<R>(items), options,
                           detail::Order::of_input);
  }
  template <class F, std::ranges::input_range R, std::same_as<int> C>
  Results<value_of<std::decay_t<mapped<F, R>>>> imap(F&& f, R&& items, C chunksize) {
    return imap(std::forward<F>(f), std::forward<R>(items), MapOptions{.chunksize = chunksize});
  }

  /// The same in the order in which they come.
  template <class F, std::ranges::input_range R>
  Results<value_of<std::decay_t<mapped<F, R>>>> imap_unordered(F&& f, R&& items,
                                                               MapOptions options = {}) {
    return detail::iterate(core(), std::forward<F>(f), std::forward<R>(items), options,
                           detail::Order::of_ends);
  }
  template <class F, std::ranges::input_range R, std::same_as<int> C>
  Results<value_of<std::decay_t<mapped<F, R>>>> imap_unordered(F&& f, R&& items, C chunksize) {
    return imap_unordered(std::forward<F>(f), std::forward<R>(items),
                          MapOptions{.chunksize = chunksize});
  }

  /// Has a worker call `f` with the arguments, and returns at once. Arguments, results and
  /// exceptions cross as those of `map` do; the result may be move-only. `f` may take a `StopToken`
  /// first. Throws what cannot be sent, `OSError` and, once it is closed, `ValueError`.
  template <class F, class... A>
  requires detail::submittable<F, A...>
      MULTIPROCESSING_CALLED_FROM AsyncResult<task_result<F, A...>> apply_async(F&& f,
                                                                                A&&... args) {
    using Result = task_result<F, A...>;
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    const auto result = std::make_shared<detail::ResultOfTask<Result>>();
    detail::submit_call(core(), result->task, detail::from_here(), f, args...);
    return AsyncResult<Result>(result);
  }

  /// The same with options, which come first: `pool.apply_async({.callback = use}, f, x)`.
  template <class F, class... A>
  requires detail::submittable<F, A...> AsyncResult<task_result<F, A...>> apply_async(
      TaskOptions<task_result<F, A...>> options, F&& f, A&&... args) {
    using Result = task_result<F, A...>;
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    return AsyncResult<Result>(begin<Result>(options, detail::TaskRoom::waited_for, f, args...));
  }

  /// The same; nothing when `max_pending` tasks are pending, where `apply_async` would wait.
  template <class F, class... A>
  requires detail::submittable<F, A...> MULTIPROCESSING_CALLED_FROM
      std::optional<AsyncResult<task_result<F, A...>>>
      try_apply_async(F&& f, A&&... args) {
    using Result = task_result<F, A...>;
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    const auto result = std::make_shared<detail::ResultOfTask<Result>>();
    if (!detail::submit_call(core(), result->task,
                             detail::from_here(detail::TaskRoom::taken_if_free), f, args...))
      return {};
    return AsyncResult<Result>(result);
  }
  template <class F, class... A>
  requires detail::submittable<F, A...> std::optional<AsyncResult<task_result<F, A...>>>
  try_apply_async(TaskOptions<task_result<F, A...>> options, F&& f, A&&... args) {
    using Result = task_result<F, A...>;
    detail::check_task<std::decay_t<F>, std::decay_t<A>...>();
    auto result = begin<Result>(options, detail::TaskRoom::taken_if_free, f, args...);
    if (result == nullptr) return {};
    return AsyncResult<Result>(std::move(result));
  }

  /// `f` of the arguments, in a worker; waits for it.
  template <class F, class... A>
  requires detail::submittable<F, A...> MULTIPROCESSING_PART_OF_CALLER task_result<F, A...> apply(
      F&& f, A&&... args) {
    return apply_async(std::forward<F>(f), std::forward<A>(args)...).get();
  }

  /// Has every worker call `f` with the arguments once, when it has done what it has in hand, and
  /// every later one after its initializer. Waits for the workers that are there, and returns what
  /// they gave, in the order of their indexes. Throws what the first of them threw; what later ones
  /// throw is logged at `info`. When `f` kills its worker, so does it those that follow, and the
  /// pool is broken.
  template <class F, class... A>
  requires detail::is_call<F, A...> list_of<std::decay_t<result_of<F, A...>>> for_each_worker(
      F&& f, A&&... args) {
    using Result = std::decay_t<result_of<F, A...>>;
    detail::check_call<std::decay_t<F>, std::decay_t<A>...>();
    if constexpr (!std::is_void_v<Result>) detail::check_sendable<Result>();
    detail::Visit visit(core(), &detail::run_task<std::decay_t<F>, std::decay_t<A>...>);
    detail::write_callable_and_arguments(visit.writer(), f, args...);
    if constexpr (std::is_void_v<Result>) {
      visit.run([](void*, detail::Reader&) {}, nullptr);
    } else {
      std::vector<Result> results;
      visit.run(
          [](void* list, detail::Reader& reader) {
            static_cast<std::vector<Result>*>(list)->push_back(detail::read<Result>(reader));
          },
          &results);
      return results;
    }
  }

  /// Takes no more work; workers end when all is done.
  void close();

  /// Ends the workers now. Calls that wait for results throw `ProcessError`.
  void terminate();

  /// Ends the pool within `grace`, and says what that took. Tasks that run are asked to stop;
  /// workers get SIGTERM after half of it, SIGKILL at its end. What has not ended then is
  /// `ProcessError`.
  StopReport stop(Timeout grace);

  /// Waits until the workers have ended. Throws `ValueError` before `close` or `terminate`.
  void join();

  /// What has been done and is to do. Submits wait while it looks at a word of each task.
  [[nodiscard]] PoolStats stats() const;

  /// How many workers there are to be; those that die are replaced.
  [[nodiscard]] int processes() const;

  /// Changes that. New workers are started by the time that they are needed; those that are too
  /// many leave when they have done what they have in hand, and nothing is lost. Throws
  /// `ValueError` for less than one, for more than 1,024 if the pool began with fewer, and for a
  /// pool that was closed.
  void resize(int processes);

  /// The workers that live now.
  [[nodiscard]] std::vector<ProcessHandle> workers() const;

 private:
  friend class ProcessPoolExecutor;
  template <class F, class... A, class G, class... B>
  static detail::WorkerFactory factory(G&& initializer, B&&... arguments) {
    detail::check_call<F, A...>();
    if constexpr (!detail::is_sendable_call<F, A...>)
      return {};
    else
      return
          [f = F(std::forward<G>(initializer)),
           bound = std::tuple<A...>(detail::as_arrival(std::forward<B>(arguments))...)](
              const Context& context, ProcessOptions named, const detail::Handle& board, int seat) {
            return std::apply(
                [&](const A&... given) {
                  return context.Process(std::move(named), detail::serve_initialised<F, A...>,
                                         board, seat, f, given...);
                },
                bound);
          };
  }

  template <class R>
  static AsyncResult<R> later(std::shared_ptr<detail::SharedResult<R>> result) {
    return AsyncResult<R>(std::move(result));
  }
  template <class F>
  static detail::Starred<std::decay_t<F>> starred(F&& f) {
    return detail::Starred<std::decay_t<F>>(std::forward<F>(f));
  }

  /// Null when there is no room.
  template <class Result, class F, class... A>
  std::shared_ptr<detail::SharedResult<Result>> begin(TaskOptions<Result>& options,
                                                      detail::TaskRoom room, const F& f,
                                                      const A&... args) {
    using Plain = detail::ResultOfTask<Result>;
    detail::TaskTerms terms = detail::terms_of(options);
    terms.room = room;
    if (!options.callback && !options.error_callback) {
      const auto result = std::make_shared<Plain>();
      return detail::submit_call(core(), result->task, std::move(terms), f, args...) ? result
                                                                                     : nullptr;
    }
    const auto result = std::make_shared<detail::WithCallbacks<Plain, Result>>(
        core(), Callbacks<Result>{std::move(options.callback), options.error_callback});
    result->expect(1);
    terms.follower = result;
    return detail::submit_call(core(), result->task, std::move(terms), f, args...) ? result
                                                                                   : nullptr;
  }

  /// Throws ValueError when it was moved from.
  [[nodiscard]] detail::PoolCore& core() const;

  std::shared_ptr<detail::PoolCore> core_;
};

template <class... A>
Pool Context::Pool(int processes, A&&... init) const {
  return multiprocessing::Pool(PoolOptions{.processes = processes, .context = *this},
                               std::forward<A>(init)...);
}

template <class... A>
Pool Context::Pool(PoolOptions options, A&&... init) const {
  options.context = *this;
  return multiprocessing::Pool(std::move(options), std::forward<A>(init)...);
}

}  // namespace multiprocessing
