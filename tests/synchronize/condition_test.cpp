// Condition while no process dies.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/waiting.hpp"
#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

class ConditionTest : public ArenaTest {};
class ConditionInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(ConditionInChildrenTest);

constexpr std::size_t asleep = 0;
constexpr std::size_t awake = 1;

/// Waits once; says before and after that it does.
void sleeper(mp::Condition condition, Counters counters) {
  const std::unique_lock guard{condition};
  counters.raise(asleep);
  condition.wait();
  counters.raise(awake);
}

void timed_sleeper(mp::Condition condition, Counters counters) {
  const std::unique_lock guard{condition};
  counters.raise(asleep);
  if (!condition.wait(10ms)) counters.raise(awake);
}

/// Processes and threads in turn, that run to their end.
class Sleepers {
 public:
  template <class F>
  Sleepers(int count, F target, const mp::Condition& condition, const Counters& counters) {
    for (int i = 0; i < count; ++i) {
      if (i % 2 == 0)
        processes_.emplace_back(target, condition, counters).start();
      else
        threads_.emplace_back(target, condition, counters);
    }
  }
  ~Sleepers() {
    for (mp::Process& process : processes_) process.join();
    for (std::thread& thread : threads_) thread.join();
  }
  Sleepers(const Sleepers&) = delete;

 private:
  std::vector<mp::Process> processes_;
  std::vector<std::thread> threads_;
};

/// Until `count` wait. Each has raised the counter with the lock, and gave it back by waiting.
void wait_for_sleepers(const mp::Condition& condition, const Counters& counters,
                       std::uint32_t count) {
  counters.wait_for(count, asleep);
  const std::unique_lock guard{condition};
}

void notify(const mp::Condition& condition, int n) {
  const std::unique_lock guard{condition};
  condition.notify(n);
}

/// The invariant: no thread waits, and none of the records is in use.
void expect_at_rest(const mp::Condition& condition) {
  EXPECT_EQ(mp::to_string(condition), "<Condition(<RLock(None, 0)>, 0)>");
}

// CPython: _TestCondition.test_notify
TEST_P(ConditionInChildrenTest, ANotificationWakesOne) {
  const mp::Condition condition;
  const Counters counters;
  {
    const Sleepers two{2, sleeper, condition, counters};
    wait_for_sleepers(condition, counters, 2);
    EXPECT_EQ(counters[awake], 0U);
    notify(condition, 1);
    counters.wait_for(1, awake);
    EXPECT_EQ(counters[awake], 1U);
    notify(condition, 1);
    counters.wait_for(2, awake);
  }
  expect_at_rest(condition);
}

// CPython: _TestCondition.test_notify_all
TEST_P(ConditionInChildrenTest, NotifyAllWakesAllThatHaveNotTimedOut) {
  const mp::Condition condition;
  const Counters counters;
  { const Sleepers timed{4, timed_sleeper, condition, counters}; }
  EXPECT_EQ(counters[awake], 4U);
  const Counters fresh;
  {
    const Sleepers six{6, sleeper, condition, fresh};
    wait_for_sleepers(condition, fresh, 6);
    const std::unique_lock guard{condition};
    condition.notify_all();
  }
  EXPECT_EQ(fresh[awake], 6U);
  expect_at_rest(condition);
}

// CPython: _TestCondition.test_notify_n
TEST_P(ConditionInChildrenTest, NotifyNWakesNAndIgnoresTheSurplus) {
  const mp::Condition condition;
  const Counters counters;
  {
    const Sleepers six{6, sleeper, condition, counters};
    wait_for_sleepers(condition, counters, 6);
    notify(condition, 2);
    counters.wait_for(2, awake);
    EXPECT_EQ(counters[awake], 2U);
    notify(condition, 4);
    counters.wait_for(6, awake);
    notify(condition, 3);
  }
  EXPECT_EQ(counters[awake], 6U);
  expect_at_rest(condition);
  const std::unique_lock guard{condition};
  EXPECT_FALSE(condition.wait(1ms)) << "a notification is not remembered";
}

