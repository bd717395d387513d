// When the workers of an executor start, how many there are, how they are replaced and ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/fail_point.hpp"
#include "futures_suite.hpp"

namespace futures_test {
namespace {

using testing::HasSubstr;

class WorkersTest : public FuturesTest {};
FOR_EVERY_START_METHOD(WorkersTest);

int product(int a, int b) { return a * b; }
int pid_of_worker() { return getpid(); }
void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}
void wait_for_ever(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 2);
  counters.raise(3);
}

// CPython: test_process_pool.test_saturation
TEST_P(WorkersTest, ThereAreNoMoreWorkersThanWereAskedFor) {
  mp::ProcessPoolExecutor executor(4);
  EXPECT_TRUE(executor.workers().empty());
  const Counters counters;
  std::vector<mp::Future<void>> futures;
  for (int i = 0; i < 60; ++i) futures.push_back(executor.submit(wait_for_go, counters));
  EXPECT_EQ(executor.workers().size(), 4U);
  counters.raise(1);
  EXPECT_EQ(mp::wait(futures).done.size(), 60U);
}

TEST_P(WorkersTest, AnInitializerThatHangsBreaksTheExecutor) {
  const Counters counters;
  mp::ProcessPoolExecutor executor(
      {.max_workers = 2, .initializer_timeout = std::chrono::milliseconds{100}}, wait_for_ever,
      counters);
  const auto future = executor.submit(product, 2, 3);
  EXPECT_THROW((void)future.result(), mp::TimeoutError);
  EXPECT_THROW((void)executor.submit(product, 2, 3), mp::TimeoutError);
  EXPECT_EQ(counters[3], 0U);
}

TEST_P(WorkersTest, TheStatisticsCountTasksAndWorkers) {
  mp::ProcessPoolExecutor executor(1);
  EXPECT_TRUE(executor.stats().workers.empty());
  const Counters counters;
  executor.submit(product, 2, 3).result();
  const std::vector futures{executor.submit(wait_for_go, counters),
                            executor.submit(wait_for_go, counters)};
  counters.wait_for(1);
  const mp::PoolStats stats = executor.stats();
  EXPECT_EQ(stats.done, 1U);
  EXPECT_EQ(stats.running, 1U);
  EXPECT_EQ(stats.queued, 1U);
  ASSERT_EQ(stats.workers.size(), 1U);
  EXPECT_EQ(stats.workers[0].pid, executor.workers()[0].pid());
  counters.raise(1);
}

// CPython: test_process_pool.test_idle_process_reuse_one
TEST_P(WorkersTest, AnIdleWorkerIsUsedAgain) {
  mp::ProcessPoolExecutor executor(4);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(executor.submit(product, 21, i).result(), 21 * i);
    EXPECT_EQ(executor.workers().size(), forks() ? 4U : 1U);
  }
}

// CPython: test_process_pool.test_idle_process_reuse_multiple
TEST_P(WorkersTest, IdleWorkersAreUsedAgain) {
  mp::ProcessPoolExecutor executor(5);
  const auto first = executor.submit(product, 12, 7), second = executor.submit(product, 33, 25);
  EXPECT_EQ(first.result() + second.result(), 84 + 825);
  EXPECT_EQ(executor.submit(product, 25, 26).result(), 650);
  EXPECT_EQ(executor.submit(product, 18, 29).result(), 522);
  EXPECT_LE(executor.workers().size(), forks() ? 5U : 2U);
}

TEST_P(WorkersTest, WithoutRoomNothingIsSubmitted) {
  mp::ProcessPoolExecutor executor({.max_workers = 1, .max_pending = 2});
  const Counters counters;
  const auto first = executor.submit(wait_for_go, counters);
  const auto second = executor.try_submit(product, 2, 3);
  ASSERT_TRUE(second);
  EXPECT_FALSE(executor.try_submit(product, 2, 3));
  std::atomic<int> called{0};  // what is followed for its room is followed for a callback, too
  second->add_done_callback([&](const mp::Future<int>& done) { called = done.result(); });
  counters.raise(1);
  EXPECT_EQ(executor.submit(product, 3, 3).result(), 9);
  executor.shutdown();
  EXPECT_EQ(called, 6);
}

