// Workers that die with a task in hand, or with none: one task is lost at most, and it says so.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "pool_suite.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

class ApplyDeathTest : public PoolTest {};
FOR_EVERY_START_METHOD(ApplyDeathTest);

int dies_at_37(int x) {
  if (x == 37) raise(SIGKILL);
  return x;
}

TEST_P(ApplyDeathTest, W10AKilledWorkerFailsTheTaskItHadAndIsReplaced) {
  mp::Pool pool(2);
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async(dies_at_37, i));
  for (int i = 0; i < 100; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    if (i != 37) {
      EXPECT_EQ(result.get(), i);
      continue;
    }
    try {
      (void)result.get();
      ADD_FAILURE();
    } catch (const mp::WorkerDied& death) {
      EXPECT_EQ(death.exitcode(), -SIGKILL);
      const std::string told = death.what();
      EXPECT_TRUE(told.starts_with("worker " + std::to_string(death.pid()) +
                                   " was killed by SIGKILL while it had a task, submitted in "))
          << told;
    }
    EXPECT_FALSE(result.successful());
  }
  wait_until([&] { return pool.workers().size() == 2; });
  EXPECT_EQ(pool.apply(dies_at_37, 1), 1);
}

TEST_P(ApplyDeathTest, EveryWayToDieIsReportedAsWhatItWas) {
  mp::Pool pool(2);
  const auto die = [](int how) {
    if (how == 0) std::exit(5);
    if (how == 1) _exit(3);
    signal(how, SIG_DFL);  // a sanitizer may have its own
    raise(how);
  };
  for (const auto& [how, code] : std::vector<std::pair<int, int>>{
           {0, 5}, {1, 3}, {SIGSEGV, -SIGSEGV}, {SIGABRT, -SIGABRT}, {SIGTERM, -SIGTERM}}) {
    try {
      pool.apply(die, how);
      ADD_FAILURE();
    } catch (const mp::WorkerDied& death) {
      EXPECT_EQ(death.exitcode(), code);
    }
  }
  EXPECT_THROW(pool.apply([] { pthread_exit(nullptr); }), mp::WorkerDied);
}

TEST_P(ApplyDeathTest, W11AKilledIdleWorkerCostsNothing) {
  mp::Pool pool(2);
  for (int round = 0; round < 5; ++round) {
    const auto workers = pool.workers();
    if (workers.empty()) continue;
    workers.front().kill();
    workers.front().join();
    EXPECT_EQ(pool.apply(dies_at_37, round), round);
  }
}

TEST_P(ApplyDeathTest, TasksOfAClosedPoolAreDoneThoughAllWorkersDie) {
  mp::Pool pool(2);
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 20; ++i)
    results.push_back(pool.apply_async([](int x) { return x % 2 == 0 ? raise(SIGKILL) : x; }, i));
  pool.close();
  pool.join();
  for (int i = 0; i < 20; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    EXPECT_TRUE(result.ready());
    if (i % 2 == 0) {
      EXPECT_THROW((void)result.get(), mp::WorkerDied);
    } else {
      EXPECT_EQ(result.get(), i);
    }
  }
}

TEST_P(ApplyDeathTest, DroppedTasksWhoseWorkerDiesLeaveNothing) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.apply(dies_at_37, 1), 1);
  const Counters counters;
  const InUse before = in_use();
  for (int i = 0; i < 10; ++i) {
    const auto task = [](const Counters& c, std::string) {
      c.raise();
      raise(SIGKILL);
    };
    (void)pool.apply_async(task, counters, std::string(10'000, 'x'));
  }
  counters.wait_for(10);
  wait_until([&] { return pool.workers().size() == 2 && in_use() == before; });
}

// ---- fail points

struct Place {
  const char* point;
  bool loses_task;  // at the others nothing can be lost
};

const std::vector<Place> places{
    {"pool.task.named", false},     {"pool.task.taken", false},
    {"pool.task.claimed", true},    {"pool.task.before_give", true},
    {"pool.task.given", true},      {"pool.task.before_give_error", true},
    {"pool.task.before_end", true}, {"pool.task.cleaned", true},
    {"pool.task.ended", false},     {"pool.task.woke", false},
    {"pool.task.listed", false},
};

std::string text_of(int x) { return std::string(static_cast<std::size_t>(x) * 20, 'x'); }
int throws(int x) { throw std::domain_error(std::to_string(x)); }

/// How many tasks were lost with their worker.
template <class Result, class Expect>
int lost_among(const std::vector<Result>& results, Expect expect) {
  int lost = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    try {
      expect(results[i], static_cast<int>(i));
    } catch (const mp::WorkerDied&) {
      ++lost;
    }
  }
  return lost;
}

