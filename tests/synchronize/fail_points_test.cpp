// A kill at every step that matters, and what it leaves.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/fail_point.hpp"
#include "churn.hpp"
#include "support/fail_points.hpp"
#include "support/processes.hpp"
#include "support/watchdog.hpp"

namespace synchronize_test {
namespace {

/// Every fail point in the sources of the module.
std::set<std::string> points_in_sources() {
  return test_support::fail_points_in(SYNCHRONIZE_SOURCES);
}

class Workers {
 public:
  Workers(const Shared& shared, int count) : shared_(shared) {
    for (int i = 0; i < count; ++i) start();
  }

  void kill(std::size_t index) {
    processes_[index].kill();
    processes_[index].join();
  }
  void replace(std::size_t index) {
    processes_[index] = make(index);
    processes_[index].start();
  }

  /// Waits until each has gone on by some rounds.
  void wait_for_progress() const {
    std::vector<std::uint32_t> before;
    for (std::size_t i = 0; i < processes_.size(); ++i) before.push_back(shared_.counters[8 + i]);
    for (std::size_t i = 0; i < processes_.size(); ++i)
      shared_.counters.wait_for(before[i] + 3, 8 + i);
  }

  void stop() {
    shared_.counters.raise(7);
    for (mp::Process& process : processes_) {
      process.join();
      EXPECT_EQ(process.exitcode(), 0);
    }
    expect_whole(shared_);
  }

 private:
  [[nodiscard]] mp::Process make(std::size_t index) const {
    return mp::get_context("fork").Process(work_until_stopped, shared_, 8 + index);
  }
  void start() {
    processes_.push_back(make(processes_.size()));
    processes_.back().start();
  }

  Shared shared_;
  std::vector<mp::Process> processes_;
};

/// Comes by every point in time; the state of all is made anew in each round.
void work_armed(Shared shared, std::string point, unsigned nth) {
  mp::detail::arm_fail_point(point, nth);
  Churn churn{shared, nth};
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 60; ++j) churn.round();
    churn.among_the_dead();
  }
}

/// Needs a notification between two instructions of another: made on purpose below.
constexpr const char* between_two = "synchronize.condition.passed_on";

/// Passed only where a party that holds the lock is stopped: in stopped_test.cpp.
constexpr const char* behind_a_stopped_party = "synchronize.barrier.given_up";

class FailPointsTest : public ArenaTest {};

TEST_F(FailPointsTest, AllArePassedByTheWorkThatIsKilledInThem) {
  const Shared shared;
  Workers others{shared, 2};
  mp::Process counting = mp::get_context("fork").Process(
      [](Shared s) {
        std::set<std::string> missing = points_in_sources();
        missing.erase(between_two);
        missing.erase(behind_a_stopped_party);
        mp::detail::count_fail_points(true);
        Churn churn{s, 4711};
        for (int i = 0; i < 10'000 && !missing.empty(); ++i) {
          churn.round();
          if (i % 100 == 0) churn.among_the_dead();
          for (const std::string& name : mp::detail::fail_points_seen()) missing.erase(name);
        }
        for (const std::string& name : missing)
          std::fprintf(stderr, "not passed: %s\n", name.c_str());
        if (!missing.empty()) throw mp::Exit{1};
      },
      shared);
  counting.start();
  counting.join();
  EXPECT_EQ(counting.exitcode(), 0);
  others.stop();
}

class EveryFailPoint : public ArenaTest, public testing::WithParamInterface<std::string> {};

TEST_P(EveryFailPoint, KilledThereLeavesTheOthersAtWorkAndNothingWrong) {
  const test_support::Watchdog allowed{std::chrono::seconds{600}};
  const int kills = asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 2);
  const Shared shared;
  Workers others{shared, 2};
  int killed = 0;
  int tries = 0;
  for (; killed < kills && tries < 2 * kills; ++tries) {
    const unsigned nth = tries % 2 == 0 ? 1 : static_cast<unsigned>(tries * tries * 3) % 37U + 1;
    mp::Process victim = mp::get_context("fork").Process(work_armed, shared, GetParam(), nth);
    victim.start();
    victim.join();
    killed += victim.exitcode() == -SIGKILL ? 1 : 0;
    others.wait_for_progress();
  }
  others.stop();
  std::printf("killed %d of %d times\n", killed, tries);
  EXPECT_GE(killed, kills / 2);
}

std::vector<std::string> every_point() {
  std::set<std::string> names = points_in_sources();
  names.erase(between_two);
  names.erase(behind_a_stopped_party);
  return {names.begin(), names.end()};
}
INSTANTIATE_TEST_SUITE_P(Synchronize, EveryFailPoint, testing::ValuesIn(every_point()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

void wait_armed(mp::Condition condition, Counters counters, std::string stop, std::string kill) {
  if (!stop.empty())
    mp::detail::arm_fail_point_stop(stop, kill);
  else
    mp::detail::arm_fail_point(kill);
  condition.acquire();
  counters.raise();
  condition.wait();
  condition.release();
}

void wait_until_stopped(const mp::Process& process) {
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(*process.pid()), &info, WSTOPPED), 0);
}

