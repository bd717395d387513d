// Pools that take so many tasks at a time: a further submit waits, or gives nothing.
#include <signal.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "multiprocessing/base/signals.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

class PendingTest : public PoolTest {};
FOR_EVERY_START_METHOD(PendingTest);

int square(int x) { return x * x; }
void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}

/// Two tasks that wait, and have begun.
void fill(mp::Pool& pool, const Counters& counters) {
  (void)pool.apply_async(wait_for_go, counters);
  (void)pool.apply_async(wait_for_go, counters);
  counters.wait_for(2);
}

TEST_P(PendingTest, ASubmitBeyondTheLimitWaitsForAnEnd) {
  mp::Pool pool({.processes = 2, .max_pending = 2});
  const Counters counters;
  fill(pool, counters);
  std::atomic<bool> submitted{false};
  std::thread other([&] {
    const auto result = pool.apply_async(square, 3);
    submitted = true;
    EXPECT_EQ(result.get(), 9);
  });
  EXPECT_FALSE(pool.try_apply_async(square, 4));
  EXPECT_FALSE(pool.try_apply_async({.retries = 1}, square, 4));
  EXPECT_FALSE(submitted);
  counters.raise(1);
  other.join();
}

TEST_P(PendingTest, ATrySubmitsWhileThereIsRoom) {
  mp::Pool pool({.processes = 1, .max_pending = 2});
  int called = 0;
  const auto note = [&](int) { ++called; };
  for (int i = 0; i < 20; ++i) {
    std::optional<mp::AsyncResult<int>> plain, with_callback;
    wait_until([&] { return (plain = pool.try_apply_async(square, i)).has_value(); });
    wait_until([&] {
      return (with_callback = pool.try_apply_async({.callback = note}, square, i)).has_value();
    });
    EXPECT_EQ(plain->get(), i * i);
    EXPECT_EQ(with_callback->get(), i * i);
  }
  EXPECT_EQ(called, 20);
  mp::Pool unlimited(1);
  EXPECT_TRUE(unlimited.try_apply_async(square, 1));
}

TEST_P(PendingTest, EveryEndMakesRoomOnceAlsoADeath) {
  mp::Pool pool({.processes = 3, .max_pending = 3});
  for (int round = 0; round < 5; ++round) {
    EXPECT_THROW(pool.apply([] { throw std::domain_error("no"); }), std::domain_error);
    EXPECT_THROW(pool.apply([] { raise(SIGKILL); }), mp::WorkerDied);
    (void)pool.apply_async(square, 2);  // dropped
    EXPECT_THROW((void)pool.apply_async({.retries = -1}, square, 2), mp::ValueError);
  }
  const Counters counters;
  std::vector<mp::AsyncResult<void>> kept;
  wait_until([&] {
    auto result = pool.try_apply_async(wait_for_go, counters);
    if (result) kept.push_back(std::move(*result));
    return kept.size() == 3;
  });
  counters.wait_for(3);
  EXPECT_FALSE(pool.try_apply_async(square, 2));
  counters.raise(1);
}

TEST_P(PendingTest, ACancelledTaskMakesRoom) {
  mp::Pool pool({.processes = 2, .max_pending = 3});
  const Counters counters;
  fill(pool, counters);
  const auto queued = pool.try_apply_async(square, 2);
  ASSERT_TRUE(queued);
  EXPECT_FALSE(pool.try_apply_async(square, 2));
  EXPECT_TRUE(queued->cancel());
  EXPECT_TRUE(pool.try_apply_async(square, 2));
  EXPECT_FALSE(pool.try_apply_async(square, 2));
  counters.raise(1);
}

TEST_P(PendingTest, ChunksOfMapsNeedNoRoom) {
  mp::Pool pool({.processes = 2, .max_pending = 1});
  const std::vector<int> input(50, 3);
  const auto later = pool.map_async(square, input, {.chunksize = 1});
  int sum = 0;
  for (const int result : pool.imap(square, input)) sum += result;
  EXPECT_EQ(sum, 450);
  EXPECT_EQ(later.get(), std::vector<int>(50, 9));
}

TEST_P(PendingTest, TheEndOfThePoolEndsTheWait) {
  for (const bool closes : {true, false}) {
    mp::Pool pool({.processes = 2, .max_pending = 2});
    const Counters counters;
    fill(pool, counters);
    std::thread other([&] { EXPECT_THROW((void)pool.apply_async(square, 3), mp::ValueError); });
    if (closes)
      pool.close();
    else
      pool.terminate();
    other.join();
    counters.raise(1);
    pool.join();
  }
}

TEST_P(PendingTest, ASignalEndsTheWait) {
  mp::Pool pool({.processes = 2, .max_pending = 2});
  const Counters counters;
  fill(pool, counters);
  {
    mp::Signals caught{SIGUSR1};
    caught.interrupt_waits();
    std::thread sender([] { raise(SIGUSR1); });
    EXPECT_THROW((void)pool.apply_async(square, 3), mp::Interrupted);
    sender.join();
  }
  counters.raise(1);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(PendingTest, ManyThreadsShareTheRoom) {
  mp::Pool pool({.processes = 2, .max_pending = 3});
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) sum += pool.apply(square, 2);
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(sum, 1600);
}

}  // namespace
}  // namespace pool_test
