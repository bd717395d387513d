// Follower: the thread that looks at alerts and at processes that are watched.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "monitor/alert_body.hpp"
#include "monitor/kept_process.hpp"
#include "monitor/net_dev.hpp"
#include "monitor/sampling.hpp"
#include "process/own_threads.hpp"

namespace multiprocessing::detail {

class Follower {
 public:
  Follower(std::chrono::nanoseconds interval, std::vector<std::string> disks);
  ~Follower() { stop(); }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// Throws OSError.
  void start();
  /// Waits for a callback that runs.
  void stop();
  [[nodiscard]] bool is_this_thread() const;
  /// In a forked child, which has not the thread.
  void forget();

  void watch(const ProcessHandle& process, std::function<void(ProcessState)> on_change);
  void add(std::shared_ptr<AlertBody> alert);

  /// Whether all that are watched have ended in time.
  [[nodiscard]] bool wait_for_all(const Deadline& deadline) const;

 private:
  struct Watched {
    ProcessHandle process;
    std::function<void(ProcessState)> on_change;
    UniqueFd end;  // a pidfd; none when it had ended already
    std::optional<KeptProcess> file = {};
    std::optional<ProcessState> state = {};

    void become(ProcessState now);
  };

  void run();
  [[nodiscard]] bool sleep(const Deadline& until);
  void look_at_ends();
  void look_at_states();
  /// Whether a part has to be looked at again soon, because it was the first time.
  [[nodiscard]] bool look_at_alerts();
  [[nodiscard]] std::vector<std::shared_ptr<AlertBody>> alerts();
  [[nodiscard]] std::vector<std::shared_ptr<Watched>> watched() const;
  void stir() const;
  [[nodiscard]] Sampling& sampling();
  // None the first time.
  [[nodiscard]] std::optional<SystemStats> system_of_now();
  [[nodiscard]] std::optional<std::vector<ProcessInfo>> processes_of_now(
      const std::vector<ProcessHandle>& list);

  const std::chrono::nanoseconds interval_;
  const std::vector<std::string> disks_;
  UniqueFd bell_;  // an eventfd

  mutable std::mutex mutex_;  // of what follows, up to the thread's own
  std::vector<std::shared_ptr<Watched>> watched_;
  std::vector<std::shared_ptr<AlertBody>> alerts_;
  bool stopping_ = false;
  bool anew_ = false;  // something was added

  std::unique_ptr<std::thread> thread_;
  std::atomic<std::thread::id> id_ = {};  // set by the thread, which asks for it
  std::optional<OwnThread> counted_;

  // The thread's own.
  std::unique_ptr<Sampling> sampling_;
  NetworkTotals network_;
};

}  // namespace multiprocessing::detail
