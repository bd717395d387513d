#include "multiprocessing/monitor/process_monitor.hpp"

#include <chrono>
#include <utility>

#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "monitor/monitor_core.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/exit_code_of.hpp"

namespace multiprocessing {

using std::chrono::milliseconds;

namespace detail {
namespace {

// How often a thread that asks looks whether the process lives: for the case that it died with the
// question unread, of which no end-of-file tells.
constexpr milliseconds look{50};

constexpr std::chrono::seconds time_to_end{2};  // for a process that was asked to

ProcessMonitorOptions checked(ProcessMonitorOptions options) {
  if (options.interval.is_forever() || options.interval.length().count() == 0)
    throw ValueError("the interval of a monitor is a length above 0, and not for ever");
  return options;
}

}  // namespace

MonitorCore::MonitorCore(ProcessMonitorOptions options)
    : options_(checked(std::move(options))),
      follower_(options_.interval.length(), options_.disks) {}

MonitorCore::~MonitorCore() {
  if (!creator_.is_this_process()) {
    follower_.forget();
    return;
  }
  stop();
}

void MonitorCore::check_creator(const std::string& what) const {
  if (!creator_.is_this_process())
    throw AssertionError(what + " is for the process that made the monitor, not for its children");
}

std::shared_ptr<MonitorCore::Running> MonitorCore::running() const {
  // In a forked child there may be no thread to unlock it.
  std::unique_lock lock{mutex_, std::defer_lock};
  if (creator_.is_this_process()) lock.lock();
  if (running_ == nullptr) throw AssertionError("the monitor is not started: call start()");
  return running_;
}

void MonitorCore::start() {
  check_creator("start()");
  std::unique_lock turn{turn_, std::defer_lock};
  // A callback may start it again, but stop() waits for callbacks.
  if (!follower_.is_this_thread())
    turn.lock();
  else if (!turn.try_lock())
    throw AssertionError("the monitor is being stopped");
  if (running_ != nullptr && running_->process->is_alive())
    throw AssertionError("the monitor runs already");
  auto next = std::make_shared<Running>();
  next->process.emplace(
      ProcessOptions{.name = "ProcessMonitor", .daemon = true}, answer_questions, next->questions,
      MonitorTask{options_.interval.length().count(), options_.history, options_.disks});
  next->process->start();
  next->handle = next->process->handle();
  {
    const std::lock_guard lock{mutex_};
    running_ = std::move(next);
  }
  follower_.start();
}

void MonitorCore::stop() {
  check_creator("stop()");
  if (follower_.is_this_thread())
    throw AssertionError("stop() of a monitor is not for its callbacks, which it waits for");
  const std::lock_guard turn{turn_};
  follower_.stop();
  std::shared_ptr<Running> last;
  {
    const std::lock_guard lock{mutex_};
    last = std::exchange(running_, nullptr);
  }
  if (last == nullptr) return;
  last->stopped = true;
  last->questions.shutdown({.immediate = true});
  if (last->process->join(time_to_end)) return;
  last->process->kill();  // it is stopped, say
  last->process->join();
}

void MonitorCore::throw_end_of(const Running& asked) {
  if (asked.stopped) throw ProcessError("the monitor was stopped before it had answered");
  // It has ended, or is about to; its code comes a moment later.
  (void)asked.handle.join(time_to_end);
  const int code = asked.handle.exitcode().value_or(255);
  throw WorkerDied("the monitor's process '" + asked.handle.name() + "' (process " +
                       std::to_string(asked.handle.pid()) + ") " + describe_end(code) +
                       "; start() makes another one",
                   asked.handle.pid(), code);
}

Answer MonitorCore::answer(Topic topic) const {
  const Deadline deadline{options_.answer_within};
  const auto asked = running();
  Queue<Answer> answers;
  const auto reader = answers.reader();
  fail_point("monitor.ask");
  try {
    asked->questions.put(Question{topic, answers.writer()});
    fail_point("monitor.asked");
    for (bool lives = true;; lives = asked->handle.is_alive()) {
      // After its end one more look tells whether it had answered.
      const Deadline slice = lives ? deadline.at_most(look) : Deadline{milliseconds{0}};
      if (auto answer = reader.try_get(slice.left())) return std::move(*answer);
      if (!lives) throw_end_of(*asked);
      if (deadline.passed())
        throw TimeoutError("the monitor's process has not answered in time; it may be stopped");
    }
  } catch (const EOFError&) {
    throw_end_of(*asked);
  } catch (const ShutDown&) {
    throw_end_of(*asked);
  }
}

}  // namespace detail

ProcessMonitor::ProcessMonitor(ProcessMonitorOptions options)
    : core_(std::make_unique<detail::MonitorCore>(std::move(options))) {}
ProcessMonitor::~ProcessMonitor() = default;

void ProcessMonitor::start() { core_->start(); }
void ProcessMonitor::stop() { core_->stop(); }
ProcessHandle ProcessMonitor::process() const { return core_->process(); }

SystemStats ProcessMonitor::get_system_stats() const {
  return core_->ask<SystemStats>(detail::Topic::system);
}
std::vector<ProcessInfo> ProcessMonitor::get_process_info() const {
  return core_->ask<std::vector<ProcessInfo>>(detail::Topic::processes);
}
NetworkInfo ProcessMonitor::get_network_info() const {
  return core_->ask<NetworkInfo>(detail::Topic::network);
}
std::vector<SystemStats> ProcessMonitor::history() const {
  return core_->ask<std::vector<SystemStats>>(detail::Topic::history);
}

void ProcessMonitor::watch(const ProcessHandle& process,
                           std::function<void(ProcessState)> on_change) {
  core_->check_creator("watch()");
  core_->follower().watch(process, std::move(on_change));
}

bool ProcessMonitor::wait_for_all_processes(Timeout timeout) const {
  core_->check_creator("wait_for_all_processes()");
  return core_->follower().wait_for_all(detail::Deadline{timeout});
}

Alert ProcessMonitor::make_alert(AlertOptions options,
                                 std::function<void(const AlertChange&)> callback) {
  core_->check_creator("alert()");
  auto body = std::make_shared<detail::AlertBody>(std::move(options), std::move(callback));
  core_->follower().add(body);
  return Alert{std::move(body)};
}

}  // namespace multiprocessing
