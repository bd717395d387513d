// Callbacks of tasks: when they run, what they may do, and that each runs once.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pool_suite.hpp"
#include "support/asked.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class CallbackTest : public PoolTest {};
FOR_EVERY_START_METHOD(CallbackTest);

int square(int x) { return x * x; }
int own_pid() { return getpid(); }
int throws(int x) { throw std::domain_error(std::to_string(x)); }

void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}
void go(const Counters& counters) { counters.raise(1); }
void wait_for_ever(const Counters& counters) { counters.wait_for(1, 2); }

TEST_P(CallbackTest, ACallbackRunsHereInAnotherThreadBeforeTheResultIsReady) {
  mp::Pool pool(2);
  const Counters counters;
  std::optional<mp::AsyncResult<int>> result;
  std::atomic<int> value{0};
  std::thread::id thread;
  bool ready_before = true;
  const auto task = [](const Counters& c) {
    wait_for_go(c);
    return own_pid();
  };
  result = pool.apply_async({.callback =
                                 [&](int pid) {
                                   thread = std::this_thread::get_id();
                                   ready_before = result->ready();
                                   value = pid;
                                 }},
                            task, counters);
  EXPECT_FALSE(result->ready());
  EXPECT_FALSE(result->wait(1ms));
  EXPECT_THROW((void)result->get(0ms), mp::TimeoutError);
  go(counters);
  result->wait();
  EXPECT_EQ(result->get(), value);
  EXPECT_NE(value, getpid());
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_FALSE(ready_before);
  EXPECT_TRUE(result->successful());
}

TEST_P(CallbackTest, ACallbackOfATaskThatGivesNothingIsGivenNothing) {
  mp::Pool pool(1);
  int calls = 0;
  pool.apply_async({.callback = [&] { ++calls; }}, [] {}).get();
  EXPECT_EQ(calls, 1);
}

// CPython: _TestPoolWorkerErrors.test_async_error_callback
TEST_P(CallbackTest, AnErrorCallbackIsGivenWhatWentWrong) {
  mp::Pool pool(2);
  std::string text;
  const auto failing = pool.apply_async(
      {.callback = [](int) { ADD_FAILURE(); },
       .error_callback = [&](const std::exception& error) { text = error.what(); }},
      throws, 7);
  EXPECT_THROW((void)failing.get(), std::domain_error);
  EXPECT_EQ(text, "7");
  EXPECT_FALSE(failing.successful());

  std::exception_ptr error;
  const auto exits = [] { throw mp::Exit{3}; };
  EXPECT_THROW(
      pool.apply_async({.error_callback = [&](std::exception_ptr e) { error = std::move(e); }},
                       exits)
          .get(),
      mp::Exit);
  EXPECT_THROW(std::rethrow_exception(error), mp::Exit);
  bool remote = false;
  EXPECT_THROW(pool.apply_async({.error_callback =
                                     [&](const std::exception& e) {
                                       remote = dynamic_cast<const mp::RemoteError*>(&e) != nullptr;
                                     }},
                                exits)
                   .get(),
               mp::Exit);
  EXPECT_TRUE(remote);

  int exitcode = 0;
  const auto dies = [] { raise(SIGKILL); };
  pool.apply_async({.error_callback =
                        [&](const std::exception& e) {
                          exitcode = dynamic_cast<const mp::WorkerDied&>(e).exitcode();
                        }},
                   dies)
      .wait();
  EXPECT_EQ(exitcode, -SIGKILL);
}

TEST_P(CallbackTest, W14ACallbackThatThrowsIsToldOfAndCostsNothing) {
  mp::Pool pool(1);
  testing::internal::CaptureStderr();
  const auto result = pool.apply_async(
      {.callback = [](int) { throw std::domain_error("no room left"); }}, square, 3);
  const auto failing =
      pool.apply_async({.error_callback = [](const std::exception&) { throw 42; }}, throws, 3);
  EXPECT_EQ(result.get(), 9);
  EXPECT_THROW((void)failing.get(), std::domain_error);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("a callback of a pool threw std::domain_error: no room left\n"),
            std::string::npos)
      << told;
  int value = 0;
  pool.apply_async({.callback = [&](int v) { value = v; }}, square, 4).wait();
  EXPECT_EQ(value, 16);
}

