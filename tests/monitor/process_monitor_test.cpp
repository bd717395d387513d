// A monitor's answers, alerts and states, under every start method.
#include "multiprocessing/monitor/process_monitor.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/process.hpp"
#include "support/family.hpp"

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using test_support::wait_until;

namespace {

constexpr mp::Metric memory = mp::Metric::memory_percent;

class ProcessMonitorTest : public test_support::EveryMethodTest {};
FOR_EVERY_START_METHOD(ProcessMonitorTest);

void wait_for_ever() { std::this_thread::sleep_for(1h); }
void end_with_3() { throw mp::Exit{3}; }

/// What a callback was told, from another thread.
template <class T>
class Heard {
 public:
  void operator()(const T& value) {
    const std::lock_guard lock{mutex_};
    all_.push_back(value);
  }
  [[nodiscard]] std::vector<T> all() const {
    const std::lock_guard lock{mutex_};
    return all_;
  }
  [[nodiscard]] bool has(const T& value) const {
    const auto now = all();
    return std::ranges::find(now, value) != now.end();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<T> all_;
};

TEST_P(ProcessMonitorTest, EachAnswerIsFresh) {
  mp::ProcessMonitor monitor;
  monitor.start();
  const auto stats = monitor.get_system_stats();
  EXPECT_GT(stats.memory_percent, 0);
  EXPECT_GT(stats.process_count, 1U);
  const auto before = monitor.get_process_info();
  mp::Process child{wait_for_ever};
  child.start();
  const auto after = monitor.get_process_info();
  const auto knows = [&child](const std::vector<mp::ProcessInfo>& list) {
    return std::ranges::find(list, *child.pid(), &mp::ProcessInfo::pid) != list.end();
  };
  EXPECT_FALSE(knows(before));
  EXPECT_TRUE(knows(after));
  EXPECT_TRUE(monitor.process().is_alive());
  const auto network = monitor.get_network_info();
  EXPECT_GE(network.sum.bytes_recv, 0U);
  child.kill();
  child.join();
}

TEST_P(ProcessMonitorTest, AMonitorThatDiedIsAnErrorAndCanBeStartedAgain) {
  mp::ProcessMonitor monitor;
  monitor.start();
  const pid_t first = monitor.process().pid();
  monitor.process().kill();
  try {
    for (;;) (void)monitor.get_system_stats();
  } catch (const mp::WorkerDied& error) {
    EXPECT_EQ(error.pid(), first);
    EXPECT_EQ(error.exitcode(), -SIGKILL);
    EXPECT_NE(std::string{error.what()}.find("was killed by SIGKILL"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW((void)monitor.history(), mp::WorkerDied);
  monitor.start();
  EXPECT_NE(monitor.process().pid(), first);
  EXPECT_GT(monitor.get_system_stats().memory_percent, 0);
}

TEST_P(ProcessMonitorTest, AMonitorThatIsStoppedGivesATimeoutAndEndsAllTheSame) {
  mp::ProcessMonitor monitor{{.answer_within = 20ms}};
  monitor.start();
  const pid_t pid = monitor.process().pid();
  kill(pid, SIGSTOP);
  EXPECT_THROW((void)monitor.get_network_info(), mp::TimeoutError);
  monitor.stop();
  EXPECT_FALSE(test_support::exists(pid));
}

TEST_P(ProcessMonitorTest, AMonitorIsNotTakenByCtrlC) {
  mp::ProcessMonitor monitor;
  monitor.start();
  (void)monitor.get_network_info();  // it is at work
  kill(monitor.process().pid(), SIGINT);
  EXPECT_NO_THROW((void)monitor.get_network_info());
}

TEST_P(ProcessMonitorTest, HistoryHasTheLastSamplesAlone) {
  mp::ProcessMonitor monitor{{.interval = 1ms, .history = 3}};
  monitor.start();
  wait_until([&] { return monitor.history().size() == 3; });
  EXPECT_GT(monitor.history().front().memory_percent, 0);
}

TEST_P(ProcessMonitorTest, StatesOfAProcessAreFollowedToItsEnd) {
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  monitor.start();
  Heard<mp::ProcessState> heard;
  mp::Process child{wait_for_ever};
  child.start();
  monitor.watch(child.handle(), [&heard](mp::ProcessState state) { heard(state); });
  wait_until([&] { return heard.has(mp::ProcessState::sleeping); });
  EXPECT_FALSE(monitor.wait_for_all_processes(0s));
  kill(*child.pid(), SIGSTOP);
  wait_until([&] { return heard.has(mp::ProcessState::stopped); });
  child.kill();
  EXPECT_TRUE(monitor.wait_for_all_processes());
  wait_until([&] { return heard.has(mp::ProcessState::ended); });
  const auto all = heard.all();
  EXPECT_EQ(all.front(), mp::ProcessState::started);
  EXPECT_EQ(std::ranges::count(all, mp::ProcessState::ended), 1);
  EXPECT_EQ(all.back(), mp::ProcessState::ended);
  EXPECT_EQ(child.exitcode(), -SIGKILL);
}

TEST_P(ProcessMonitorTest, TheEndOfAChildIsToldWithoutASample) {
  mp::ProcessMonitor monitor{{.interval = 1h}};
  monitor.start();
  Heard<mp::ProcessState> heard;
  mp::Process child{end_with_3};
  child.start();
  const mp::ProcessHandle handle = child.handle();
  monitor.watch(handle, [&heard](mp::ProcessState state) { heard(state); });
  wait_until([&] { return heard.has(mp::ProcessState::ended); });
  EXPECT_TRUE(monitor.wait_for_all_processes(1h));
  EXPECT_EQ(handle.exitcode(), 3);
  Heard<mp::ProcessState> late;
  monitor.watch(handle, [&late](mp::ProcessState state) { late(state); });
  wait_until([&] { return late.has(mp::ProcessState::ended); });
  EXPECT_EQ(late.all().size(), 1U);
}

// The rest has nothing to do with how processes start.

TEST(ProcessMonitor, ItAnswersOnlyWhileItIsStarted) {
  mp::ProcessMonitor monitor;
  EXPECT_THROW((void)monitor.get_system_stats(), mp::AssertionError);
  EXPECT_THROW((void)monitor.process(), mp::AssertionError);
  monitor.stop();
  monitor.start();
  EXPECT_THROW(monitor.start(), mp::AssertionError);
  monitor.stop();
  EXPECT_THROW((void)monitor.get_system_stats(), mp::AssertionError);
  EXPECT_THROW((mp::ProcessMonitor{{.interval = 0s}}), mp::ValueError);
  EXPECT_THROW((mp::ProcessMonitor{{.interval = mp::Timeout::infinite}}), mp::ValueError);
}

TEST(ProcessMonitor, ErrorsOfTheMonitorAreThoseOfTheCaller) {
  mp::ProcessMonitor monitor{{.disks = {"/no/such/folder"}}};
  monitor.start();
  EXPECT_THROW((void)monitor.get_system_stats(), mp::FileNotFoundError);
  EXPECT_NO_THROW((void)monitor.get_network_info());
}

TEST(ProcessMonitor, AnAlertOfACallableIsToldOncePerChange) {
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  std::atomic<int> depth = 0;
  Heard<mp::AlertState> heard;
  const mp::Alert alert =
      monitor.alert({.what = [&depth] { return depth.load(); }, .above = 10, .until_below = 5},
                    [&heard](const mp::AlertChange& change) { heard(change.state); });
  EXPECT_EQ(alert.state(), mp::AlertState::ok);
  depth = 11;
  monitor.start();
  wait_until([&] { return alert.state() == mp::AlertState::firing; });
  depth = 7;
  monitor.process().kill();  // alerts do not need it
  depth = 4;
  wait_until([&] { return alert.state() == mp::AlertState::over; });
  alert.cancel();
  depth = 11;
  monitor.stop();
  EXPECT_EQ(heard.all(), (std::vector{mp::AlertState::firing, mp::AlertState::over}));
}

TEST(ProcessMonitor, EachMetricHasANumber) {
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  std::atomic<int> told = 0;
  std::vector<mp::Alert> alerts;
  using enum mp::Metric;
  for (const auto metric :
       {cpu_percent, memory_percent, disk_percent, load, process_count, bytes_sent, bytes_recv})
    alerts.push_back(
        monitor.alert({.what = metric, .above = -1}, [&told](const mp::AlertChange&) { ++told; }));
  for (const auto metric : {cpu_percent, memory_percent})
    alerts.push_back(monitor.alert({.what = metric, .above = -1, .process = mp::current_process()},
                                   [&told](const mp::AlertChange&) { ++told; }));
  monitor.start();
  wait_until([&] { return told == 9; });
  monitor.stop();
  EXPECT_EQ(told, 9);
  for (const auto& alert : alerts) EXPECT_EQ(alert.state(), mp::AlertState::firing);
}

TEST(ProcessMonitor, AnAlertOfAProcessIsOverWithIt) {
  mp::Process child{wait_for_ever};
  child.start();
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  monitor.start();
  const mp::Alert alert = monitor.alert({.what = memory, .above = 0, .process = child.handle()},
                                        [](const mp::AlertChange&) {});
  wait_until([&] { return alert.state() == mp::AlertState::firing; });
  child.kill();
  child.join();
  wait_until([&] { return alert.state() == mp::AlertState::over; });
}

TEST(ProcessMonitor, ACallbackThatThrowsHarmsNoOther) {
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  monitor.start();
  std::atomic<int> calls = 0;
  const auto bad = monitor.alert({.what = memory, .above = -1},
                                 [](const mp::AlertChange&) { throw std::runtime_error{"bad"}; });
  const auto worse =
      monitor.alert({.what = memory, .above = -1}, [](const mp::AlertChange&) { throw 42; });
  const auto good =
      monitor.alert({.what = memory, .above = -1}, [&calls](const mp::AlertChange&) { ++calls; });
  wait_until([&] { return calls == 1; });
  EXPECT_EQ(bad.state(), mp::AlertState::firing);
  EXPECT_EQ(worse.state(), mp::AlertState::firing);
}

TEST(ProcessMonitor, AnAlertThatSeesNothingSaysSo) {
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  std::atomic<bool> broken = true;
  const auto depth = [&broken]() -> int {
    if (broken) throw std::out_of_range{"gone"};
    return 7;
  };
  const auto alert = monitor.alert({.what = depth, .above = 5}, [](const mp::AlertChange&) {});
  monitor.start();
  wait_until([&] {
    try {
      return alert.state() != mp::AlertState::ok;
    } catch (const std::out_of_range&) {
      return true;
    }
  });
  EXPECT_THROW((void)alert.state(), std::out_of_range);
  broken = false;
  wait_until([&] {
    try {
      return alert.state() == mp::AlertState::firing;
    } catch (const std::out_of_range&) {
      return false;
    }
  });
}

TEST(ProcessMonitor, CallbacksMayUseTheMonitor) {
  mp::ProcessMonitor monitor{{.interval = 1ms}};
  monitor.start();
  std::atomic<int> refused = 0, asked = 0, again = 0;
  std::optional<mp::Alert> alert;
  std::mutex made;
  {
    const std::lock_guard lock{made};
    alert = monitor.alert({.what = memory, .above = -1}, [&](const mp::AlertChange&) {
      const std::lock_guard here{made};
      alert->cancel();
      try {
        monitor.stop();
      } catch (const mp::AssertionError&) {
        ++refused;
      }
      (void)monitor.get_network_info();
      ++asked;
      (void)monitor.alert({.what = memory, .above = -1}, [&](const mp::AlertChange&) { ++again; });
    });
  }
  wait_until([&] { return again == 1; });
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(asked, 1);
}

TEST(ProcessMonitor, AForkedChildMayAskAndNothingElse) {
  mp::ProcessMonitor monitor;
  monitor.start();
  mp::set_start_method("fork", {.force = true});
  EXPECT_EQ(test_support::run_in_child([&monitor] {
              (void)monitor.get_network_info();
              int refused = 0;
              for (const auto& call : std::vector<std::function<void()>>{
                       [&] { monitor.start(); }, [&] { monitor.stop(); },
                       [&] { (void)monitor.wait_for_all_processes(0s); },
                       [&] { monitor.watch(mp::current_process()); }}) {
                try {
                  call();
                } catch (const mp::AssertionError&) {
                  ++refused;
                }
              }
              throw mp::Exit{refused};
            }),
            4);
  mp::set_start_method(std::nullopt, {.force = true});
  EXPECT_TRUE(monitor.process().is_alive());
}

}  // namespace
