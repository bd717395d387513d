// Holders, waiters and parties that die: which callers get which error, and that all others go on.
#include <signal.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/fail_point.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

class DeathTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(DeathTest);

void die() { raise(SIGKILL); }

/// Acquires, says so and stays until it is killed.
template <class L>
void hold(L lock, Counters counters) {
  lock.acquire();
  if (std::is_same_v<L, mp::RLock>) lock.acquire();  // it is held once when it was taken over
  counters.raise(0);
  counters.wait_for(99, 63);
}

template <class L>
void wait_for_the_dead(L lock, Counters counters) {
  counters.raise(1);
  try {
    lock.acquire();
    lock.release();
  } catch (const mp::OwnerDied& error) {
    counters[10] = static_cast<std::uint32_t>(error.pid());
    counters.raise(2);
  }
}

template <class L>
void expect_owner_died_for_everyone() {
  const L lock;
  for (int round = 0; round < 2; ++round) {
    const Counters counters;
    mp::Process holder{hold<L>, lock, counters};
    holder.start();
    counters.wait_for(1);
    std::vector<mp::Process> waiters;
    for (int i = 0; i < 2; ++i) waiters.emplace_back(wait_for_the_dead<L>, lock, counters).start();
    counters.wait_for(2, 1);
    holder.kill();
    counters.wait_for(2, 2);
    EXPECT_EQ(counters[10], static_cast<std::uint32_t>(*holder.pid()));
    EXPECT_THROW(lock.acquire(), mp::OwnerDied) << "also for who comes later";
    EXPECT_THROW(static_cast<void>(lock.try_acquire()), mp::OwnerDied);
    EXPECT_THROW(static_cast<void>(lock.acquire(1ms)), mp::OwnerDied);
    EXPECT_TRUE(lock.locked());
    lock.recover();
    std::thread{[&] { EXPECT_FALSE(lock.try_acquire()); }}.join();
    lock.release();
    EXPECT_FALSE(lock.locked());
    for (mp::Process& waiter : waiters) waiter.join();
    holder.join();
  }
}

// W1: in CPython a lock stays taken for ever when the process that holds it dies.
TEST_P(DeathTest, W1AKilledHolderOfALockIsToldToEveryone) {
  expect_owner_died_for_everyone<mp::Lock>();
}
TEST_P(DeathTest, W1AKilledHolderOfAnRLockIsToldToEveryone) {
  expect_owner_died_for_everyone<mp::RLock>();
}

TEST_P(DeathTest, AHolderThatExitsIsToldWithItsCode) {
  const mp::Lock lock;
  EXPECT_EQ(run_in_child([](mp::Lock l) { l.acquire(), throw mp::Exit{3}; }, lock), 3);
  try {
    lock.acquire();
    ADD_FAILURE();
  } catch (const mp::OwnerDied& error) {
    EXPECT_NE(std::string{error.what()}.find("ended with exit code 3"), std::string::npos)
        << error.what();
  }
  lock.release();
  EXPECT_FALSE(lock.locked()) << "as in Python, anybody may release it";
  lock.acquire();
  lock.release();
}

TEST_P(DeathTest, RecoverSettlesTheDeathOfTheHolder) {
  const mp::Lock lock;
  const Counters counters;
  mp::Process holder{hold<mp::Lock>, lock, counters};
  holder.start();
  counters.wait_for(1);
  const auto members = mp::arena_usage().processes;
  ::kill(*holder.pid(), SIGKILL);  // which nobody waits for yet
  EXPECT_THROW(lock.acquire(), mp::OwnerDied);
  lock.recover();
  EXPECT_EQ(mp::arena_usage().processes, members - 1);
  lock.release();
  holder.join();
}

