// ProcessPoolManager: tasks under names of the program's, batches, and shared data.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/futures/future.hpp"
#include "multiprocessing/futures/process_pool_executor.hpp"
#include "multiprocessing/futures/shared_data.hpp"

namespace multiprocessing {

/// Tasks under ids, many at once, batches, and data that tasks share: after the recipe of that name
/// in Python, on an executor and without a process of its own.
///
///     mp::ProcessPoolManager manager(4);
///     manager.submit_task("report", make_report, 2024);
///     manager.set_shared_data("limit", 100);
///     const auto report = manager.get_result<Report>("report", 1min);
///
/// May be used by all threads of the process that made it. Tasks are given `shared_data()`.
class MULTIPROCESSING_API ProcessPoolManager {
 public:
  /// As many workers as `cpu_count()` says.
  ProcessPoolManager() : ProcessPoolManager(ExecutorOptions{}) {}
  explicit ProcessPoolManager(int max_workers)
      : ProcessPoolManager(ExecutorOptions{.max_workers = max_workers}) {}

  /// Throws `ValueError` for impossible options.
  explicit ProcessPoolManager(const ExecutorOptions& options);

  ProcessPoolManager(const ProcessPoolManager&) = delete;
  ProcessPoolManager& operator=(const ProcessPoolManager&) = delete;

  /// `stop()`.
  ~ProcessPoolManager();

  /// After `stop()`: takes tasks again. Otherwise nothing happens, for workers start with tasks.
  void start();

  /// Takes no more tasks, and returns when all are done. Their results can be fetched. Threads that
  /// wait for ids without a task get `CancelledError`.
  void stop();

  /// Has a worker call `f` with the arguments. Throws `ValueError` when the id is in use, that is,
  /// until its result has been fetched; and as `ProcessPoolExecutor::submit`.
  template <class F, class... A>
  requires task_callable<F, A...>
  void submit_task(std::string id, F&& f, A&&... args) {
    submit_as(std::move(id), [&](ProcessPoolExecutor& executor) -> AnyFuture {
      return executor.submit(std::forward<F>(f), std::forward<A>(args)...);
    });
  }

  /// The same with options, which come first: `submit_task({.priority = 1}, "urgent", f)`.
  template <class F, class... A>
  requires task_callable<F, A...>
  void submit_task(SubmitOptions options, std::string id, F&& f, A&&... args) {
    submit_as(std::move(id), [&](ProcessPoolExecutor& executor) -> AnyFuture {
      return executor.submit(std::move(options), std::forward<F>(f), std::forward<A>(args)...);
    });
  }

  /// Waits for the task of that id, also for one that is yet to be submitted, and gives its result
  /// or throws what it threw, as `Future::result`; then the id is free. Results may be fetched in
  /// any order, each once. Throws `TimeoutError` when there is none in time, and `ValueError` when
  /// another thread waits for the id or the result is no `R`: then it may be asked for again.
  template <class R>
  R get_result(const std::string& id, Timeout timeout = Timeout::infinite) {
    Fetch fetch(*this, id);
    Future<R> future = fetch.wait(timeout).template as<R>();
    fetch.take();
    return std::move(future).result();
  }

  /// True: the task has not begun and never will, and `get_result` throws `CancelledError`.
  bool cancel_task(const std::string& id);

  /// `f` of each element, in order, as `ProcessPoolExecutor::map`. Throws the first exception;
  /// what has not begun by then is withdrawn.
  template <class F, std::ranges::input_range R>
  list_of<mapped<F, R>> map_tasks(F&& f, R&& items) {
    using Result = mapped<F, R>;
    const auto executor = this->executor();
    auto results = executor->map(std::forward<F>(f), std::forward<R>(items));
    if constexpr (std::is_void_v<Result>) {
      while (results.try_next()) continue;
    } else {
      list_of<Result> list;
      while (auto result = results.try_next()) list.push_back(std::move(*result));
      return list;
    }
  }

  /// The same, but no more than `batch_size` elements at a time: the next ones are drawn from the
  /// input when all of these are done. For work that needs room. Throws `ValueError` when it is 0.
  template <class F, std::ranges::input_range R>
  list_of<mapped<F, R>> batch_process(const F& f, R&& items, std::size_t batch_size = 10) {
    using Result = mapped<F, R>;
    if (batch_size == 0) throw ValueError("batch_size must be at least 1");
    list_of<std::conditional_t<std::is_void_v<Result>, int, Result>> list;
    std::vector<std::ranges::range_value_t<R>> batch;
    const auto process = [&] {
      if constexpr (std::is_void_v<Result>) {
        map_tasks(f, batch);
      } else {
        for (auto&& result : map_tasks(f, batch)) list.push_back(std::move(result));
      }
      batch.clear();
    };
    for (auto&& item : items) {
      batch.push_back(std::forward<decltype(item)>(item));
      if (batch.size() == batch_size) process();
    }
    if (!batch.empty()) process();
    if constexpr (!std::is_void_v<Result>) return list;
  }

  /// As `SharedData::set` and `get`.
  template <class T>
  void set_shared_data(std::string_view key, const T& value) {
    data_.set(key, value);
  }
  template <class T>
  [[nodiscard]] std::optional<T> get_shared_data(std::string_view key) const {
    return data_.get<T>(key);
  }

  /// The handle that tasks are given: `submit_task("count", count, manager.shared_data())`.
  [[nodiscard]] SharedData shared_data() const { return data_; }

  /// Since the start.
  [[nodiscard]] PoolStats stats() const { return executor()->stats(); }

 private:
  /// What is known of an id that has a task or a thread that waits.
  struct Place {
    std::optional<AnyFuture> task = {};
    Future<void> submitted = {};
    bool taken = false;    // a task is there or about to be
    bool awaited = false;  // by a thread
  };

  /// The one thread that waits for an id.
  class MULTIPROCESSING_API Fetch {
   public:
    Fetch(ProcessPoolManager& manager, const std::string& id);
    ~Fetch();
    Fetch(const Fetch&) = delete;

    /// The task of the id, which has ended.
    [[nodiscard]] AnyFuture wait(Timeout timeout);

    /// Its result is fetched, and the id is free.
    void take();

   private:
    ProcessPoolManager& manager_;
    const std::string& id_;
    Future<void> submitted_;
    bool taken_ = false;
  };

  /// With the mutex held: there will be no task for the thread that waits.
  static void abandon(Place& place);

  /// Throws ValueError when the id is in use.
  void reserve(const std::string& id);
  /// Without a future: there will be no task.
  void fill(const std::string& id, std::optional<AnyFuture> task);

  template <class Submit>
  void submit_as(std::string id, Submit submit) {
    const auto executor = this->executor();
    reserve(id);
    std::optional<AnyFuture> task;
    try {
      task = submit(*executor);
    } catch (...) {
      fill(id, {});
      throw;
    }
    fill(id, std::move(task));
  }

  [[nodiscard]] std::shared_ptr<ProcessPoolExecutor> executor() const;

  const ExecutorOptions options_;
  const SharedData data_;
  mutable std::mutex mutex_;
  // All below are guarded by the mutex.
  std::shared_ptr<ProcessPoolExecutor> executor_;
  bool stopped_ = false;
  std::map<std::string, Place> places_;
};

}  // namespace multiprocessing
