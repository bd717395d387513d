// Workers that die at each step of a task, under both policies: nothing hangs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "futures_suite.hpp"

namespace futures_test {
namespace {

using mp::OnWorkerDeath;
using testing::HasSubstr;

class DeathTest : public FuturesTest {};
FOR_EVERY_START_METHOD(DeathTest);

enum class Do { nothing, crash, exit, fail, throw_exit };

void act(Do what) {
  if (what == Do::crash) raise(SIGKILL);
  if (what == Do::exit) std::exit(3);
  if (what == Do::fail) throw std::domain_error("a fault");
  if (what == Do::throw_exit) throw mp::Exit{4};
}

/// Does something when it is written or read.
struct Trap {
  Do when_written = Do::nothing;
  Do when_read = Do::nothing;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (Archive::is_saving::value) act(when_written);
    archive& when_written& when_read;
    if constexpr (Archive::is_loading::value) act(when_read);
  }
};

void take(const Trap&) {}
Trap give(Trap trap) { return trap; }

constexpr OnWorkerDeath policies[] = {OnWorkerDeath::fail_task, OnWorkerDeath::break_pool};

/// The death of a worker costs its task, or the executor.
template <class F, class... A>
void expect_death(const std::string& how, const F& task, const A&... arguments) {
  for (const OnWorkerDeath policy : policies) {
    mp::ProcessPoolExecutor executor({.max_workers = 2, .on_worker_death = policy});
    const auto future = executor.submit(task, arguments...);
    if (policy == OnWorkerDeath::fail_task) {
      EXPECT_THROW((void)future.result(), mp::WorkerDied);
      EXPECT_NO_THROW(executor.submit(act, Do::nothing).result());
    } else {
      EXPECT_THROW((void)future.result(), mp::BrokenProcessPool);
      EXPECT_THROW((void)executor.submit(act, Do::nothing), mp::BrokenProcessPool);
    }
    EXPECT_THAT(told(future.exception()), HasSubstr(how));
  }
}

/// An exception is that of its task alone.
template <class E, class F, class... A>
void expect_error(const F& task, const A&... arguments) {
  for (const OnWorkerDeath policy : policies) {
    mp::ProcessPoolExecutor executor({.max_workers = 2, .on_worker_death = policy});
    EXPECT_THROW((void)executor.submit(task, arguments...).result(), E);
    EXPECT_NO_THROW(executor.submit(act, Do::nothing).result());
  }
}

// CPython: test_deadlock.test_error_at_task_pickle
TEST_P(DeathTest, AnErrorInWritingATaskComesOutOfSubmit) {
  expect_error<std::domain_error>(take, Trap{.when_written = Do::fail});
}

// CPython: test_deadlock.test_exit_at_task_unpickle
// CPython: test_deadlock.test_crash_at_task_unpickle
TEST_P(DeathTest, AWorkerDiesInReadingATask) {
  expect_death("code 3", take, Trap{.when_read = Do::exit});
  expect_death("SIGKILL", take, Trap{.when_read = Do::crash});
}

// CPython: test_deadlock.test_error_at_task_unpickle
TEST_P(DeathTest, AnErrorInReadingATaskIsThatTasks) {
  expect_error<std::domain_error>(take, Trap{.when_read = Do::fail});
}

// CPython: test_deadlock.test_crash_during_func_exec_on_worker
// CPython: test_deadlock.test_exit_during_func_exec_on_worker
TEST_P(DeathTest, AWorkerDiesInATask) {
  expect_death("SIGKILL", act, Do::crash);
  expect_death("code 3", act, Do::exit);
}

// CPython: test_deadlock.test_error_during_func_exec_on_worker
TEST_P(DeathTest, AnErrorInATaskIsThatTasks) {
  expect_error<std::domain_error>(act, Do::fail);
  expect_error<mp::Exit>(act, Do::throw_exit);
}

// CPython: test_deadlock.test_crash_during_result_pickle_on_worker
TEST_P(DeathTest, AWorkerDiesInWritingAResult) {
  expect_death("SIGKILL", [] { return Trap{.when_written = Do::crash}; });
}

// CPython: test_deadlock.test_exit_during_result_pickle_on_worker
// CPython: test_deadlock.test_error_during_result_pickle_on_worker
TEST_P(DeathTest, AnErrorInWritingAResultIsThatTasks) {
  expect_error<mp::Exit>([] { return Trap{.when_written = Do::throw_exit}; });
  expect_error<std::domain_error>([] { return Trap{.when_written = Do::fail}; });
}

// CPython:
// test_deadlock.test_error_during_result_unpickle_in_result_handler
// CPython:
// test_deadlock.test_exit_during_result_unpickle_in_result_handler
TEST_P(DeathTest, AnErrorInReadingAResultIsThatResults) {
  expect_error<std::domain_error>([] { return Trap{.when_read = Do::fail}; });
  expect_error<mp::Exit>([] { return Trap{.when_read = Do::throw_exit}; });
}

// CPython: test_deadlock.test_shutdown_deadlock
TEST_P(DeathTest, AWorkerDiesAfterShutdown) {
  for (const OnWorkerDeath policy : policies) {
    mp::ProcessPoolExecutor executor({.max_workers = 2, .on_worker_death = policy});
    const Counters counters;
    const auto future = executor.submit(
        [](const Counters& all) {
          all.wait_for(1);
          raise(SIGKILL);
        },
        counters);
    executor.shutdown({.wait = false});
    counters.raise();
    EXPECT_NE(future.exception(), nullptr);
  }
}

// CPython: test_deadlock.test_shutdown_deadlock_pickle
TEST_P(DeathTest, ATaskThatCannotBeWrittenHoldsUpNoShutdown) {
  mp::ProcessPoolExecutor executor(2);
  EXPECT_THROW((void)executor.submit(take, Trap{.when_written = Do::fail}), std::domain_error);
  executor.shutdown({.wait = false});
  executor.shutdown();
}

// CPython: test_deadlock.test_crash_big_data
// CPython:
// test_deadlock.test_gh105829_should_not_deadlock_if_wakeup_pipe_full
TEST_P(DeathTest, AWorkerDiesWithBigArgumentsQueued) {
  for (const OnWorkerDeath policy : policies) {
    mp::ProcessPoolExecutor executor({.max_workers = 1, .on_worker_death = policy});
    const std::string big(4 << 20, 'x');
    std::vector<mp::Future<std::size_t>> futures;
    const Counters counters;
    for (int i = 0; i < 8; ++i)
      futures.push_back(executor.submit(
          [](const Counters& all, const std::string& text, int number) {
            if (number == 0) {
              all.wait_for(1);
              raise(SIGKILL);
            }
            return text.size();
          },
          counters, big, i));
    counters.raise();
    for (std::size_t i = 0; i < 8; ++i)
      EXPECT_EQ(futures[i].exception() != nullptr, i == 0 || policy == OnWorkerDeath::break_pool);
  }
}

void wait_for_ever(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 2);
}