TEST_P(DeathTest, OneOfManyRecoversAndTheOthersTakeTurns) {
  const mp::Lock lock;
  const Counters counters;
  mp::Process holder{hold<mp::Lock>, lock, counters};
  holder.start();
  counters.wait_for(1);
  holder.kill();
  const auto contend = [](mp::Lock l, Counters c) {
    for (int i = 0; i < 50; ++i) {
      try {
        l.acquire();
      } catch (const mp::OwnerDied&) {
        try {
          l.recover();
          c.raise(3);
        } catch (const mp::ValueError&) {  // another process was faster
          continue;
        }
      }
      c[4].store(c[4].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      c.raise(5);
      l.release();
    }
  };
  std::vector<mp::Process> contenders;
  for (int i = 0; i < 3; ++i) contenders.emplace_back(contend, lock, counters).start();
  for (mp::Process& contender : contenders) contender.join();
  holder.join();
  EXPECT_EQ(counters[3], 1U);
  EXPECT_EQ(counters[4].load(), counters[5].load());
}

void sleep_in(mp::Condition condition, Counters counters) {
  const std::unique_lock guard{condition};
  counters.raise(0);
  condition.wait();
  counters.raise(1);
}

// W4: in CPython the next notify() hangs for ever, holding the lock, when a waiter was killed.
TEST_P(DeathTest, W4AKilledWaiterOfAConditionDoesNotHangTheNextNotify) {
  const mp::Condition condition;
  const Counters counters;
  std::vector<mp::Process> waiters;
  for (std::uint32_t i = 0; i < 3; ++i) {
    waiters.emplace_back(sleep_in, condition, counters).start();
    counters.wait_for(i + 1);
  }
  { const std::unique_lock all_wait{condition}; }
  waiters[0].kill();
  waiters[0].join();
  {
    const std::unique_lock guard{condition};
    condition.notify(2);
  }
  counters.wait_for(2, 1);
  for (mp::Process& waiter : waiters) waiter.join();
}

TEST_P(DeathTest, ANotificationOfOneThatDiesPassesToTheNext) {
  const mp::Condition condition;
  const Counters counters;
  mp::Process victim{[](mp::Condition c, Counters shared) {
                       mp::detail::arm_fail_point("synchronize.condition.notified");
                       sleep_in(c, shared);
                     },
                     condition, counters};
  victim.start();
  counters.wait_for(1);
  mp::Process next{sleep_in, condition, counters};
  next.start();
  counters.wait_for(2);
  {
    const std::unique_lock guard{condition};
    condition.notify(1);
  }
  counters.wait_for(1, 1);
  next.join();
  victim.join();
  EXPECT_EQ(victim.exitcode(), -SIGKILL);
  const std::unique_lock guard{condition};
  EXPECT_FALSE(condition.wait(1ms)) << "and is not remembered";
}

TEST_P(DeathTest, AWaitThatTakesTheLockFromTheDeadThrowsHoldingIt) {
  const mp::Lock lock;
  const mp::Condition condition{lock};
  const auto notify_and_die = [](mp::Condition c) {
    c.acquire();
    c.notify();
    die();
  };
  std::unique_lock guard{condition};
  mp::Process child{notify_and_die, condition};
  child.start();
  EXPECT_THROW(condition.wait(), mp::OwnerDied);
  std::thread{[&] { EXPECT_FALSE(lock.try_acquire()); }}.join();
  guard.unlock();
  EXPECT_THROW(lock.acquire(), mp::OwnerDied) << "nobody has mended it";
  lock.recover();
  lock.release();
  child.join();
  guard.lock();
}

TEST_P(DeathTest, AfterRecoverInAWaitTheLockIsWhole) {
  const mp::Condition condition;
  const auto notify_and_die = [](mp::Condition c) {
    c.acquire();
    c.notify();
    die();
  };
  mp::Process child{notify_and_die, condition};
  {
    const std::unique_lock guard{condition};
    child.start();
    EXPECT_THROW(condition.wait(), mp::OwnerDied);
    condition.recover();
  }
  condition.acquire();
  condition.release();
  child.join();
}

TEST_P(DeathTest, AWaitersDeathLeavesLocksAlone) {
  const mp::Lock lock;
  const Counters counters;
  lock.acquire();
  mp::Process waiter{wait_for_the_dead<mp::Lock>, lock, counters};
  waiter.start();
  counters.wait_for(1, 1);
  waiter.kill();
  waiter.join();
  lock.release();
  lock.acquire();
  lock.release();
}

// ---- barriers.

void wait_at(mp::Barrier barrier, Counters counters) {
  try {
    counters.raise(0);
    barrier.wait();
  } catch (const mp::BrokenBarrierError& error) {
    const std::string text = error.what();
    if (text.find("process id " + std::to_string(counters[10])) != std::string::npos)
      counters.raise(2);
    counters.raise(1);
  }
}

TEST_P(DeathTest, APartyKilledWhileItWaitsBreaksTheBarrier) {
  const mp::Barrier barrier{4};
  const Counters counters;
  std::vector<mp::Process> parties;
  for (int i = 0; i < 3; ++i) parties.emplace_back(wait_at, barrier, counters).start();
  wait_until([&] { return barrier.n_waiting() == 3; });
  counters[10] = static_cast<std::uint32_t>(*parties[0].pid());
  parties[0].kill();
  counters.wait_for(2, 1);
  EXPECT_EQ(counters[2], 2U) << "the error names the dead";
  EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError);
  for (mp::Process& party : parties) party.join();
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
}

