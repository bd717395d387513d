// ProcessMonitor: a process that watches the machine, and alarms in the process that asks.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/monitor/alert.hpp"
#include "multiprocessing/monitor/stats.hpp"
#include "multiprocessing/process/process_handle.hpp"

namespace multiprocessing {

namespace detail {
class MonitorCore;
}

struct ProcessMonitorOptions {
  /// Between two samples of the history, and two looks of alerts and at states of processes.
  Timeout interval = std::chrono::seconds{1};
  /// How many samples are kept.
  std::size_t history = 600;
  /// How long a question may take; then it throws `TimeoutError`.
  Timeout answer_within = std::chrono::seconds{10};
  /// As `SamplerOptions::disks`.
  std::vector<std::string> disks = {"/"};
};

/// Python's recipe of that name: a process of its own that is asked for figures.
///
///     mp::ProcessMonitor monitor;
///     monitor.start();
///     std::cout << monitor.get_system_stats().cpu_percent << '\n';
///
/// Each answer is fresh. A question throws `WorkerDied` at once when the monitor's process has died
/// (`start()` then starts another), `TimeoutError` when it does not answer in time,
/// `AssertionError` when it is not started, and the monitor's own error, such as `OSError` without
/// /proc.
///
/// Alerts, and the states of the processes that are watched, are looked at by a thread of the
/// process that made this object, from `start()` to `stop()`; they need the monitor's process not
/// at all, and go on when it dies. What a callback throws is logged as a warning and harms no
/// other.
///
/// Any thread may use it, and forked children may ask. In these it neither starts nor stops, and it
/// has no alerts. The monitor's process is a daemon and ignores SIGINT, so that Ctrl-C does not
/// take it from a program that handles that.
class MULTIPROCESSING_API ProcessMonitor {
 public:
  /// Throws `ValueError` for an interval of 0 or `forever`.
  explicit ProcessMonitor(ProcessMonitorOptions options = {});
  /// `stop()`.
  ~ProcessMonitor();
  ProcessMonitor(const ProcessMonitor&) = delete;
  ProcessMonitor& operator=(const ProcessMonitor&) = delete;

  /// Throws `AssertionError` while it runs, and what `Process::start` throws.
  void start();

  /// Ends the process; nothing happens when it is not started. Questions of other threads that are
  /// under way throw `ProcessError`. Throws `AssertionError` in a callback of this monitor.
  void stop();

  [[nodiscard]] ProcessHandle process() const;

  [[nodiscard]] SystemStats get_system_stats() const;
  [[nodiscard]] std::vector<ProcessInfo> get_process_info() const;
  [[nodiscard]] NetworkInfo get_network_info() const;

  /// The last samples, the oldest first: one per interval since `start()`, at most as many as the
  /// options say.
  [[nodiscard]] std::vector<SystemStats> history() const;

  /// Calls `on_change` with `started` at once, later with each state in which the process is seen,
  /// and with `ended` when it has ended: then at once, otherwise at each interval. Its code is
  /// `process.exitcode()`. Throws `ValueError` for a handle of no process.
  void watch(const ProcessHandle& process, std::function<void(ProcessState)> on_change = {});

  /// Waits for the processes that are watched; says whether all have ended.
  bool wait_for_all_processes(Timeout timeout = Timeout::infinite) const;

  /// Calls `callback` once per change. Throws `ValueError` for options that make no sense.
  template <std::invocable<const AlertChange&> F>
  Alert alert(AlertOptions options, F callback) {
    return make_alert(std::move(options),
                      std::function<void(const AlertChange&)>{std::move(callback)});
  }

 private:
  Alert make_alert(AlertOptions options, std::function<void(const AlertChange&)> callback);

  std::unique_ptr<detail::MonitorCore> core_;
};

}  // namespace multiprocessing
