// Tasks that are to begin, or to be over, by a time.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class DeadlineTest : public PoolTest {};
FOR_EVERY_START_METHOD(DeadlineTest);

int square(int x) { return x * x; }

int endless(int) {
  for (;;) pause();
}

/// Runs until it is let go.
int held(const Counters& counters, int x) {
  counters.raise(0);
  counters.wait_for(1, 1);
  return x;
}

/// What is thrown says when the task was late.
void expect_late(const mp::AsyncResult<int>& result, const std::string& how) {
  try {
    (void)result.get();
    ADD_FAILURE() << "it is over";
  } catch (const mp::TimeoutError& error) {
    EXPECT_NE(std::string(error.what()).find(how), std::string::npos) << error.what();
  }
  EXPECT_TRUE(result.ready());
  EXPECT_FALSE(result.successful());
}

TEST_P(DeadlineTest, AnEndlessTaskEndsByItsTimeAmongOthersThatSucceed) {
  mp::Pool pool(2);
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 100; ++i) {
    if (i == 37) results.push_back(pool.apply_async({.timeout = 200ms}, endless, i));
    results.push_back(pool.apply_async(square, i));
  }
  expect_late(results[37], "not over in time");
  results.erase(results.begin() + 37);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  wait_until([&] { return pool.workers().size() == 2; });
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(DeadlineTest, TheTimeOfATaskBeginsWhenItDoes) {
  const Counters counters;
  mp::Pool pool(1);
  const auto first = pool.apply_async(held, counters, 1);
  counters.wait_for(1, 0);
  const auto second = pool.apply_async({.timeout = 100ms}, square, 2);
  EXPECT_FALSE(second.wait(250ms)) << "it is queued";
  counters.raise(1);
  EXPECT_EQ(second.get(), 4);
  EXPECT_EQ(first.get(), 1);
}

TEST_P(DeadlineTest, TasksThatCameBehindOthersAreEndedByTheirTimesToo) {
  mp::Pool pool(1);
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 3; ++i)
    results.push_back(pool.apply_async({.timeout = 50ms, .retries = 3}, endless, i));
  for (const auto& result : results) expect_late(result, "not over in time");
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(DeadlineTest, ATaskThatExpiresWhileItIsQueuedNeverBegins) {
  const Counters counters;
  mp::Pool pool(1);
  const auto first = pool.apply_async(held, counters, 1);
  counters.wait_for(1, 0);
  const auto second = pool.apply_async({.expires = 50ms}, held, counters, 2);
  const auto third = pool.apply_async({.expires = 1h}, square, 3);
  expect_late(second, "did not begin in time");
  counters.raise(1);
  EXPECT_EQ(third.get(), 9);
  EXPECT_EQ(counters[0], 1U);
  EXPECT_EQ(first.get(), 1);
}

TEST_P(DeadlineTest, ATimeOfNothingHasPassedBeforeSubmit) {
  const Counters counters;
  counters.raise(1);
  mp::Pool pool(1);
  expect_late(pool.apply_async({.timeout = 0s}, held, counters, 1), "did not begin in time");
  expect_late(pool.apply_async({.expires = 0s}, held, counters, 1), "did not begin in time");
  expect_late(pool.apply_async({.expires = -1s}, held, counters, 1), "did not begin in time");
  EXPECT_EQ(counters[0], 0U);
}

TEST_P(DeadlineTest, CallbacksAreToldOfTasksThatAreLate) {
  int late = 0;
  const auto note = [&](const std::exception& error) {
    late += dynamic_cast<const mp::TimeoutError*>(&error) != nullptr ? 1 : 0;
  };
  mp::Pool pool(1);
  (void)pool.apply_async({.error_callback = note, .timeout = 0s}, square, 1);
  (void)pool.apply_async({.error_callback = note, .timeout = 50ms}, endless, 1);
  (void)pool.apply_async({.error_callback = note, .expires = 20ms}, square, 1);
  pool.close();
  pool.join();
  EXPECT_EQ(late, 3);
}

TEST_P(DeadlineTest, ATaskIsTriedAgainWithinItsTimes) {
  const Counters counters;
  mp::Pool pool(1);
  const auto dies_once = [](const Counters& c) {
    if (c.raise() == 0) raise(SIGKILL);
    for (;;) pause();
    return 0;
  };
  expect_late(pool.apply_async({.timeout = 200ms, .retries = 5}, dies_once, counters),
              "not over in time");
  EXPECT_EQ(counters[0], 2U) << "a time that is over ends it for good";
}

void stop_first_timed(const Counters& counters) {
  if (counters.raise(0) == 0) mp::detail::arm_fail_point_stop("pool.task.timed");
}

TEST_P(DeadlineTest, AStoppedWorkerIsKilledWhenTheTimeOfItsTaskIsOver) {
  const Counters counters;
  mp::Pool pool(1, stop_first_timed, counters);
  expect_late(pool.apply_async({.timeout = 100ms}, square, 1), "not over in time");
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(DeadlineTest, ManyLimitsThatAreKeptLeaveNothing) {
  mp::Pool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::vector<mp::AsyncResult<int>> results;
    for (int i = 0; i < 1500; ++i)
      results.push_back(pool.apply_async({.timeout = 1h, .expires = 1h}, square, i));
    for (int i = 0; i < 1500; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  }
}

}  // namespace
}  // namespace pool_test