TEST_P(DeathTest, APartyKilledBeforeItEverWaitedBreaksTheBarrier) {
  const mp::Barrier barrier{3};
  const Counters counters;
  mp::Process victim{[](mp::Barrier, Counters c) {
                       c.raise(5);
                       c.wait_for(99, 63);
                     },
                     barrier, counters};
  victim.start();
  counters.wait_for(1, 5);
  counters[10] = static_cast<std::uint32_t>(*victim.pid());
  mp::Process party{wait_at, barrier, counters};
  party.start();
  wait_until([&] { return barrier.n_waiting() == 1; });
  victim.kill();
  counters.wait_for(1, 1);
  EXPECT_EQ(counters[2], 1U) << "the error names the dead";
  party.join();
  victim.join();
}

TEST_P(DeathTest, APartyKilledBeforeItWasBornBreaksTheBarrier) {
  const mp::Barrier barrier{2};
  const Counters counters;
  mp::Process victim{[](mp::Barrier, Counters c) { c.wait_for(99, 63); }, barrier, counters};
  mp::detail::arm_fail_point("arena.join.after_lock");  // inherited by fork alone
  victim.start();
  mp::detail::arm_fail_point({});
  victim.kill();
  EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError) << "though nobody has reaped it";
  victim.join();
}

TEST_P(DeathTest, APartyThatFailsBreaksTheBarrierWithItsCode) {
  const mp::Barrier barrier{2};
  mp::Process victim{[](mp::Barrier) { throw mp::Exit{4}; }, barrier};
  victim.start();
  try {
    barrier.wait();
    ADD_FAILURE();
  } catch (const mp::BrokenBarrierError& error) {
    EXPECT_NE(std::string{error.what()}.find("exit code 4"), std::string::npos) << error.what();
  }
  victim.join();
}

TEST_P(DeathTest, TheLastOneToComeSeesThatOneDiedThatHadCome) {
  using std::chrono::steady_clock;
  const mp::Barrier barrier{2};
  const Counters counters;
  mp::Process victim{wait_at, barrier, counters};
  victim.start();
  wait_until([&] { return barrier.n_waiting() == 1; });
  const auto seen = steady_clock::now();
  victim.kill();
  victim.join();
  wait_until([&] { return steady_clock::now() - seen > 1ms; });  // no short round
  EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError);
}

}  // namespace
}  // namespace synchronize_test