// CPython: test_process_pool.test_max_tasks_per_child
TEST_P(WorkersTest, AWorkerIsReplacedAfterItsTasks) {
  if (forks()) {
    EXPECT_THROW(
        mp::ProcessPoolExecutor({.mp_context = mp::get_context("fork"), .max_tasks_per_child = 3}),
        mp::ValueError);
    return;
  }
  mp::ProcessPoolExecutor executor(
      {.max_workers = 1, .mp_context = mp::get_context(GetParam()), .max_tasks_per_child = 3});
  std::vector<int> pids;
  for (int i = 0; i < 4; ++i) pids.push_back(executor.submit(pid_of_worker).result());
  EXPECT_EQ(pids[0], pids[1]);
  EXPECT_EQ(pids[1], pids[2]);
  EXPECT_NE(pids[2], pids[3]);
}

mp::ExecutorOptions one_task_each(int workers) {
  return {.max_workers = workers, .max_tasks_per_child = 1};
}

// CPython: test_process_pool.test_max_tasks_per_child_defaults_to_spawn_context
TEST_P(WorkersTest, WorkersThatAreReplacedAreSpawned) {
  mp::ProcessPoolExecutor executor(one_task_each(1));
  const auto name = executor.submit([] { return mp::current_process().name(); });
  EXPECT_THAT(name.result(), HasSubstr("SpawnProcess-"));
}

// CPython: test_process_pool.test_max_tasks_early_shutdown
// CPython: test_process_pool.test_max_tasks_per_child_pending_tasks_gh115634
TEST_P(WorkersTest, MoreTasksThanItsWorkersMayDoAreDoneByOthers) {
  mp::ProcessPoolExecutor executor(one_task_each(2));
  std::vector<mp::Future<int>> futures;
  for (int i = 0; i < 6; ++i) futures.push_back(executor.submit(product, i, i));
  executor.shutdown();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i * i);
}

// CPython: test_process_pool.test_shutdown_no_wait_max_tasks_gh119592
// CPython: test_shutdown.test_shutdown_gh_132969_case_1
// CPython: test_shutdown.test_shutdown_gh_132969_case_2
TEST_P(WorkersTest, AfterAShutdownThatDoesNotWaitAllIsDone) {
  std::vector<mp::Future<int>> futures;
  {
    mp::ProcessPoolExecutor executor(one_task_each(2));
    for (int i = 0; i < 4; ++i) futures.push_back(executor.submit(product, i, 2));
    futures.push_back(executor.submit([](int) -> int { throw std::domain_error("no"); }, 1));
    executor.shutdown({.wait = false});
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i * 2);
  EXPECT_THROW(futures[4].result(), std::domain_error);
}

// CPython: test_process_pool.test_gc_during_max_tasks_worker_exit_gh152967
TEST_P(WorkersTest, AnExecutorThatIsDroppedWhileAWorkerIsReplacedHasAllDone) {
  std::vector<mp::Future<int>> futures;
  {
    mp::ProcessPoolExecutor executor(one_task_each(1));
    for (int i = 0; i < 3; ++i) futures.push_back(executor.submit(product, i, 2));
    (void)futures[0].result();
  }
  EXPECT_EQ(futures[2].result(), 4);
}

// CPython: test_process_pool.test_python_finalization_error
TEST_P(WorkersTest, WithoutItsThreadAnExecutorIsBroken) {
  mp::ProcessPoolExecutor executor(2);
  mp::detail::arm_fail_point_throw("pool.watcher.start");
  EXPECT_THROW((void)executor.submit(product, 1, 1), mp::BrokenProcessPool);
  mp::detail::arm_fail_point("");
  EXPECT_THROW((void)executor.submit(product, 1, 1), mp::BrokenProcessPool);
  EXPECT_TRUE(executor.workers().empty());
}