int lost_of_many(mp::Pool& pool) {
  std::vector<mp::AsyncResult<int>> small;
  std::vector<mp::AsyncResult<std::string>> large;
  std::vector<mp::AsyncResult<int>> failing;
  std::vector<int> told(20);
  std::vector<mp::AsyncResult<int>> followed;
  for (int i = 0; i < 20; ++i) {
    const auto count = [&told, i](const auto&) { ++told[static_cast<std::size_t>(i)]; };
    followed.push_back(
        pool.apply_async({.callback = count, .error_callback = count}, dies_at_37, i));
    small.push_back(pool.apply_async(dies_at_37, i));
    large.push_back(pool.apply_async(text_of, i));
    failing.push_back(pool.apply_async(throws, i));
    (void)pool.apply_async(text_of, i);
  }
  int lost = 0;
  lost += lost_among(followed, [](const auto& result, int i) { EXPECT_EQ(result.get(), i); });
  EXPECT_EQ(told, std::vector<int>(20, 1));
  lost += lost_among(small, [](const auto& result, int i) { EXPECT_EQ(result.get(), i); });
  lost += lost_among(large, [](const auto& result, int i) { EXPECT_EQ(result.get(), text_of(i)); });
  lost += lost_among(failing, [](const auto& result, int i) {
    try {
      (void)result.get();
      ADD_FAILURE();
    } catch (const std::domain_error& error) {
      EXPECT_EQ(error.what(), std::to_string(i));
    }
  });
  return lost;
}

TEST_P(ApplyDeathTest, AWorkerMayBeKilledAtAnyFailPoint) {
  const test_support::Watchdog longer(std::chrono::seconds(240));
  for (const Place& place : places) {
    for (const unsigned pass : passes_asked_for({1, 2, 7})) {
      SCOPED_TRACE(place.point + std::string(" ") + std::to_string(pass));
      const Counters armed;
      mp::Pool pool(2, arm_first, armed, place.point, pass);
      int lost = 0;
      // A third worker takes the place of one that died, however the machine spreads the work.
      do lost += lost_of_many(pool);
      while (armed[0] <= 2);
      EXPECT_LE(lost, place.loses_task ? 1 : 0);
      EXPECT_EQ(lost_of_many(pool), 0);
    }
  }
}

TEST_P(ApplyDeathTest, EveryWorkerMayBeKilledAgainAndAgain) {
  const test_support::Watchdog longer(std::chrono::seconds(240));
  for (const Place& place : places) {
    SCOPED_TRACE(place.point);
    const Counters armed;
    mp::Pool pool(2, arm_each, armed, std::string(place.point), 4U);
    int lost = 0;
    do lost += lost_of_many(pool);
    while (armed[0] <= 4);
    EXPECT_LE(lost, place.loses_task ? static_cast<int>(armed[0]) : 0);
  }
}

// ---- at random

TEST_P(ApplyDeathTest, WorkersMayBeKilledAtRandom) {
  const int rounds = rounds_with_kills();
  const test_support::Watchdog longer(std::chrono::seconds(60 + rounds));
  mp::Pool pool(3);
  std::atomic<bool> over = false;
  std::atomic<int> begun = 0;
  int kills = 0;
  std::thread killer{[&] {
    std::mt19937 random{20};
    while (!over) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const auto workers = pool.workers();
      if (workers.empty() || kills >= 2 * begun) continue;
      workers[random() % workers.size()].kill();
      ++kills;
    }
  }};
  int lost = 0;
  for (int round = 0; round < rounds; ++round) {
    ++begun;
    std::vector<mp::AsyncResult<std::string>> results;
    std::vector<int> told(300);
    for (std::size_t i = 0; i < 300; ++i) {
      const auto count = [&told, i](const auto&) { ++told[i]; };
      mp::TaskOptions<std::string> options;
      if (i % 2 == 0) options = {.callback = count, .error_callback = count};
      results.push_back(pool.apply_async(
          options,
          [](int x) {
            for (int turn = 0; turn < 20; ++turn) sched_yield();
            return std::to_string(x);
          },
          static_cast<int>(i)));
    }
    lost += lost_among(
        results, [](const auto& result, int i) { EXPECT_EQ(result.get(), std::to_string(i)); });
    for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(told[i], i % 2 == 0 ? 1 : 0);
  }
  over = true;
  killer.join();
  EXPECT_GT(kills, 0);
  EXPECT_LE(lost, kills) << "one task for each death at most";
  EXPECT_EQ(pool.apply(dies_at_37, 2), 2);
}

}  // namespace
}  // namespace pool_test