// CPython: test_process_pool.test_killed_child
// CPython: test_process_pool.test_broken_process_pool_traceback
// CPython:
// test_process_pool.test_traceback_when_child_process_terminates_abruptly
TEST_P(DeathTest, WhereADeathBreaksTheExecutorAllThatIsNotDoneFails) {
  mp::ProcessPoolExecutor executor(
      {.max_workers = 1, .on_worker_death = OnWorkerDeath::break_pool});
  const Counters counters;
  const auto done = executor.submit(give, Trap{});
  (void)done.result();
  const std::vector futures{executor.submit(wait_for_ever, counters),
                            executor.submit(wait_for_ever, counters)};
  counters.wait_for(1);
  const pid_t pid = executor.workers().front().pid();
  kill(pid, SIGTERM);
  for (const auto& future : futures) {
    try {
      future.result();
      ADD_FAILURE();
    } catch (const mp::BrokenProcessPool& error) {
      EXPECT_THAT(error.what(), HasSubstr("terminated abruptly"));
      EXPECT_THAT(error.what(), HasSubstr("SIGTERM"));
      ASSERT_EQ(error.history().size(), 1U);
      EXPECT_EQ(error.history().front().pid(), pid);
      EXPECT_EQ(error.history().front().exitcode(), -SIGTERM);
    }
  }
  EXPECT_NE(futures[0].exception(), futures[1].exception());
  EXPECT_THROW((void)executor.submit(act, Do::nothing), mp::BrokenProcessPool);
  EXPECT_NO_THROW((void)done.result());
  executor.shutdown();
}

TEST_P(DeathTest, WhereADeathFailsItsTaskAnIdleWorkerCostsNothing) {
  mp::ProcessPoolExecutor executor(1);
  executor.submit(act, Do::nothing).result();
  kill(executor.workers().front().pid(), SIGKILL);
  EXPECT_NO_THROW(executor.submit(act, Do::nothing).result());
}

TEST_P(DeathTest, WhereADeathBreaksThePoolAMapFails) {
  mp::Pool pool({.processes = 2, .on_worker_death = OnWorkerDeath::break_pool});
  EXPECT_THROW(pool.map(act, {Do::nothing, Do::crash}, 1), mp::BrokenProcessPool);
  EXPECT_THROW(pool.map(act, {Do::nothing}), mp::BrokenProcessPool);
  pool.join();
}

}  // namespace
}  // namespace futures_test
