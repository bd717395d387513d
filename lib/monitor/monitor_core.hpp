// MonitorCore: what is behind a ProcessMonitor.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "monitor/follower.hpp"
#include "monitor/monitor_process.hpp"
#include "multiprocessing/monitor/process_monitor.hpp"
#include "multiprocessing/process.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {

class MonitorCore {
 public:
  explicit MonitorCore(ProcessMonitorOptions options);
  ~MonitorCore();
  MonitorCore(const MonitorCore&) = delete;
  MonitorCore& operator=(const MonitorCore&) = delete;

  void start();
  void stop();
  [[nodiscard]] ProcessHandle process() const { return running()->handle; }

  /// Throws what the monitor's process did instead of answering.
  template <class T>
  [[nodiscard]] T ask(Topic topic) const {
    Answer answer = this->answer(topic);
    if (const auto* const error = std::get_if<std::exception_ptr>(&answer))
      std::rethrow_exception(*error);
    return std::get<T>(std::move(answer));
  }

  [[nodiscard]] Follower& follower() { return follower_; }
  /// Throws AssertionError in a forked child, which has no thread for it.
  void check_creator(const std::string& what) const;

 private:
  // One for each start; threads that ask keep theirs.
  struct Running {
    Queue<Question> questions = {};
    std::optional<Process> process = {};
    ProcessHandle handle = {};
    std::atomic<bool> stopped = false;
  };
  [[nodiscard]] std::shared_ptr<Running> running() const;
  [[nodiscard]] Answer answer(Topic topic) const;
  [[noreturn]] static void throw_end_of(const Running& asked);

  const ProcessMonitorOptions options_;
  const Creator creator_;
  std::mutex turn_;  // of start() and stop()
  mutable std::mutex mutex_;
  std::shared_ptr<Running> running_;
  Follower follower_;
};

}  // namespace multiprocessing::detail
