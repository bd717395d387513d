// OwnerLock: one process at a time, and no dead one.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>
#include <thread>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/owner_lock.hpp"
#include "base/deadline.hpp"
#include "base/fail_point.hpp"
#include "contended.hpp"
#include "multiprocessing/base/errors.hpp"
#include "strict_sleeps.hpp"
#include "support/asked.hpp"

namespace {

using namespace arena_test;
using namespace std::chrono_literals;
using mp::detail::Deadline;
using mp::detail::Handle;
using mp::detail::OwnerGuard;
using mp::detail::OwnerLock;
using Taken = OwnerLock::Taken;

using OwnerLockTest = ArenaTest;

struct Counter : Contended {
  OwnerLock lock;
};

/// Enters once as number `which`.
void enter(Counter& counter, int which) {
  const OwnerGuard guard{counter.lock};
  counter.change(which, guard.from_the_dead());
}

TEST_F(OwnerLockTest, AFreeLockIsTakenAndNamesItsHolder) {
  OwnerLock lock;
  EXPECT_FALSE(lock.holder());
  EXPECT_EQ(lock.acquire(), Taken::free);
  EXPECT_EQ(lock.holder(), mp::detail::self());
  EXPECT_EQ(lock.try_acquire(), Taken::not_in_time);
  lock.release();
  EXPECT_FALSE(lock.holder());
  EXPECT_EQ(lock.try_acquire(), Taken::free);
  lock.release();
}

TEST_F(OwnerLockTest, ThreadsAndProcessesExcludeEachOther) {
  const Shared<Counter> counter;
  work_in_threads_of_processes([&] {
    for (int i = 0; i < 5000; ++i) enter(*counter, 0);
  });
  EXPECT_EQ(counter->first, 30'000U);
  EXPECT_EQ(counter->second, 30'000U);
  EXPECT_EQ(counter->violations, 0U);
}

TEST_F(OwnerLockTest, EachReleaseWakesOneOfThoseWhoSleep) {
  const Strict strict;
  OwnerLock lock;
  EXPECT_EQ(lock.acquire(), Taken::free);
  std::vector<std::thread> waiters(3);
  for (std::thread& waiter : waiters) waiter = std::thread{[&] { const OwnerGuard guard{lock}; }};
  strict.wait_until_asleep(3);
  lock.release();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_FALSE(lock.holder());
}

TEST_F(OwnerLockTest, AWaitLastsAtLeastItsDeadline) {
  const Shared<Counter> counter;
  Gate holds;
  Child holder{[&] {
    static_cast<void>(counter->lock.acquire());
    holds.open();
    return pause();
  }};
  EXPECT_TRUE(holds.wait());
  EXPECT_EQ(counter->lock.holder(), holder.member());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(counter->lock.acquire(Deadline{100ms}), Taken::not_in_time);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
  EXPECT_EQ(counter->lock.try_acquire(), Taken::not_in_time);
}

TEST_F(OwnerLockTest, TheDeathOfItsHolderPassesTheLockToAWaiterAndToANewcomer) {
  for (const bool reaped : {false, true}) {
    const Shared<Counter> counter;
    Gate holds;
    Child holder{[&] {
      static_cast<void>(counter->lock.acquire());
      holds.open();
      return pause();
    }};
    EXPECT_TRUE(holds.wait());
    Child waiter{[&] {
      const bool taken_over = counter->lock.acquire() == Taken::from_the_dead;
      counter->lock.release();
      return taken_over ? 0 : 1;
    }};
    ::kill(holder.pid(), SIGKILL);
    // A zombie is as dead as one that was reaped.
    if (reaped) {
      EXPECT_EQ(holder.join(), -SIGKILL);
    }
    EXPECT_EQ(waiter.join(), 0);
    EXPECT_EQ(counter->lock.try_acquire(), Taken::free);
    counter->lock.release();
  }
}

TEST_F(OwnerLockTest, AHolderThatEndsWithTheLockIsTakenOverAtOnce) {
  const Shared<Counter> counter;
  Child holder{[&] {
    static_cast<void>(counter->lock.acquire());
    return 0;
  }};
  EXPECT_EQ(holder.join(), 0);
  EXPECT_EQ(counter->lock.try_acquire(), Taken::from_the_dead);
  counter->lock.release();
}

TEST_F(OwnerLockTest, AKilledWaiterKeepsNobodyFromTheLock) {
  const Shared<Counter> counter;
  static_cast<void>(counter->lock.acquire());
  std::vector<Child> waiters;
  for (int i = 0; i < 3; ++i)
    waiters.emplace_back([&] {
      enter(*counter, i);
      return 0;
    });
  usleep(20'000);
  EXPECT_EQ(waiters[0].kill(), -SIGKILL);
  counter->lock.release();
  EXPECT_EQ(waiters[1].join(), 0);
  EXPECT_EQ(waiters[2].join(), 0);
}

TEST_F(OwnerLockTest, AProcessThatSkippedTheForkHandlersIsRefused) {
  OwnerLock lock;
  const pid_t pid = _Fork();
  if (pid == 0) {
    end_with([&] {
      try {
        static_cast<void>(lock.acquire());
      } catch (const mp::ProcessError&) {
        return 0;
      }
      return 1;
    });
  }
  EXPECT_EQ(reap(pid), 0);
}

// Else the settling of the dead, at any later time, would change links under the new holder.
TEST_F(OwnerLockTest, WhoTakesALockOverFindsTheLinksOfTheDeadBeforeOrAfterTheirChange) {
  struct Case {
    const char* point;
    bool done;
  };
  for (const Case& kill :
       {Case{"arena.ledger.after_intent", false}, Case{"arena.ledger.after_make", true},
        Case{"arena.ledger.before_end", true}}) {
    const Shared<OwnerLock> lock;
    const Handle object = Handle::make(1, 1);
    Child child{[&] {
      mp::detail::Block block{10};
      const OwnerGuard guard{*lock};
      mp::detail::arm_fail_point(kill.point);
      std::move(block).give_to(mp::detail::links_of(object)[0]);
      return 0;
    }};
    EXPECT_EQ(child.join_unsettled(), -SIGKILL);
    const OwnerGuard guard{*lock};
    EXPECT_TRUE(guard.from_the_dead());
    auto& link = mp::detail::links_of(object)[0];
    EXPECT_EQ(mp::detail::data_of(link) != nullptr, kill.done) << kill.point;
    mp::detail::release(link);
    hold(link, Handle::make(1));
    mp::arena_sweep();
    EXPECT_TRUE(mp::detail::handle_from(link)) << kill.point;
  }
}

TEST_F(OwnerLockTest, WhatOneCouldNotMendIsTakenOverFromTheDeadByTheNext) {
  const Shared<OwnerLock> lock;
  Child holder{[&] {
    static_cast<void>(lock->acquire());
    return 0;
  }};
  EXPECT_EQ(holder.join(), 0);
  for (int i = 0; i < 2; ++i) {
    OwnerGuard guard{*lock};
    EXPECT_TRUE(guard.from_the_dead());
    EXPECT_THROW(guard.mend_if_dead([] { throw std::bad_alloc{}; }), std::bad_alloc);
  }
  EXPECT_FALSE(lock->holder());
  {
    OwnerGuard guard{*lock};
    EXPECT_TRUE(guard.from_the_dead());
    guard.mend_if_dead([] {});
  }
  EXPECT_EQ(lock->acquire(), Taken::free);
  lock->release();
}

TEST_F(OwnerLockTest, ASettlerThatDiesDoesNotHoldUpWhoTakesTheLockOver) {
  const Shared<OwnerLock> lock;
  const Handle object = Handle::make(1);
  Child holder{[&] {
    static_cast<void>(lock->acquire());
    return 0;
  }};
  EXPECT_EQ(holder.join_unsettled(), 0);
  Child settler{[&] {
    mp::detail::arm_fail_point("arena.settle.after_mark");
    mp::arena_sweep();
    return 0;
  }};
  EXPECT_EQ(settler.join_unsettled(), -SIGKILL);
  EXPECT_EQ(lock->acquire(), Taken::from_the_dead);
  lock->release();
}

TEST_F(OwnerLockTest, ASettlerWakesWhoWaitsForItToTakeTheLockOver) {
  const Shared<OwnerLock> lock;
  Child holder{[&] {
    static_cast<void>(lock->acquire());
    return 0;
  }};
  EXPECT_EQ(holder.join_unsettled(), 0);
  Child settler{[&] {
    mp::detail::arm_fail_point_stop("arena.settle.before_end");
    mp::arena_sweep();
    return 0;
  }};
  int status = 0;
  ASSERT_EQ(waitpid(settler.pid(), &status, WUNTRACED), settler.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  const Strict strict;
  std::thread waiter{[&] { EXPECT_EQ(lock->acquire(), Taken::from_the_dead); }};
  strict.wait_until_asleep(1);
  kill(settler.pid(), SIGCONT);
  waiter.join();
  lock->release();
  EXPECT_EQ(settler.join(), 0);
}

TEST_F(OwnerLockTest, FourContendersKilledAtRandomNeverMeetInsideNorHang) {
  const Shared<Counter> counter;
  Contenders contenders{*counter, [&](int which) { enter(*counter, which); }};
  usleep(300'000);
  const auto& entered = counter->entered;
  const auto least =
      std::min({entered[0].load(), entered[1].load(), entered[2].load(), entered[3].load()});
  std::printf("4 contenders: %.2f M/s, the least served has %.0f %% of a fair share\n",
              static_cast<double>(counter->total()) / 0.3e6,
              400.0 * static_cast<double>(least) / static_cast<double>(counter->total() + 1));
  contenders.kill_at_random(test_support::fewer(200), 42);
}

}  // namespace