TEST_P(WorkersTest, AWorkerThatCannotBeStartedIsAnErrorOfSubmit) {
  mp::ProcessPoolExecutor executor(2);
  mp::detail::arm_fail_point_throw("pool.worker.start");
  EXPECT_THROW((void)executor.submit(product, 1, 1), std::bad_alloc);
  mp::detail::arm_fail_point("");
  EXPECT_EQ(executor.submit(product, 3, 2).result(), 6);
}

// CPython: test_process_pool.test_failed_worker_replacement_breaks_pool
TEST_P(WorkersTest, AnExecutorWhoseWorkerCannotBeReplacedIsBroken) {
  mp::ProcessPoolExecutor executor(1);
  (void)executor.submit(product, 1, 1).result();
  mp::detail::arm_fail_point_throw("pool.worker.start");
  kill(executor.workers().front().pid(), SIGKILL);
  wait_until([&] {
    try {
      (void)executor.submit(product, 1, 1);
      return false;
    } catch (const mp::BrokenProcessPool& error) {
      EXPECT_THAT(error.what(), HasSubstr("none can be started"));
      return true;
    }
  });
  mp::detail::arm_fail_point("");
}

/// terminate_workers and kill_workers.
struct End {
  void (mp::ProcessPoolExecutor::*all)();
  int signal;
};
constexpr End ends[] = {{&mp::ProcessPoolExecutor::terminate_workers, SIGTERM},
                        {&mp::ProcessPoolExecutor::kill_workers, SIGKILL}};

// CPython: test_process_pool.test_terminate_workers
// CPython: test_process_pool.test_kill_workers
// CPython: test_process_pool.test_force_shutdown_workers
TEST_P(WorkersTest, WorkersThatAreEndedDoNotFinishTheirTask) {
  for (const End& end : ends) {
    mp::ProcessPoolExecutor executor(1);
    const Counters counters;
    const auto running = executor.submit(wait_for_ever, counters);
    const auto queued = executor.submit(product, 1, 1);
    counters.wait_for(1);
    (executor.*end.all)();
    EXPECT_THROW(running.result(), mp::BrokenProcessPool);
    EXPECT_TRUE(queued.cancelled());
    counters.raise(2);
    executor.shutdown();
    EXPECT_EQ(counters[3], 0U);
  }
}

// CPython: test_process_pool.test_force_shutdown_workers_stops_pool
TEST_P(WorkersTest, AnExecutorWhoseWorkersWereEndedTakesNoMore) {
  for (const End& end : ends) {
    mp::ProcessPoolExecutor executor(1);
    const int pid = executor.submit(pid_of_worker).result();
    (executor.*end.all)();
    EXPECT_THROW((void)executor.submit(pid_of_worker), std::runtime_error);
    executor.shutdown();
    EXPECT_FALSE(exists(pid));
  }
}

// CPython: test_process_pool.test_force_shutdown_workers_not_started_yet
// CPython: test_process_pool.test_force_shutdown_workers_dead_workers
TEST_P(WorkersTest, WhereNoWorkerIsNothingIsEnded) {
  for (const End& end : ends) {
    mp::ProcessPoolExecutor unused(2);
    (unused.*end.all)();
    mp::ProcessPoolExecutor broken(
        {.max_workers = 1, .on_worker_death = mp::OnWorkerDeath::break_pool});
    EXPECT_THROW(broken.submit([] { raise(SIGKILL); }).result(), mp::BrokenProcessPool);
    (broken.*end.all)();
  }
}

// CPython: test_process_pool.test_force_shutdown_during_max_tasks_worker_exit
TEST_P(WorkersTest, NoWorkerThatReplacesAnotherEscapes) {
  mp::ProcessPoolExecutor executor(one_task_each(2));
  std::vector<mp::Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(executor.submit(pid_of_worker));
  (void)futures[3].result();
  executor.kill_workers();
  executor.shutdown();
  EXPECT_TRUE(executor.workers().empty());
  for (const auto& future : futures) EXPECT_TRUE(future.done());
}

}  // namespace
}  // namespace futures_test