/// The first waiter dies of its notification. The second takes that over, but stops in it and is
/// notified itself; so it has one too many for the third. Killed at `point` after that.
void give_one_waiter_two_notifications(const std::string& point) {
  const mp::Condition condition;
  const Counters counters;
  std::uint32_t waiting = 0;
  const auto start = [&](const char* stop, const std::string& kill) {
    mp::Process process =
        mp::get_context("fork").Process(wait_armed, condition, counters, std::string{stop}, kill);
    process.start();
    counters.wait_for(++waiting);
    return process;
  };
  const auto notify = [&] {
    const std::scoped_lock guard{condition};
    condition.notify();
  };
  mp::Process first = start("", "synchronize.condition.notified");
  mp::Process second = start("synchronize.condition.left_over_taken", point);
  mp::Process third = start("", "");
  { const std::scoped_lock all_wait{condition}; }
  kill(*third.pid(), SIGSTOP);  // or it might take over what is meant for the second
  wait_until_stopped(third);
  notify();
  wait_until_stopped(second);
  notify();
  kill(*second.pid(), SIGCONT);
  if (!point.empty()) second.join();
  kill(*third.pid(), SIGCONT);
  for (mp::Process* each : {&first, &second, &third}) each->join();
  EXPECT_EQ(second.exitcode(), point.empty() ? 0 : -SIGKILL);
  EXPECT_EQ(third.exitcode(), 0);
  EXPECT_EQ(mp::to_string(condition), "<Condition(<RLock(None, 0)>, 0)>");
}

TEST_F(FailPointsTest, ASurplusNotificationIsPassedOn) { give_one_waiter_two_notifications(""); }

TEST_F(FailPointsTest, WhoIsKilledRightAfterItPassedANotificationOnHasPassedItOn) {
  const test_support::Watchdog allowed{std::chrono::seconds{600}};
  const int kills = asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 2);
  for (int kill = 0; kill < kills; ++kill) give_one_waiter_two_notifications(between_two);
  std::printf("killed %d of %d times\n", kills, kills);
}

constexpr int broken = 3;

void meet_at(mp::Barrier barrier, Counters counters, std::string stop) {
  mp::detail::arm_fail_point_stop(stop);
  counters.raise();
  try {
    barrier.wait();
  } catch (const mp::BrokenBarrierError&) {
    throw mp::Exit{broken};
  }
}

bool sleeps_or_has_ended(const mp::Process& process) {
  const auto all = test_support::all_processes();
  const auto found = std::ranges::find(all, *process.pid(), &test_support::ProcessInfo::pid);
  return found == all.end() || found->state == 'S' || found->state == 'Z';
}

TEST_F(FailPointsTest, ARoundDoesNotEndWellWhileSomebodyIsAboutToBreakItForTheDead) {
  const mp::Barrier barrier{2};
  const Counters counters;
  const auto context = mp::get_context("fork");
  mp::Process dead = context.Process([](mp::Barrier) { raise(SIGKILL); }, barrier);
  dead.start();
  dead.join();
  mp::Process finder =
      context.Process(meet_at, barrier, counters, std::string{"synchronize.barrier.dead_found"});
  finder.start();
  wait_until_stopped(finder);
  // The last one that the round wants, and it cannot find the dead party any more.
  mp::Process last = context.Process(meet_at, barrier, counters, std::string{});
  last.start();
  counters.wait_for(2);
  wait_until([&] { return sleeps_or_has_ended(last); });
  kill(*finder.pid(), SIGCONT);
  for (mp::Process* each : {&finder, &last}) {
    each->join();
    EXPECT_EQ(each->exitcode(), broken);
  }
}

TEST_F(FailPointsTest, HundredsOfRandomKillsHangNobodyAndLeaveCountsRight) {
  const int kills = asked("MULTIPROCESSING_TEST_KILLS", 300);
  const test_support::Watchdog allowed{std::chrono::seconds{60 + kills / 5}};
  const Shared shared;
  Workers workers{shared, 4};
  std::mt19937 random{42};
  for (int i = 0; i < kills; ++i) {
    usleep(static_cast<useconds_t>(random() % 4000));
    const std::size_t victim = random() % 4;
    workers.kill(victim);
    workers.replace(victim);
    if (i % 50 == 0) workers.wait_for_progress();
  }
  workers.wait_for_progress();
  workers.stop();
}

}  // namespace
}  // namespace synchronize_test
