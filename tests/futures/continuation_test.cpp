// What is made of futures: then, then_submit, when_all, std_future; and callbacks of tasks.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "futures_suite.hpp"

namespace futures_test {
namespace {

using namespace std::chrono_literals;

class ContinuationTest : public FuturesTest {};
FOR_EVERY_START_METHOD(ContinuationTest);

int twice(int x) { return 2 * x; }
int throws(int x) { throw std::domain_error(std::to_string(x)); }
void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}

TEST_P(ContinuationTest, CallbacksOfATaskRunInOneThreadInTheOrderOfEndsAfterItIsDone) {
  mp::ProcessPoolExecutor executor(1);
  std::vector<int> order;
  std::atomic<int> calls{0};
  std::atomic<bool> done_before{true}, elsewhere{true};
  const Counters counters;
  const auto first = executor.submit(wait_for_go, counters);
  for (int i = 0; i < 4; ++i)
    executor.submit(twice, i).add_done_callback([&](const mp::Future<int>& future) {
      if (!future.done()) done_before = false;
      order.push_back(future.result());
      ++calls;
    });
  first.add_done_callback([&, here = std::this_thread::get_id()](const mp::Future<void>&) {
    if (std::this_thread::get_id() == here) elsewhere = false;
    ++calls;
  });
  counters.raise(1);
  executor.shutdown();  // also for the callbacks
  EXPECT_EQ(calls, 5);
  EXPECT_TRUE(done_before);
  EXPECT_TRUE(elsewhere);
  EXPECT_EQ(order, (std::vector{0, 2, 4, 6}));
}

TEST_P(ContinuationTest, ACallbackOfATaskThatWasCancelledRuns) {
  mp::ProcessPoolExecutor executor(1);
  const Counters counters;
  const auto running = executor.submit(wait_for_go, counters);
  const auto queued = executor.submit(twice, 1);
  std::atomic<bool> called{false};
  queued.add_done_callback([&](const mp::Future<int>& done) { called = done.cancelled(); });
  EXPECT_FALSE(queued.running());  // it only waits for a worker
  EXPECT_TRUE(queued.cancel());
  wait_until([&] { return called.load(); });
  counters.raise(1);
  running.result();
}

TEST_P(ContinuationTest, ThenGoesOnWithTheResultAndPassesAnExceptionOn) {
  mp::ProcessPoolExecutor executor(1);
  const auto text = executor.submit(twice, 4).then([](int x) { return std::to_string(x); });
  EXPECT_EQ(text.result(), "8");
  bool called = false;
  const auto failed = executor.submit(throws, 7).then([&](int) { called = true; });
  EXPECT_EQ(told(failed.exception()), "std::domain_error: 7");
  EXPECT_FALSE(called);
  const auto thrown = text.then([](const std::string&) -> int { throw std::length_error("x"); });
  EXPECT_THROW(thrown.result(), std::length_error);
}

TEST_P(ContinuationTest, ThenSubmitGoesOnInAWorker) {
  mp::ProcessPoolExecutor executor(2);
  const auto pid = executor.submit(twice, 4).then_submit(executor, [](int x) {
    return std::pair{x, ::getpid()};
  });
  EXPECT_EQ(pid.result().first, 8);
  EXPECT_NE(pid.result().second, getpid());
  const auto failed = executor.submit(throws, 7).then_submit(executor, twice);
  EXPECT_THROW(failed.result(), std::domain_error);
  executor.shutdown();
  EXPECT_THROW(pid.then_submit(executor, [](std::pair<int, pid_t>) {}).result(),
               std::runtime_error);
}

TEST_P(ContinuationTest, WhenAllGivesAllResultsOrTheFirstException) {
  mp::ProcessPoolExecutor executor(2);
  const auto number = executor.submit(twice, 4);
  const auto nothing = executor.submit([] {});
  EXPECT_EQ(mp::when_all(number, nothing).result(), (std::tuple{8, mp::None_t{}}));
  const std::vector numbers{number, executor.submit(twice, 5)};
  EXPECT_EQ(mp::when_all(numbers).result(), (std::vector{8, 10}));
  EXPECT_EQ(mp::when_all(std::vector<mp::Future<int>>{}).result(), std::vector<int>{});
  const auto failed = mp::when_all(executor.submit(throws, 1), number, executor.submit(throws, 2));
  EXPECT_EQ(told(failed.exception()), "std::domain_error: 1");
}

TEST_P(ContinuationTest, AFutureOfTheStandardLibraryHasTheSameResult) {
  mp::ProcessPoolExecutor executor(1);
  EXPECT_EQ(executor.submit(twice, 4).std_future().get(), 8);
  EXPECT_THROW(executor.submit(throws, 4).std_future().get(), std::domain_error);
  EXPECT_EQ(*executor.submit([] { return std::make_unique<int>(3); }).std_future().get(), 3);
}

TEST_P(ContinuationTest, ACallbackMaySubmitAndWaitForTasks) {
  mp::ProcessPoolExecutor executor(1);
  const auto sum = executor.submit(twice, 1).then([&](int two) {
    const std::vector more{executor.submit(twice, two), executor.submit(twice, 3)};
    int sum = 0;
    for (const auto& future : mp::as_completed(more)) sum += future.result();
    return sum + static_cast<int>(mp::wait(more).done.size());
  });
  EXPECT_EQ(sum.result(), 4 + 6 + 2);
}

TEST_P(ContinuationTest, ACallbackThatWouldWaitForAnotherCallbackIsToldSo) {
  mp::ProcessPoolExecutor executor(1);
  const Counters counters;
  const auto waits = executor.submit(twice, 1).then([&](int two) {
    const auto later = executor.submit(wait_for_go, counters).then([] { return 1; });
    const std::vector<mp::AnyFuture> both{later, mp::when_all(later)};
    EXPECT_THROW((void)mp::wait(both), mp::AssertionError);
    EXPECT_THROW((void)later.result(), mp::AssertionError);
    counters.raise(1);
    return two;
  });
  EXPECT_EQ(waits.result(), 2);
}

TEST_P(ContinuationTest, AnExecutorMayBeShutDownInItsCallback) {
  mp::ProcessPoolExecutor executor(1);
  const auto done = executor.submit(twice, 1).then([&](int) { executor.shutdown(); });
  done.result();
  EXPECT_THROW((void)executor.submit(twice, 1), std::runtime_error);
}

TEST_P(ContinuationTest, WhatComesOfDroppedFuturesLeavesNothing) {
  const auto before = in_use();
  {
    mp::ProcessPoolExecutor executor(2);
    std::atomic<int> calls{0};
    for (int i = 0; i < 500; ++i) {
      auto future = executor.submit(twice, i);
      if (i % 2 == 0) future.add_done_callback([&](const auto&) { ++calls; });
      if (i % 3 == 0) {
        EXPECT_LE(mp::wait(std::vector{future}, {.timeout = 0s}).done.size(), 1U);
      }
    }
    executor.shutdown();
    EXPECT_EQ(calls, 250);
  }
  EXPECT_EQ(in_use(), before);
}

}  // namespace
}  // namespace futures_test
