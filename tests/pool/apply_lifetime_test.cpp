// Results when their pool ends, in whatever way, or their process is not the one that submitted.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class ApplyLifetimeTest : public PoolTest {};
FOR_EVERY_START_METHOD(ApplyLifetimeTest);

int square(int x) { return x * x; }
void wait_for_ever(const Counters& counters) {
  counters.raise();
  counters.wait_for(1, 1);
}

TEST_P(ApplyLifetimeTest, AClosedPoolDoesWhatItWasGivenAndTakesNoMore) {
  mp::Pool pool(2);
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 500; ++i) results.push_back(pool.apply_async(square, i));
  pool.close();
  EXPECT_THROW((void)pool.apply_async(square, 1), mp::ValueError);
  EXPECT_THROW((void)pool.apply(square, 1), mp::ValueError);
  pool.join();
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(results[static_cast<std::size_t>(i)].ready());
    EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  }
}

TEST_P(ApplyLifetimeTest, W17EveryResultEndsWhenThePoolIsTerminated) {
  mp::Pool pool(1);
  const Counters counters;
  const auto done = pool.apply_async(square, 5);
  const auto running = pool.apply_async(wait_for_ever, counters);
  std::vector<mp::AsyncResult<int>> queued;
  for (int i = 0; i < 100; ++i) queued.push_back(pool.apply_async(square, i));
  std::thread waiting{[&] { EXPECT_THROW((void)queued.back().get(), mp::ProcessError); }};
  counters.wait_for(1);
  pool.terminate();
  EXPECT_THROW((void)pool.apply_async(square, 1), mp::ValueError);
  for (const auto& result : queued) EXPECT_THROW((void)result.get(), mp::ProcessError);
  waiting.join();
  pool.join();
  EXPECT_TRUE(running.ready());
  EXPECT_THROW(running.get(), mp::ProcessError);
  EXPECT_EQ(done.get(), 25);
}

TEST_P(ApplyLifetimeTest, ResultsOutliveTheirPoolAndLeaveNothing) {
  const Counters counters;
  const InUse before = in_use();
  {
    std::optional<mp::AsyncResult<std::string>> done;
    std::optional<mp::AsyncResult<void>> running;
    std::optional<mp::AsyncResult<int>> queued;
    std::optional<mp::AsyncResult<std::string>> unread;
    {
      mp::Pool pool(1);
      const auto text = [](int size) { return std::string(static_cast<std::size_t>(size), 'x'); };
      done = pool.apply_async(text, 10'000);
      unread = pool.apply_async(text, 10'000);
      running = pool.apply_async(wait_for_ever, counters);
      queued = pool.apply_async(square, 1);
      counters.wait_for(1);
    }
    EXPECT_EQ(done->get(), std::string(10'000, 'x'));
    EXPECT_TRUE(unread->ready());
    EXPECT_THROW(running->get(), mp::ProcessError);
    EXPECT_THROW((void)queued->get(), mp::ProcessError);
    EXPECT_FALSE(queued->cancel());
  }
  wait_until([&] { return in_use() == before; });
}

TEST_P(ApplyLifetimeTest, ABrokenPoolEndsItsResultsAndSaysWhy) {
  const Counters counters;
  mp::Pool pool(
      1,
      [](const Counters& c) {
        c.wait_for(1, 1);
        throw std::runtime_error("no database");
      },
      counters);
  const auto result = pool.apply_async(square, 1);
  counters.raise(1);
  try {
    (void)result.get();
    ADD_FAILURE();
  } catch (const mp::BrokenProcessPool& broken) {
    EXPECT_NE(std::string(broken.what()).find("no database"), std::string::npos);
  }
  EXPECT_THROW((void)pool.apply_async(square, 1), mp::BrokenProcessPool);
}

TEST_P(ApplyLifetimeTest, InAForkedChildResultsAreInert) {
  mp::Pool pool(1);
  std::optional<mp::AsyncResult<int>> result = pool.apply_async(square, 4);
  const pid_t child = fork();
  if (child == 0) {
    int wrong = 0;
    try {
      (void)result->get();
      wrong |= 1;
    } catch (const mp::AssertionError&) {
    }
    try {
      (void)pool.apply_async(square, 1);
      wrong |= 2;
    } catch (const mp::AssertionError&) {
    }
    result.reset();
    _exit(wrong);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(result->get(), 16);
}

TEST_P(ApplyLifetimeTest, APoolMayEndWhileThreadsSubmit) {
  for (int round = 0; round < 5; ++round) {
    mp::Pool pool(2);
    std::atomic<int> submitted{0};
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&] {
        try {
          std::vector<mp::AsyncResult<int>> results;
          for (;; ++submitted) results.push_back(pool.apply_async(square, 3));
        } catch (const mp::ValueError&) {  // terminated
        }
      });
    }
    wait_until([&] { return submitted > 100; });
    pool.terminate();
  }
}

}  // namespace
}  // namespace pool_test
