// TaskGroup: processes that end before their scope does.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/kept_call.hpp"
#include "multiprocessing/process/context.hpp"

namespace multiprocessing {

namespace detail {
class TaskGroupCore;
}

/// Several failures at once; the text has all of them. Python's `ExceptionGroup`.
class MULTIPROCESSING_API ExceptionGroup : public std::runtime_error {
 public:
  explicit ExceptionGroup(const std::string& what, std::vector<std::exception_ptr> exceptions = {});
  ~ExceptionGroup() override;

  /// In the order in which they came.
  [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept {
    return *exceptions_;
  }

 private:
  // An exception may not throw when it is copied.
  std::shared_ptr<const std::vector<std::exception_ptr>> exceptions_;
};

struct TaskGroupOptions {
  /// From the request to stop to SIGKILL, for all tasks at once; SIGTERM comes at half of it, and
  /// at once to a task that has never asked whether it is to stop.
  Timeout stop_within = std::chrono::seconds{5};
  /// By which start method; none: that of the program.
  std::optional<Context> context = {};
};

/// Structured tasks, after Go's errgroup: nothing outlives the group, and no failure is lost.
///
///     mp::TaskGroup group;
///     for (const auto& site : sites) group.run(fetch, site);
///     group.wait();
///
/// Each task is a process. The first that fails, by an exception, another exit code than 0 or a
/// signal, has the others asked to stop (`mp::stop_requested()`), then signalled, then killed. Any
/// thread of the process that made it may use it.
class MULTIPROCESSING_API TaskGroup {
 public:
  explicit TaskGroup(TaskGroupOptions options = {});
  /// Asks the tasks to stop, and waits within the bound.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts a process that calls `f(args…)`. Does nothing once the group has been asked to stop.
  /// Throws what `Process::start()` throws.
  template <class F, class... A>
  void run(F&& f, A&&... args) {
    run(detail::keep_call(std::forward<F>(f), std::forward<A>(args)...));
  }

  /// Waits for all tasks. Throws `ExceptionGroup` with all failures, `ProcessError` for a process
  /// that died, and a task that was asked to stop has none. Then the group may be used again.
  void wait();

  /// Asks all tasks to stop. Does not wait.
  void stop();

 private:
  void run(std::shared_ptr<const detail::KeptCall> call);

  std::unique_ptr<detail::TaskGroupCore> core_;
};

}  // namespace multiprocessing
