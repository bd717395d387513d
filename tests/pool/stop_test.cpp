// Tasks that are stopped: each ends once, and no other one is hit.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "pool_suite.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class StopTest : public PoolTest {};
FOR_EVERY_START_METHOD(StopTest);

int square(int x) { return x * x; }

int endless(const Counters& counters) {
  counters.raise();
  for (;;) pause();
}

int until_asked(mp::StopToken stop, const Counters& counters) {
  counters.raise();
  while (!stop.stop_requested()) std::this_thread::yield();
  return mp::this_task::stop_requested() ? 7 : 0;
}

TEST_P(StopTest, ATaskThatObeysHasEndedByItself) {
  const Counters counters;
  mp::Pool pool(1);
  const auto result = pool.apply_async(until_asked, counters);
  counters.wait_for(1);
  const auto workers = pool.workers();
  EXPECT_FALSE(result.stop(1h));
  EXPECT_EQ(result.get(), 7);
  EXPECT_FALSE(pool.apply([] { return mp::this_task::stop_requested(); })) << "it was asked alone";
  EXPECT_TRUE(pool.workers() == workers) << "nothing was killed";
}

TEST_P(StopTest, ATaskThatDoesNotIsKilledAndItsWorkerReplaced) {
  const Counters counters;
  mp::Pool pool(1);
  const auto result = pool.apply_async({.retries = 5}, endless, counters);
  const auto next = pool.apply_async(square, 3);
  counters.wait_for(1);
  EXPECT_TRUE(result.stop(20ms));
  EXPECT_THROW((void)result.get(), mp::CancelledError);
  EXPECT_TRUE(result.stop(0s)) << "again";
  EXPECT_EQ(next.get(), 9);
  EXPECT_EQ(counters[0], 1U) << "it is not tried again";
}

TEST_P(StopTest, ATaskThatIsQueuedIsCancelledAndOneThatHasEndedStands) {
  const Counters counters;
  mp::Pool pool(1);
  const auto running = pool.apply_async(until_asked, counters);
  counters.wait_for(1);
  const auto queued = pool.apply_async(square, 3);
  EXPECT_TRUE(queued.stop(1h));
  EXPECT_TRUE(queued.cancel());
  EXPECT_THROW((void)queued.get(), mp::CancelledError);
  EXPECT_FALSE(running.stop(1h));
  EXPECT_FALSE(running.stop(0s));
  EXPECT_EQ(running.get(), 7);
}

void sleeps(const Counters& counters) {
  const pid_t child = fork();
  if (child == 0) {
    execlp("sleep", "sleep", "1000", nullptr);
    _exit(1);
  }
  counters[1] = static_cast<std::uint32_t>(child);
  counters.raise();
  for (;;) pause();
}

TEST_P(StopTest, W8WhatAStoppedTaskHasStartedGoesWithIt) {
  const Counters counters;
  mp::Pool pool(1);
  const auto by_hand = pool.apply_async(sleeps, counters);
  counters.wait_for(1);
  EXPECT_TRUE(by_hand.stop(0s));
  wait_until([&] { return !exists(static_cast<pid_t>(counters[1])); });
  do {
    const auto by_time = pool.apply_async({.timeout = 100ms}, sleeps, counters);
    EXPECT_THROW((void)by_time.get(), mp::TimeoutError);
  } while (counters[0] < 2);  // its time may be over before it has started one
  wait_until([&] { return !exists(static_cast<pid_t>(counters[1])); });
}

TEST_P(StopTest, CallbacksAreToldOfAStop) {
  const Counters counters;
  int told = 0;
  const auto note = [&](const std::exception& error) {
    told += dynamic_cast<const mp::CancelledError*>(&error) != nullptr ? 1 : 10;
  };
  mp::Pool pool(1);
  const auto result = pool.apply_async({.error_callback = note}, endless, counters);
  counters.wait_for(1);
  EXPECT_TRUE(result.stop(0s));
  result.wait();
  EXPECT_EQ(told, 1);
}

