// ProcessPoolManager: results by id, batches, start and stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "futures_suite.hpp"
#include "multiprocessing/reduction/partial.hpp"

namespace futures_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ManagerTest : public FuturesTest {};
FOR_EVERY_START_METHOD(ManagerTest);

int square(int number) {
  if (number < 0) throw std::domain_error("a negative number");
  return number * number;
}

void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}

TEST_P(ManagerTest, ResultsAreFetchedInAnyOrderEachOnce) {
  mp::ProcessPoolManager manager(2);
  manager.submit_task("bad", square, -1);
  manager.submit_task({.priority = 1}, "five", square, 5);
  manager.submit_task(
      "own", [](int n) { return std::make_unique<int>(n); }, 6);
  EXPECT_EQ(*manager.get_result<std::unique_ptr<int>>("own"), 6);
  EXPECT_EQ(manager.get_result<int>("five"), 25);
  EXPECT_THROW(manager.get_result<int>("five", 0s), mp::TimeoutError);
  EXPECT_THROW(manager.get_result<int>("bad"), std::domain_error);
  manager.submit_task("bad", square, 1);
  EXPECT_EQ(manager.get_result<int>("bad"), 1);
}

TEST_P(ManagerTest, ADeathCostsTheResultOfOneId) {
  mp::ProcessPoolManager manager(1);
  manager.submit_task("dead", [] { raise(SIGKILL); });
  manager.submit_task("five", square, 5);
  EXPECT_THROW(manager.get_result<void>("dead"), mp::WorkerDied);
  EXPECT_EQ(manager.get_result<int>("five"), 25);
}

TEST_P(ManagerTest, AnIdIsInUseUntilItsResultIsFetched) {
  mp::ProcessPoolManager manager(1);
  manager.submit_task("one", square, 1);
  try {
    manager.submit_task("one", square, 2);
    ADD_FAILURE();
  } catch (const mp::ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("\"one\""));
  }
  EXPECT_THROW(manager.get_result<std::string>("one"), mp::ValueError);  // an int, and still there
  EXPECT_EQ(manager.get_result<int>("one"), 1);
}

TEST_P(ManagerTest, AnUnknownIdIsWaitedForByOneThread) {
  mp::ProcessPoolManager manager(1);
  int result = 0;
  std::thread waiting([&] {
    while (result == 0) try {
        result = manager.get_result<int>("late");
      } catch (const mp::ValueError&) {
        // the other thread looked just then
      }
  });
  wait_until([&] {
    try {
      manager.get_result<int>("late", 0s);
      return false;
    } catch (const mp::TimeoutError& error) {
      EXPECT_THAT(error.what(), HasSubstr("\"late\""));
      return false;
    } catch (const mp::ValueError& error) {
      EXPECT_THAT(error.what(), HasSubstr("another thread waits"));
      return true;
    }
  });
  EXPECT_THROW(manager.submit_task({.tokens = {{"gpu", 1}}}, "late", square, 2), mp::ValueError);
  manager.submit_task("late", square, 3);
  waiting.join();
  EXPECT_EQ(result, 9);
}

TEST_P(ManagerTest, WhatHasNotBegunCanBeCancelledAndATimeOutLosesNothing) {
  mp::ProcessPoolManager manager(1);
  const Counters counters;
  manager.submit_task("runs", wait_for_go, counters);
  manager.submit_task("queued", square, 1);
  counters.wait_for(1);
  EXPECT_THROW(manager.get_result<void>("runs", 1ms), mp::TimeoutError);
  EXPECT_FALSE(manager.cancel_task("runs"));
  EXPECT_FALSE(manager.cancel_task("unknown"));
  EXPECT_TRUE(manager.cancel_task("queued"));
  EXPECT_EQ(manager.stats().running, 1U);
  EXPECT_THROW(manager.get_result<int>("queued"), mp::CancelledError);
  manager.submit_task("queued", square, 2);
  counters.raise(1);
  manager.get_result<void>("runs");
  EXPECT_EQ(manager.get_result<int>("queued"), 4);
}

TEST_P(ManagerTest, ManyAtOnceAndBatchesGiveResultsInOrder) {
  mp::ProcessPoolManager manager(2);
  std::vector<int> items(7);
  std::iota(items.begin(), items.end(), 0);
  const std::vector<int> squares{0, 1, 4, 9, 16, 25, 36};
  EXPECT_EQ(manager.map_tasks(square, items), squares);
  EXPECT_EQ(manager.batch_process(square, items, 3), squares);
  EXPECT_EQ(manager.batch_process(square, items), squares);
  EXPECT_EQ(manager.batch_process(square, std::vector<int>{}), std::vector<int>{});
  EXPECT_THROW(manager.batch_process(square, items, 0), mp::ValueError);
  EXPECT_THROW(manager.map_tasks(square, std::vector{1, -1}), std::domain_error);
}

TEST_P(ManagerTest, ABatchBeginsWhenTheOneBeforeItIsDone) {
  mp::ProcessPoolManager manager(4);
  const Counters counters;
  manager.set_shared_data("counters", counters);
  const auto task = mp::partial(
      [](const mp::SharedData& data, int number) {
        const auto all = data.get<Counters>("counters").value();
        const bool right = all[0] == static_cast<unsigned>(number / 2 * 2);
        all.raise(1);
        all.wait_for(static_cast<unsigned>(number / 2 * 2 + 2), 1);  // both of a batch run
        all.raise(2);
        all.wait_for(static_cast<unsigned>(number / 2 * 2 + 2), 2);  // and both have looked
        all.raise(0);
        return right;
      },
      manager.shared_data());
  EXPECT_EQ(manager.batch_process(task, std::vector{0, 1, 2, 3, 4, 5}, 2),
            std::vector<bool>(6, true));
}

TEST_P(ManagerTest, AStoppedManagerKeepsItsResultsAndStartsAgain) {
  mp::ProcessPoolManager manager(1);
  manager.start();
  manager.submit_task("before", square, 3);
  int cancelled = 0;
  std::thread waiting([&] {
    try {
      manager.get_result<int>("never");
    } catch (const mp::CancelledError&) {
      ++cancelled;
    }
  });
  manager.stop();
  manager.stop();
  waiting.join();
  EXPECT_EQ(cancelled, 1);
  EXPECT_THROW(manager.get_result<int>("unknown"), mp::CancelledError);
  EXPECT_THROW(manager.submit_task("after", square, 4), std::runtime_error);
  EXPECT_THROW(manager.map_tasks(square, std::vector{1}), std::runtime_error);
  EXPECT_EQ(manager.get_result<int>("before"), 9);
  manager.start();
  manager.submit_task("after", square, 4);
  EXPECT_EQ(manager.get_result<int>("after"), 16);
}

}  // namespace
}  // namespace futures_test
