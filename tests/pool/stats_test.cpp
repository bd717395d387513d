// What a pool says of itself while it works.
#include <signal.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class StatsTest : public PoolTest {};
FOR_EVERY_START_METHOD(StatsTest);

int square(int x) { return x * x; }
int throws(int) { throw std::domain_error("no"); }
void wait_at_gate(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}
int wait_at_gate_of(const Counters& counters, int element) {
  wait_at_gate(counters);
  return element;
}

TEST_P(StatsTest, TasksAreCountedWhereTheyStand) {
  mp::Pool pool(2);
  const Counters counters;
  for (int i = 0; i < 2; ++i) (void)pool.apply_async(wait_at_gate, counters);
  counters.wait_for(2);
  std::vector<mp::AsyncResult<int>> queued;
  for (int i = 0; i < 5; ++i) queued.push_back(pool.apply_async({.priority = i % 2}, square, i));
  const auto failing = pool.apply_async(throws, 1);
  EXPECT_TRUE(queued.front().cancel());
  mp::PoolStats stats = pool.stats();
  EXPECT_EQ(stats.queued, 5U);
  EXPECT_EQ(stats.running, 2U);
  EXPECT_EQ(stats.done, 0U);
  EXPECT_EQ(stats.failed, 0U);
  EXPECT_EQ(stats.workers.size(), 2U);
  counters.raise(1);
  failing.wait();
  for (std::size_t i = 1; i < queued.size(); ++i) queued[i].wait();
  wait_until([&] { return pool.stats().running == 0; });
  stats = pool.stats();
  EXPECT_EQ(stats.queued, 0U);
  EXPECT_EQ(stats.done, 6U);
  EXPECT_EQ(stats.failed, 1U);
  std::size_t done = 0;
  for (const mp::WorkerStats& worker : stats.workers) done += worker.done;
  EXPECT_EQ(done, 7U);
  EXPECT_EQ(stats.restarts, 0U);
}

TEST_P(StatsTest, ChunksOfAMapAreTasks) {
  mp::Pool pool(2);
  const Counters counters;
  std::thread map(
      [&] { pool.map(mp::partial(wait_at_gate_of, counters), std::vector<int>(10, 1), 2); });
  counters.wait_for(2);
  const mp::PoolStats during = pool.stats();
  EXPECT_EQ(during.queued, 3U);
  EXPECT_EQ(during.running, 2U);
  counters.raise(1);
  map.join();
  EXPECT_EQ(pool.stats().done, 5U);
  EXPECT_EQ(pool.stats().queued, 0U);
  EXPECT_THROW(pool.map(throws, {1, 2, 3}, 1), std::domain_error);
  EXPECT_EQ(pool.stats().failed, 3U);
}

TEST_P(StatsTest, ADeathIsAFailureAndAnotherWorkerStarts) {
  mp::Pool pool(1);
  EXPECT_EQ(pool.apply(square, 3), 9);
  const pid_t before = pool.stats().workers.front().pid;
  EXPECT_THROW(pool.apply([] { raise(SIGKILL); }), mp::WorkerDied);
  EXPECT_EQ(pool.apply(square, 3), 9);
  const mp::PoolStats stats = pool.stats();
  EXPECT_EQ(stats.done, 2U);
  EXPECT_EQ(stats.failed, 1U);
  EXPECT_EQ(stats.restarts, 1U);
  ASSERT_EQ(stats.workers.size(), 1U);
  EXPECT_EQ(stats.workers.front().index, 0);
  EXPECT_NE(stats.workers.front().pid, before);
  EXPECT_EQ(stats.workers.front().done, 1U);
  const auto dies = [](int) {
    raise(SIGKILL);
    return 0;
  };
  EXPECT_THROW(pool.map(dies, {1, 2}, 2), mp::WorkerDied);
  EXPECT_EQ(pool.stats().failed, 2U);
}

TEST_P(StatsTest, AWorkerIsBusyWhileItHasWork) {
  using Clock = std::chrono::steady_clock;
  mp::Pool pool(1);
  EXPECT_EQ(pool.stats().workers.front().busy, 0);
  const Counters counters;
  const auto result = pool.apply_async(wait_at_gate, counters);
  counters.wait_for(1);
  const auto since = Clock::now();
  wait_until([&] { return Clock::now() - since > std::chrono::milliseconds{20}; });
  EXPECT_GE(pool.stats().workers.front().busy, 0.02);
  counters.raise(1);
  result.wait();
  EXPECT_GE(pool.stats().workers.front().busy, 0.02);
}

TEST_P(StatsTest, APoolThatHasEndedKeepsItsCounts) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(square, std::vector<int>(10, 2), 1).size(), 10U);
  pool.close();
  pool.join();
  EXPECT_EQ(pool.stats().done, 10U);
  EXPECT_TRUE(pool.stats().workers.empty());
}

}  // namespace
}  // namespace pool_test