TEST_P(StopTest, AStopOfAMapEndsAllItsChunks) {
  const Counters counters;
  mp::Pool pool(2);
  const auto result = pool.map_async([](const Counters& c) { return endless(c); },
                                     std::vector<Counters>(10, counters), 1);
  counters.wait_for(2);
  EXPECT_TRUE(result.stop(10ms));
  EXPECT_THROW((void)result.get(), mp::CancelledError);
  EXPECT_EQ(counters[0], 2U);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// ---- from outside

TEST_P(StopTest, AStopTokenCancelsAQueuedTaskAndStopsARunningOne) {
  const Counters counters;
  std::stop_source all;
  mp::Pool pool(1);
  const auto running = pool.apply_async({.stop = all.get_token()}, until_asked, counters);
  counters.wait_for(1);
  const auto queued = pool.apply_async({.stop = all.get_token()}, square, 3);
  const auto other = pool.apply_async(square, 3);
  all.request_stop();
  EXPECT_EQ(running.get(), 7);
  EXPECT_THROW((void)queued.get(), mp::CancelledError);
  EXPECT_EQ(other.get(), 9);
  const auto late = pool.apply_async({.stop = all.get_token()}, square, 3);
  EXPECT_THROW((void)late.get(), mp::CancelledError);
}

TEST_P(StopTest, AStopTokenEndsATaskWhoseResultWasDropped) {
  const Counters counters;
  std::stop_source all;
  mp::Pool pool(1);
  (void)pool.apply_async({.stop = all.get_token()}, until_asked, counters);
  counters.wait_for(1);
  all.request_stop();
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(StopTest, AStopTokenMayOutliveTasksAndPool) {
  std::stop_source all;
  {
    mp::Pool pool(2);
    for (int i = 0; i < 3000; ++i) (void)pool.apply_async({.stop = all.get_token()}, square, i);
    EXPECT_EQ(pool.apply(square, 3), 9);
  }
  all.request_stop();
}

// ---- workers that are stopped or killed meanwhile

void stop_first(const Counters& counters, const std::string& point) {
  if (counters.raise(0) != 0) return;
  mp::detail::arm_fail_point_stop(point);
  counters[1] = static_cast<std::uint32_t>(getpid());
}

TEST_P(StopTest, AWorkerThatStandsStillIsKilledForItsTask) {
  for (const char* point :
       {"pool.task.claimed", "pool.task.before_give", "pool.task.given", "pool.task.before_end"}) {
    SCOPED_TRACE(point);
    const Counters counters;
    mp::Pool pool(1, stop_first, counters, std::string(point));
    const auto text = [](int size) { return std::string(static_cast<std::size_t>(size), 'x'); };
    const auto result = pool.apply_async(text, 10'000);
    const auto next = pool.apply_async(text, 10'000);
    wait_until([&] {
      const std::uint32_t pid = counters[1];
      return pid != 0 && mp::detail::is_stopped(static_cast<pid_t>(pid));
    });
    EXPECT_TRUE(result.stop(10ms));
    EXPECT_THROW((void)result.get(), mp::CancelledError);
    EXPECT_EQ(next.get().size(), 10'000U);
  }
}

int ends_soon(const Counters& begun) {
  begun.raise();
  return 1;
}

TEST_P(StopTest, ACondemnedWorkerMayDieByItself) {
  const Counters counters;
  mp::Pool pool(1, arm_each, counters, std::string("pool.task.condemned"), 1U);
  for (int round = 0; round < 20; ++round) {
    const Counters begun;
    const auto result = pool.apply_async(ends_soon, begun);
    begun.wait_for(1);
    const bool stopped = result.stop(0s);
    try {
      EXPECT_EQ(result.get(), 1);
      EXPECT_FALSE(stopped);
    } catch (const mp::CancelledError&) {
      EXPECT_TRUE(stopped);
    }
  }
}

TEST_P(StopTest, TerminateAmidAStopEndsBoth) {
  for (int round = 0; round < 5; ++round) {
    const Counters counters;
    mp::Pool pool(1);
    const auto result = pool.apply_async(endless, counters);
    counters.wait_for(1);
    std::thread other([&] { result.stop(1h); });
    pool.terminate();
    other.join();
    EXPECT_TRUE(result.ready());
  }
}

/// The pool's process dies with a worker condemned, or about to be: all go with it.
void dies_amid_a_stop(const Counters& counters, const std::string& point) {
  mp::Pool pool(2);
  const auto result = pool.apply_async(endless, counters);
  counters.wait_for(1);
  for (const auto& worker : pool.workers())
    counters[10 + counters.raise(1)] = static_cast<std::uint32_t>(worker.pid());
  mp::detail::arm_fail_point(point);
  (void)result.stop(0s);
}

TEST_P(StopTest, APoolThatDiesAmidAStopLeavesNoWorker) {
  for (const char* point : {"pool.task.before_condemn", "pool.task.after_condemn"}) {
    SCOPED_TRACE(point);
    const Counters counters;
    EXPECT_EQ(test_support::run_in_child(dies_amid_a_stop, counters, std::string(point)), -SIGKILL);
    for (std::size_t i = 0; i < counters[1]; ++i)
      wait_until([&] { return !exists(static_cast<pid_t>(counters[10 + i])); });
  }
}

// ---- at random

int wanted(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::atoi(value) : otherwise;
}

/// Says that it began, and what it was.
int marks(const Counters& counters, int slot, int turns) {
  counters[static_cast<std::size_t>(slot)].fetch_add(1);
  for (int turn = 0; turn < turns; ++turn) std::this_thread::yield();
  return slot;
}

void cancel_and_stop_at_random(bool followed) {
  const int count = wanted("MULTIPROCESSING_TEST_STOPS", 800);
  const test_support::Watchdog longer(std::chrono::seconds(60 + count / 20));
  std::mt19937 random{21};
  mp::Pool pool(3);
  constexpr int batch = 200;
  for (int done = 0; done < count; done += batch) {
    const Counters begun;
    std::vector<int> told(batch);
    std::vector<mp::AsyncResult<int>> results;
    std::vector<char> cancelled(batch);
    std::vector<char> stopped(batch);
    for (int i = 0; i < batch; ++i) {
      const auto count_it = [&told, i](const auto&) { ++told[static_cast<std::size_t>(i)]; };
      mp::TaskOptions<int> options;
      if (followed) options = {.callback = count_it, .error_callback = count_it};
      results.push_back(
          pool.apply_async(options, marks, begun, i, static_cast<int>(random() % 40)));
      const std::size_t other = random() % results.size();
      if (random() % 4 == 0) {
        cancelled[other] = results[other].cancel() || cancelled[other] != 0;
      } else if (random() % 16 == 0) {
        stopped[other] = results[other].stop(0s) || stopped[other] != 0;
      }
    }
    for (std::size_t i = 0; i < batch; ++i) {
      const bool ended_by_hand = cancelled[i] != 0 || stopped[i] != 0;
      try {
        EXPECT_EQ(results[i].get(), static_cast<int>(i));
        EXPECT_FALSE(ended_by_hand);
      } catch (const mp::CancelledError&) {
        EXPECT_TRUE(ended_by_hand) << "another task was hit";
      }
      EXPECT_LE(begun[i], 1U);
      if (cancelled[i] != 0 && stopped[i] == 0) {
        EXPECT_EQ(begun[i], 0U) << "what was cancelled never runs";
      }
      if (followed) {
        EXPECT_EQ(told[i], 1);
      }
    }
  }
}

TEST_P(StopTest, TasksMayBeCancelledAndStoppedAtRandom) { cancel_and_stop_at_random(false); }

TEST_P(StopTest, TasksWithCallbacksMayBeCancelledAndStoppedAtRandom) {
  cancel_and_stop_at_random(true);
}

}  // namespace
}  // namespace pool_test