TEST_P(CallbackTest, CallbacksRunOneAtATimeInTheOrderInWhichTasksEnd) {
  mp::Pool pool(1);
  std::vector<int> order;
  for (int i = 0; i < 3000; ++i)
    (void)pool.apply_async(
        {.callback = [&](int v) { order.push_back(v); }}, [](int x) { return x; }, i);
  pool.close();
  pool.join();
  ASSERT_EQ(order.size(), 3000U) << "who joins the pool has waited for them";
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(CallbackTest, CallbacksOfManyWorkersRunOnceEach) {
  const int tasks = test_support::fewer(2000);
  mp::Pool pool({.processes = 3, .maxtasksperchild = 50});
  std::vector<int> calls(static_cast<std::size_t>(tasks));
  for (int i = 0; i < tasks; ++i)
    (void)pool.apply_async(
        {.callback = [&](const std::string& text) { ++calls[std::stoul(text)]; }},
        [](int x) { return std::to_string(x); }, i);
  pool.close();
  pool.join();
  EXPECT_EQ(calls, std::vector<int>(calls.size(), 1));
}

TEST_P(CallbackTest, ACallbackThatBlocksHoldsUpOnlyCallbacks) {
  mp::Pool pool(1);
  const Counters counters;
  const auto blocked =
      pool.apply_async({.callback = [&](int) { wait_for_go(counters); }}, square, 2);
  counters.wait_for(1);
  EXPECT_EQ(pool.apply(square, 5), 25);
  EXPECT_EQ(pool.map(square, {6}), std::vector{36});
  EXPECT_FALSE(blocked.ready());
  go(counters);
  EXPECT_EQ(blocked.get(), 4);
}

TEST_P(CallbackTest, ACallbackMayUseThePoolButNotWaitForALaterCallback) {
  mp::Pool pool(2);
  int sum = 0;
  std::string refusal;
  std::optional<mp::AsyncResult<int>> second;
  const auto use = [&](int v) {
    sum = v + pool.apply(square, 2) + pool.map(square, {1, 2}).back();
    sum += pool.apply_async(square, 3).get();
    second = pool.apply_async({.callback = [&](int last) { sum += last; }}, square, 10);
    EXPECT_FALSE(second->wait(0ms));
    try {
      (void)second->get();
    } catch (const mp::AssertionError& error) {
      refusal = error.what();
    }
  };
  EXPECT_EQ(pool.apply_async({.callback = use}, square, 1).get(), 1);
  EXPECT_NE(refusal.find("a callback cannot wait"), std::string::npos);
  EXPECT_EQ(second->get(), 100);
  EXPECT_EQ(sum, 1 + 4 + 4 + 9 + 100);
}

TEST_P(CallbackTest, ACallbackMayWaitForThoseOfAnotherPool) {
  mp::Pool pool(1);
  mp::Pool other(1);
  int value = 0;
  const auto use = [&](int v) {
    value = other.apply_async({.callback = [](int) {}}, square, v).get();
  };
  pool.apply_async({.callback = use}, square, 3).wait();
  EXPECT_EQ(value, 81);
}

TEST_P(CallbackTest, ACancelledTaskIsAnErrorForItsCallback) {
  mp::Pool pool(1);
  const Counters counters;
  const auto running = pool.apply_async(wait_for_go, counters);
  int cancelled = 0;
  const auto result = pool.apply_async(
      {.error_callback =
           [&](const std::exception& e) {
             cancelled += dynamic_cast<const mp::CancelledError*>(&e) != nullptr ? 1 : 0;
           }},
      square, 1);
  counters.wait_for(1);
  EXPECT_TRUE(result.cancel());
  EXPECT_THROW((void)result.get(), mp::CancelledError);
  EXPECT_EQ(cancelled, 1);
  go(counters);
  running.get();
}

TEST_P(CallbackTest, DroppedResultsHaveTheirCallbacksAndLeaveNothing) {
  mp::Pool pool(2);
  int calls = 0;
  pool.apply_async({.callback = [&](int) { ++calls; }}, square, 1).wait();
  const InUse before = in_use();
  std::atomic<int> texts{0};
  for (int i = 0; i < 500; ++i)
    (void)pool.apply_async(
        {.callback = [&](const std::string& text) { texts += text.size() == 1000; }},
        [](const std::string& text) { return text; }, std::string(1000, 'x'));
  wait_until([&] { return texts == 500 && in_use() == before; });
}

// ---- the end of the pool

TEST_P(CallbackTest, ACallbackMayCloseAndJoinItsPool) {
  mp::Pool pool(2);
  std::atomic<bool> joined{false};
  int after = 0;
  (void)pool.apply_async({.callback =
                              [&](int) {
                                pool.close();
                                pool.join();
                                joined = true;
                              }},
                         square, 1);
  wait_until([&] { return joined.load(); });
  EXPECT_THROW((void)pool.apply_async({.callback = [&](int) { ++after; }}, square, 1),
               mp::ValueError);
  pool.join();
  EXPECT_EQ(after, 0);
}

TEST_P(CallbackTest, W17EveryCallbackRunsWhenThePoolIsTerminatedInOne) {
  const Counters counters;
  std::atomic<int> errors{0};
  mp::Pool pool(1);
  std::vector<mp::AsyncResult<void>> results;
  results.push_back(
      pool.apply_async({.callback = [&] { pool.terminate(); }}, wait_for_go, counters));
  for (int i = 0; i < 50; ++i)
    results.push_back(pool.apply_async({.error_callback =
                                            [&](const std::exception& e) {
                                              EXPECT_NE(dynamic_cast<const mp::ProcessError*>(&e),
                                                        nullptr);
                                              ++errors;
                                            }},
                                       wait_for_ever, counters));
  go(counters);
  for (const auto& result : results) result.wait();
  EXPECT_EQ(errors, 50);
  pool.join();
}

TEST_P(CallbackTest, APoolMayBeDestroyedInItsOwnCallback) {
  std::atomic<bool> destroyed{false};
  std::atomic<int> errors{0};
  const Counters counters;
  auto pool = std::make_unique<mp::Pool>(1);
  std::vector<mp::AsyncResult<int>> results;
  const auto running = pool->apply_async(wait_for_go, counters);
  counters.wait_for(1);
  results.push_back(pool->apply_async({.callback =
                                           [&](int) {
                                             pool.reset();
                                             destroyed = true;
                                           }},
                                      square, 3));
  for (int i = 0; i < 50; ++i)
    results.push_back(pool->apply_async(
        {.error_callback = [&](std::exception_ptr) { ++errors; }},
        [](const Counters& c) {
          c.wait_for(1, 2);
          return 0;
        },
        counters));
  go(counters);
  EXPECT_EQ(results.front().get(), 9);
  EXPECT_TRUE(destroyed);
  for (std::size_t i = 1; i < results.size(); ++i)
    EXPECT_THROW((void)results[i].get(), mp::ProcessError);
  EXPECT_EQ(errors, 50);
}

TEST_P(CallbackTest, NoCallbackRunsAfterItsPoolHasGone) {
  const Counters counters;
  int errors = 0;
  {
    mp::Pool pool(2);
    for (int i = 0; i < 100; ++i)
      (void)pool.apply_async({.error_callback = [&](const std::exception&) { ++errors; }},
                             wait_for_go, counters);
    counters.wait_for(2);
  }
  EXPECT_EQ(errors, 100);
}

TEST_P(CallbackTest, ThreadsMaySubmitWhileThePoolEnds) {
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> submitted{0};
    std::atomic<int> told{0};
    {
      mp::Pool pool(2);
      std::vector<std::jthread> threads;
      for (int thread = 0; thread < 2; ++thread) {
        threads.emplace_back([&] {
          try {
            for (;; ++submitted)
              (void)pool.apply_async({.callback = [&](int) { ++told; },
                                      .error_callback = [&](const std::exception&) { ++told; }},
                                     square, 3);
          } catch (const mp::ValueError&) {  // terminated
          }
        });
      }
      wait_until([&] { return submitted > 100; });
      pool.terminate();
      threads.clear();
    }
    EXPECT_EQ(told, submitted);
  }
}

TEST_P(CallbackTest, InAForkedChildCallbacksAreInert) {
  mp::Pool pool(1);
  const Counters counters;
  int calls = 0;
  std::optional<mp::AsyncResult<void>> result =
      pool.apply_async({.callback = [&] { ++calls; }}, wait_for_go, counters);
  const pid_t child = fork();
  if (child == 0) {
    int wrong = 0;
    try {
      result->get();
      wrong |= 1;
    } catch (const mp::AssertionError&) {
    }
    try {
      (void)pool.apply_async({.callback = [](int) {}}, square, 1);
      wrong |= 2;
    } catch (const mp::AssertionError&) {
    }
    result.reset();
    _exit(wrong | (calls == 0 ? 0 : 4));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  go(counters);
  result->get();
  EXPECT_EQ(calls, 1);
}

TEST_P(CallbackTest, ACallbackMayStartProcesses) {
  mp::Pool pool(1);
  int code = 0;
  const auto use = [&](int v) {
    code = test_support::run_in_child([](int x) { throw mp::Exit{x}; }, v);
  };
  pool.apply_async({.callback = use}, square, 3).wait();
  EXPECT_EQ(code, 9);
}

}  // namespace
}  // namespace pool_test
