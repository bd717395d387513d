// shutdown, the end of an executor, and that of the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "futures_suite.hpp"
#include "support/child_process.hpp"

namespace futures_test {
namespace {

class ShutdownTest : public FuturesTest {};
FOR_EVERY_START_METHOD(ShutdownTest);

int twice(int x) { return 2 * x; }
void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}

/// What the program says, when it ends well.
std::string said(const std::string& method, const char* mode) {
  const test_support::ProgramResult result = test_support::run_program(
      {FUTURES_PROGRAM, mode}, {.environment = {"MULTIPROCESSING_START_METHOD=" + method}});
  EXPECT_EQ(result.exitcode, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.out;
}

// CPython: test_shutdown.test_run_after_shutdown
TEST_P(ShutdownTest, NothingIsTakenAfterIt) {
  mp::ProcessPoolExecutor executor(1);
  executor.shutdown();
  try {
    (void)executor.submit(twice, 1);
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "cannot schedule new futures after shutdown");
  }
  EXPECT_THROW((void)executor.map(twice, std::vector{1}), std::runtime_error);
}

// CPython: test_shutdown.test_interpreter_shutdown
TEST_P(ShutdownTest, TheEndOfTheProgramWaitsForTheWork) {
  EXPECT_EQ(said(GetParam(), "global"), "apple\n");
  EXPECT_EQ(said(GetParam(), "leaked"), "apple\n");
}

// CPython: test_shutdown.test_submit_after_interpreter_shutdown
TEST_P(ShutdownTest, NothingIsTakenWhileTheProgramEnds) {
  EXPECT_EQ(said(GetParam(), "handler"), "refused\n");
}

// CPython: test_shutdown.test_hang_gh83386
TEST_P(ShutdownTest, TheEndOfTheProgramWaitsForWorkThatNoShutdownWaitedFor) {
  EXPECT_EQ(said(GetParam(), "no_wait"), "apple\napple\napple\n");
}

TEST_P(ShutdownTest, TheProgramEndsWhileOtherThreadsSubmit) {
  EXPECT_EQ(said(GetParam(), "amid"), "apple\n");
}

// CPython: test_shutdown.test_hang_issue12364
// CPython: test_shutdown.test_context_manager_shutdown
TEST_P(ShutdownTest, AllThatWasSubmittedIsDone) {
  std::vector<mp::Future<int>> futures;
  {
    mp::ProcessPoolExecutor executor(2);
    for (int i = 0; i < 50; ++i) futures.push_back(executor.submit(twice, i));
    executor.shutdown();
    executor.shutdown();
    EXPECT_TRUE(executor.workers().empty());
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), 2 * i);
}

// CPython: test_shutdown.test_cancel_futures
TEST_P(ShutdownTest, WhatHasNotBegunIsCancelledOnRequest) {
  mp::ProcessPoolExecutor executor(2);
  const Counters counters;
  std::vector<mp::Future<void>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(executor.submit(wait_for_go, counters));
  counters.wait_for(2);
  executor.shutdown({.wait = false, .cancel_futures = true});
  counters.raise(1);
  executor.shutdown();
  EXPECT_EQ(std::ranges::count_if(futures, [](const auto& each) { return each.cancelled(); }), 48);
  for (const auto& future : futures) EXPECT_TRUE(future.done());
}

// CPython: test_shutdown.test_hang_gh94440
TEST_P(ShutdownTest, AfterACancelItDoesNotHang) {
  for (int i = 0; i < 3; ++i) {
    mp::ProcessPoolExecutor executor(1);
    executor.submit(twice, 1).cancel();
    executor.shutdown();
  }
}

// CPython: test_shutdown.test_processes_terminate
// CPython: test_shutdown.test_shutdown_no_wait
TEST_P(ShutdownTest, WorkersEndWhenTheWorkIsDone) {
  for (const bool wait : {true, false}) {
    mp::ProcessPoolExecutor executor(3);
    const Counters counters;
    for (int i = 0; i < 3; ++i) (void)executor.submit(wait_for_go, counters);
    const auto workers = executor.workers();
    EXPECT_EQ(workers.size(), 3U);
    if (!wait) executor.shutdown({.wait = false});
    counters.raise(1);
    if (wait) executor.shutdown();
    for (const auto& worker : workers) wait_until([&] { return !exists(worker.pid()); });
  }
}

// CPython: test_shutdown.test_del_shutdown
TEST_P(ShutdownTest, AnExecutorThatIsDroppedHasItsWorkDone) {
  std::optional<mp::Results<int>> results;
  {
    mp::ProcessPoolExecutor executor(2);
    results = executor.map(twice, std::vector{1, 2, 3});
  }
  EXPECT_EQ(results->take(9), (std::vector{2, 4, 6}));
}

TEST_P(ShutdownTest, AForkedChildCannotUseItAndEndsIt) {
  auto executor = std::make_unique<mp::ProcessPoolExecutor>(1);
  const auto future = executor->submit(twice, 4);
  (void)future.result();
  const pid_t child = fork();
  if (child == 0) {
    int wrong = 0;
    try {
      (void)executor->submit(twice, 1);
      wrong = 1;
    } catch (const mp::AssertionError&) {
    }
    executor.reset();
    _exit(wrong);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(executor->submit(twice, 5).result(), 10);
}

}  // namespace
}  // namespace futures_test
