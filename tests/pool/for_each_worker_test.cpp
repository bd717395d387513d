// Calls that every worker makes once.
#include <signal.h>
#include <unistd.h>

#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class ForEachWorkerTest : public PoolTest {};
FOR_EVERY_START_METHOD(ForEachWorkerTest);

std::string setting = "none";

std::pair<int, int> set(Counters calls, const std::string& value) {
  setting = value;
  calls.raise();
  return {mp::this_worker::index(), getpid()};
}
std::string setting_of(int) { return setting; }

TEST_P(ForEachWorkerTest, EachWorkerDoesItOnceAndItsResultsComeInOrder) {
  const Counters calls;
  mp::Pool pool(3);
  for (std::uint32_t round = 1; round <= 3; ++round) {
    const auto found = pool.for_each_worker(set, calls, std::string(200, 'a'));
    ASSERT_EQ(found.size(), 3U);
    std::set<int> pids;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(found[static_cast<std::size_t>(i)].first, i);
      pids.insert(found[static_cast<std::size_t>(i)].second);
    }
    EXPECT_EQ(pids.size(), 3U);
    EXPECT_EQ(calls[0], 3 * round);
  }
  for (const auto& seen : pool.map(setting_of, std::vector<int>(30), 1))
    EXPECT_EQ(seen, std::string(200, 'a'));
}

TEST_P(ForEachWorkerTest, LaterWorkersDoAllOfThemInOrderBeforeTheirFirstTask) {
  const Counters calls;
  mp::Pool pool({.processes = 1, .maxtasksperchild = 1});
  for (const char* value : {"first", "second", "third"})
    (void)pool.for_each_worker(set, calls, std::string(value));
  for (int life = 0; life < 3; ++life) EXPECT_EQ(pool.apply(setting_of, 1), "third");
  pool.resize(2);
  for (const auto& seen : pool.map(setting_of, std::vector<int>(10), 1)) EXPECT_EQ(seen, "third");
}

TEST_P(ForEachWorkerTest, ItWaitsForWhatWorkersHaveInHand) {
  const Counters calls;
  mp::Pool pool(2);
  const auto busy = pool.apply_async(
      [](Counters c) {
        c.raise(1);
        c.wait_for(1, 2);
        return setting;
      },
      calls);
  calls.wait_for(1, 1);
  std::thread letting([&] {
    calls.wait_for(1);  // the idle worker has done it
    calls.raise(2);
  });
  EXPECT_EQ(pool.for_each_worker(set, calls, "late").size(), 2U);
  letting.join();
  EXPECT_EQ(busy.get(), "none");
}

TEST_P(ForEachWorkerTest, OfManyCallsOnlyTheCallsAreKept) {
  const Counters calls;
  mp::Pool pool(2);
  const auto call = [&] { return pool.for_each_worker(set, calls, std::string(200, 'a')); };
  EXPECT_EQ(call().size(), 2U);
  const InUse before = in_use();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call().size(), 2U);
  pool.map([](int) {}, {1, 2});  // the workers have let go of the results
  const InUse after = in_use();
  EXPECT_LE(after.objects, before.objects + 22);
  EXPECT_LE(after.blocks, before.blocks + 2 * 22);
  EXPECT_THROW(pool.for_each_worker([] { throw std::domain_error("each"); }), std::domain_error);
  EXPECT_LE(in_use().objects, after.objects + 3);
}

TEST_P(ForEachWorkerTest, WhatOneThrowsComesOutAndThePoolGoesOn) {
  mp::Pool pool(2);
  try {
    pool.for_each_worker([] {
      if (mp::this_worker::index() == 1) throw std::domain_error("not in this one");
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::domain_error& error) {
    EXPECT_STREQ(error.what(), "not in this one");
  }
  EXPECT_EQ(pool.apply(setting_of, 1), "none");
}

TEST_P(ForEachWorkerTest, AWorkerThatIsKilledInItIsFollowedByOneThatDoesIt) {
  for (const char* point : {"pool.visit.before_give", "pool.visit.given"}) {
    const Counters armed;
    mp::Pool pool(2, arm_first, armed, std::string(point), 1U);
    EXPECT_EQ(pool.for_each_worker([] { return mp::this_worker::index(); }), (std::vector{0, 1}))
        << point;
  }
}

TEST_P(ForEachWorkerTest, OneThatKillsEveryWorkerBreaksThePool) {
  mp::Pool pool(1);
  EXPECT_THROW(pool.for_each_worker([] { raise(SIGKILL); }), mp::BrokenProcessPool);
  EXPECT_THROW(pool.for_each_worker([] {}), mp::BrokenProcessPool);
}

TEST_P(ForEachWorkerTest, AClosedPoolRefusesAndATerminatedOneThrows) {
  const Counters begun;
  mp::Pool pool(1);
  std::thread waiting([&] {
    EXPECT_THROW(pool.for_each_worker(
                     [](Counters c) {
                       c.raise();
                       for (;;) pause();
                     },
                     begun),
                 mp::ProcessError);
  });
  begun.wait_for(1);
  pool.terminate();
  waiting.join();
  EXPECT_THROW(pool.for_each_worker([] {}), mp::ValueError);
}

}  // namespace
}  // namespace pool_test