// CPython: _TestCondition.test_timeout
TEST_F(ConditionTest, AWaitThatIsNotNotifiedEndsWithItsTime) {
  const mp::Condition condition;
  const std::unique_lock guard{condition};
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(condition.wait(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

// CPython: _TestCondition.test_waitfor
TEST_P(ConditionInChildrenTest, WaitForComesBackWhenThePredicateHolds) {
  const mp::Condition condition;
  const Counters counters;
  mp::Process child{[](mp::Condition c, Counters shared) {
                      const std::unique_lock guard{c};
                      shared.raise(1);
                      c.wait_for([&] { return shared[0] == 4; });
                      if (shared[0] != 4) throw mp::Exit{1};
                    },
                    condition, counters};
  child.start();
  counters.wait_for(1, 1);
  for (int i = 0; i < 4; ++i) {
    const std::unique_lock guard{condition};
    counters.raise(0);
    condition.notify();
  }
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

// CPython: _TestCondition.test_waitfor_timeout
TEST_F(ConditionTest, WaitForGivesUpWhenThePredicateNeverHolds) {
  const mp::Condition condition;
  const std::unique_lock guard{condition};
  EXPECT_FALSE(condition.wait_for([] { return false; }, 20ms));
  EXPECT_TRUE(condition.wait_for([] { return true; }, 0s));
}

// CPython: _TestCondition.test_wait_result
TEST_P(ConditionInChildrenTest, WaitSaysWhetherItWasNotified) {
  const mp::Condition condition;
  {
    const std::unique_lock guard{condition};
    EXPECT_FALSE(condition.wait(0s));
    EXPECT_FALSE(condition.wait(1ms));
  }
  std::unique_lock guard{condition};
  mp::Process child{notify, condition, 1};
  child.start();
  EXPECT_TRUE(condition.wait(60s));
  guard.unlock();
  child.join();
}

TEST_F(ConditionTest, WithoutTheLockWaitAndNotifyRefuse) {
  const mp::Condition condition;
  EXPECT_THROW(condition.wait(), mp::AssertionError);
  EXPECT_THROW(condition.notify(), mp::AssertionError);
  EXPECT_THROW(condition.notify_all(), mp::AssertionError);
  condition.wait_for([] { return true; });
}

TEST_F(ConditionTest, AllLevelsOfItsLockAreGivenBackAndTakenAgain) {
  const mp::RLock lock;
  const mp::Condition condition{lock};
  const std::scoped_lock outer{lock};
  const std::scoped_lock inner{condition};
  std::thread other{[&] { notify(condition, 1); }};
  condition.wait();
  other.join();
  EXPECT_EQ(mp::to_string(lock), "<RLock(MainProcess, 2)>");
}

TEST_F(ConditionTest, ALockMayServeSeveralConditions) {
  const mp::Lock lock;
  const mp::Condition a{lock};
  const mp::Condition b{lock};
  EXPECT_FALSE(a == b);
  const std::unique_lock guard{lock};
  EXPECT_TRUE(b.locked());
  EXPECT_FALSE(a.wait(1ms));
  EXPECT_EQ(mp::to_string(b), "<Condition(<Lock(owner=MainProcess)>, 0)>");
}

TEST_F(ConditionTest, MoreMayWaitThanTheFirstTableHolds) {
  const mp::Condition condition;
  const Counters counters;
  std::vector<std::thread> threads;
  for (int i = 0; i < 60; ++i) threads.emplace_back(sleeper, condition, counters);
  wait_for_sleepers(condition, counters, 60);
  EXPECT_EQ(mp::to_string(condition), "<Condition(<RLock(None, 0)>, 60)>");
  notify(condition, 60);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ConditionTest, TheStandardsConditionVariableTakesALock) {
  mp::Lock lock;
  std::condition_variable_any standard;
  bool ready = false;
  std::thread other{[&] {
    const std::scoped_lock guard{lock};
    ready = true;
    standard.notify_one();
  }};
  std::unique_lock guard{lock};
  standard.wait(guard, [&] { return ready; });
  guard.unlock();
  other.join();
}

}  // namespace
}  // namespace synchronize_test
