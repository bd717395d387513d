// Pools that are stopped: by asking, by SIGTERM, by SIGKILL, in one time.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class PoolStopTest : public PoolTest {};
FOR_EVERY_START_METHOD(PoolStopTest);

enum Kind { obeys, dies_of_sigterm, deaf };

int runs(const Counters& counters, int kind) {
  if (kind == deaf) signal(SIGTERM, SIG_IGN);
  const pid_t child = kind == obeys ? 0 : fork();
  if (kind != obeys && child == 0) {
    execlp("sleep", "sleep", "1000", nullptr);
    _exit(1);
  }
  counters[static_cast<std::size_t>(10 + kind)] = static_cast<std::uint32_t>(child);
  counters.raise();
  while (kind != obeys || !mp::this_task::stop_requested()) usleep(100);
  return 7;
}

std::size_t count(const mp::StopReport& report, mp::EndedBy by) {
  return static_cast<std::size_t>(
      std::ranges::count(report.entries, by, &mp::StopReport::Entry::by));
}

bool pool_refuses(mp::Pool& pool) {
  try {
    static_cast<void>(pool.apply_async(runs, Counters{}, int{obeys}).cancel());
    return false;
  } catch (const mp::ValueError&) {
    return true;
  }
}

TEST_P(PoolStopTest, TheReportSaysWhatEachWorkerNeeded) {
  const Counters counters;
  mp::Pool pool(4);
  std::vector<mp::AsyncResult<int>> results;
  for (int kind : {obeys, dies_of_sigterm, deaf})
    results.push_back(pool.apply_async(runs, counters, kind));
  counters.wait_for(3);
  const mp::StopReport report = pool.stop(2s);
  ASSERT_EQ(report.entries.size(), 4U);
  EXPECT_EQ(count(report, mp::EndedBy::itself), 2U);
  EXPECT_EQ(count(report, mp::EndedBy::sigterm), 1U);
  EXPECT_EQ(count(report, mp::EndedBy::sigkill), 1U);
  for (const auto& entry : report.entries) {
    EXPECT_GT(entry.pid, 0);
    EXPECT_NE(entry.name.find("PoolWorker-"), std::string::npos);
    EXPECT_FALSE(exists(entry.pid));
    if (entry.by == mp::EndedBy::sigterm) {
      EXPECT_GE(entry.took, 1s);
    }
    if (entry.by == mp::EndedBy::sigkill) {
      EXPECT_GE(entry.took, 2s);
    }
  }
  EXPECT_EQ(results[0].get(), 7);
  EXPECT_THROW((void)results[1].get(), mp::ProcessError);
  EXPECT_THROW((void)results[2].get(), mp::ProcessError);
  EXPECT_THROW((void)pool.apply(runs, counters, 0), mp::ValueError);
  for (std::size_t kind : {dies_of_sigterm, deaf})
    wait_until([&] { return !exists(static_cast<pid_t>(counters[10 + kind])); });
  EXPECT_EQ(pool.stop(0s).entries.size(), 4U) << "again";
}

TEST_P(PoolStopTest, APoolWithoutWorkIsStoppedByAsking) {
  mp::Pool pool(3);
  const mp::StopReport report = pool.stop(1h);
  EXPECT_EQ(count(report, mp::EndedBy::itself), 3U);
}

TEST_P(PoolStopTest, NothingBeginsOnceAPoolIsStopped) {
  const Counters counters;
  mp::Pool pool(1);
  const auto running = pool.apply_async(runs, counters, static_cast<int>(obeys));
  counters.wait_for(1);
  std::vector<mp::AsyncResult<int>> queued;
  for (int i = 0; i < 20; ++i)
    queued.push_back(pool.apply_async(runs, counters, static_cast<int>(obeys)));
  std::thread caller([&] { EXPECT_ANY_THROW((void)pool.map([](int x) { return x; }, {1, 2, 3})); });
  (void)pool.stop(1h);
  caller.join();
  EXPECT_EQ(running.get(), 7);
  for (const auto& result : queued) EXPECT_THROW((void)result.get(), mp::ProcessError);
  EXPECT_EQ(counters[0], 1U);
}

TEST_P(PoolStopTest, WorkersThatStandStillAreKilled) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.apply([](int x) { return x; }, 3), 3);
  for (const auto& worker : pool.workers()) ASSERT_EQ(kill(worker.pid(), SIGSTOP), 0);
  const mp::StopReport report = pool.stop(100ms);
  EXPECT_EQ(report.entries.size(), 2U);
}

TEST_P(PoolStopTest, AnEndHurriesAStopThatWouldWaitForEver) {
  const Counters counters;
  mp::Pool pool(2);
  const auto result = pool.apply_async(runs, counters, int{deaf});
  counters.wait_for(1);
  std::thread stops{
      [&] { EXPECT_EQ(count(pool.stop(mp::Timeout::infinite), mp::EndedBy::sigkill), 1U); }};
  test_support::wait_until([&] { return pool_refuses(pool); });
  pool.terminate();
  stops.join();
  EXPECT_THROW(result.get(), mp::ProcessError);
}

}  // namespace
}  // namespace pool_test
