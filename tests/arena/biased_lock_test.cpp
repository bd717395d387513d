// BiasedLock: as an OwnerLock, also for the thread that enters by plain stores.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "arena/biased_lock.hpp"
#include "base/fail_point.hpp"
#include "contended.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace arena_test;
using namespace std::chrono_literals;
using mp::detail::arm_fail_point;
using mp::detail::BiasedGuard;
using mp::detail::BiasedLock;
using mp::detail::Seats;
using Taken = BiasedLock::Taken;
using Way = BiasedLock::Way;

using BiasedLockTest = ArenaTest;

struct Counter : Contended {
  BiasedLock lock;
  Seats seats;
  std::atomic<std::uint64_t> favoured;
};

/// Enters once as number `which`. How it came in.
Way enter(Counter& counter, int which, bool wants_favour = true) {
  Way way = counter.lock.acquire_quickly(counter.seats);
  bool from_the_dead = false;
  if (way == Way::not_taken) {
    from_the_dead = counter.lock.acquire(counter.seats) == Taken::from_the_dead;
    way = Way::locked;
  }
  counter.change(which, from_the_dead);
  if (way == Way::favoured) ++counter.favoured;
  if (wants_favour && way == Way::locked) counter.lock.favour_me(counter.seats);
  counter.lock.release(counter.seats, way);
  return way;
}

/// Waits until a child has stopped itself.
void wait_for_stop(pid_t pid) {
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  ASSERT_TRUE(WIFSTOPPED(status));
}

bool kernel_can() { return mp::detail::register_light_fences(); }

TEST_F(BiasedLockTest, ItFavoursWhoAsksUntilSomebodyElseComes) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  BiasedLock& lock = counter->lock;
  Seats& seats = counter->seats;
  EXPECT_EQ(lock.acquire_quickly(seats), Way::locked);
  EXPECT_EQ(lock.holder(seats), mp::detail::self());
  lock.favour_me(seats);
  EXPECT_EQ(lock.acquire_quickly(seats), Way::not_taken);  // not before it is released
  lock.release(seats, Way::locked);
  EXPECT_FALSE(lock.holder(seats));
  EXPECT_EQ(lock.acquire_quickly(seats), Way::favoured);
  EXPECT_EQ(lock.holder(seats), mp::detail::self());
  EXPECT_EQ(lock.acquire_quickly(seats), Way::not_taken);
  lock.release(seats, Way::favoured);
  EXPECT_FALSE(lock.holder(seats));
  Child other{[&] {
    if (lock.acquire_quickly(seats) != Way::not_taken) return 1;
    mp::detail::LazyDeadline limit{mp::Timeout::forever};
    const BiasedGuard guard{lock, seats, limit};
    return guard.taken() != Taken::from_the_favoured || lock.favours_anybody() ? 2 : 0;
  }};
  EXPECT_EQ(other.join(), 0);
  EXPECT_EQ(lock.acquire_quickly(seats), Way::locked);
  lock.release(seats, Way::locked);
}

TEST_F(BiasedLockTest, AnotherThreadOfTheFavouredProcessIsNotFavoured) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  enter(*counter, 0);
  EXPECT_EQ(enter(*counter, 0), Way::favoured);
  std::thread{[&] { EXPECT_EQ(enter(*counter, 1), Way::locked); }}.join();
  EXPECT_EQ(enter(*counter, 0), Way::locked);
  EXPECT_EQ(counter->violations, 0U);
  EXPECT_EQ(counter->first, 4U);
}

TEST_F(BiasedLockTest, ThreadsExcludeEachOtherThatAllAskForFavour) {
  const Shared<Counter> counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 2000; ++k) {
        enter(*counter, 0);
        if (k % 16 == 0) std::this_thread::yield();
      }
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(counter->first, 8'000U);
  EXPECT_EQ(counter->second, 8'000U);
  EXPECT_EQ(counter->violations, 0U);
}

TEST_F(BiasedLockTest, ThreadsAndProcessesExcludeEachOtherThatAllAskForFavour) {
  const test_support::Watchdog allowed{300s};
  const Shared<Counter> counter;
  work_in_threads_of_processes([&] {
    for (int i = 0; i < 2000; ++i) {
      enter(*counter, 0);
      if (i % 16 == 0) std::this_thread::yield();
    }
  });
  EXPECT_EQ(counter->first, 12'000U);
  EXPECT_EQ(counter->second, 12'000U);
  EXPECT_EQ(counter->violations, 0U);
}

// The favoured thread never waits, and a thread that comes now and then never meets it inside.
TEST_F(BiasedLockTest, WhoComesSeldomExcludesWhoIsInAndOutAllTheTime) {
  const test_support::Watchdog allowed{300s};
  const Shared<Counter> counter;
  Child busy{[&] {
    while (!counter->stop) enter(*counter, 0);
    return 0;
  }};
  for (int i = 0; i < 2000; ++i) {
    enter(*counter, 1, false);
    for (const auto before = counter->entered[0].load(); counter->entered[0] < before + 20;)
      std::this_thread::yield();
  }
  counter->stop = true;
  EXPECT_EQ(busy.join(), 0);
  EXPECT_EQ(counter->violations, 0U);
  EXPECT_EQ(counter->first, counter->entered[0] + counter->entered[1]);
  if (kernel_can()) {
    EXPECT_GT(counter->favoured, 0U);
  }
}

TEST_F(BiasedLockTest, AForkedChildOfTheFavouredIsNotFavoured) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  enter(*counter, 0);
  EXPECT_EQ(enter(*counter, 0), Way::favoured);
  Child child{[&] {
    if (enter(*counter, 1) == Way::favoured) return 1;
    for (int i = 1; i < 100; ++i) enter(*counter, 1);
    return 0;
  }};
  for (int i = 0; i < 100; ++i) enter(*counter, 0);
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(counter->violations, 0U);
  EXPECT_EQ(counter->first, 202U);
}

TEST_F(BiasedLockTest, AProcessThatSkippedTheForkHandlersIsNotItsParent) {
  const Shared<Counter> counter;
  enter(*counter, 0);
  enter(*counter, 0);
  const pid_t pid = _Fork();
  if (pid == 0)
    end_with(
        [&] { return counter->lock.acquire_quickly(counter->seats) == Way::not_taken ? 0 : 1; });
  EXPECT_EQ(reap(pid), 0);
}

TEST_F(BiasedLockTest, AFifthProcessIsFavouredWhenOneOfTheFirstFourHasEnded) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  const auto is_favoured = [&] {
    enter(*counter, 0);
    return enter(*counter, 0) == Way::favoured;
  };
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) {
    Gate known;
    children.emplace_back([&] {
      if (is_favoured()) known.open();
      return pause();
    });
    EXPECT_TRUE(known.wait());
  }
  EXPECT_FALSE(is_favoured());
  children.pop_back();
  EXPECT_TRUE(is_favoured());
  EXPECT_EQ(counter->violations, 0U);
}

TEST_F(BiasedLockTest, AThreadIsFavouredThoughManyBeforeItHaveEnded) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const test_support::Watchdog allowed{300s};
  const Shared<Counter> counter;
  for (int i = 0; i < 20; ++i)
    std::thread{[&] {
      // Not at once: the kernel knows a thread for a moment after its end was waited for.
      while (enter(*counter, 0) != Way::favoured) std::this_thread::yield();
    }}.join();
  EXPECT_EQ(counter->violations, 0U);
}

TEST_F(BiasedLockTest, AFifthThreadIsNotFavouredWhileTheFirstFourLive) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  const auto is_favoured = [&] {
    enter(*counter, 0);
    return enter(*counter, 0) == Way::favoured;
  };
  std::atomic<int> known = 0;
  std::latch over{1};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      EXPECT_TRUE(is_favoured());
      ++known;
      over.wait();
    });
    while (known == i) std::this_thread::yield();
  }
  EXPECT_FALSE(is_favoured());
  over.count_down();
}

TEST_F(BiasedLockTest, TheDeathOfTheFavouredInsidePassesTheLockOn) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  for (const char* point : {"arena.bias.entered", "arena.bias.before_leave"}) {
    for (const bool settled : {false, true}) {
      SCOPED_TRACE(point);
      const Shared<Counter> counter;
      Child victim{[&] {
        arm_fail_point(point, 10);
        for (;;) enter(*counter, 0);
        return 0;
      }};
      EXPECT_EQ(settled ? victim.join() : victim.join_unsettled(), -SIGKILL);
      EXPECT_EQ(counter->lock.acquire_quickly(counter->seats), Way::not_taken);
      EXPECT_EQ(counter->lock.acquire(counter->seats), Taken::from_the_dead);
      EXPECT_FALSE(counter->lock.favours_anybody());
      counter->lock.release(counter->seats, Way::locked);
      EXPECT_EQ(counter->lock.acquire_quickly(counter->seats), Way::locked);
      counter->lock.release(counter->seats, Way::locked);
    }
  }
}

TEST_F(BiasedLockTest, TheDeathOfWhoIsJustGivenTheFavourPassesTheLockOn) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  for (const char* point : {"arena.bias.chosen", "arena.bias.given"}) {
    SCOPED_TRACE(point);
    const Shared<Counter> counter;
    Child victim{[&] {
      arm_fail_point(point);
      enter(*counter, 0);
      return 0;
    }};
    EXPECT_EQ(victim.join_unsettled(), -SIGKILL);
    EXPECT_EQ(counter->lock.acquire(counter->seats), Taken::from_the_dead);
    EXPECT_FALSE(counter->lock.favours_anybody());
    counter->lock.release(counter->seats, Way::locked);
  }
}

TEST_F(BiasedLockTest, TheDeathOfTheFavouredOutsideIsNothing) {
  const Shared<Counter> counter;
  Child victim{[&] {
    for (int i = 0; i < 3; ++i) enter(*counter, 0);
    return 0;
  }};
  EXPECT_EQ(victim.join_unsettled(), 0);
  EXPECT_NE(counter->lock.acquire(counter->seats), Taken::from_the_dead);
  counter->lock.release(counter->seats, Way::locked);
}

/// Stopped between its look and its word that it is inside; dies at `then`, when it goes on.
Child stopped_late(Counter& counter, const char* then) {
  Child late{[&counter, then] {
    while (enter(counter, 0) != Way::favoured) {
    }
    mp::detail::arm_fail_point_stop("arena.bias.before_enter", then);
    enter(counter, 0);
    return 0;
  }};
  wait_for_stop(late.pid());
  return late;
}

TEST_F(BiasedLockTest, WhoIsLateToEnterDoesNotHideTheDeathOfWhoIsFavouredNow) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  Child late = stopped_late(*counter, "");
  Child inside{[&] {
    while (enter(*counter, 1) != Way::favoured) {
    }
    mp::detail::arm_fail_point_stop("arena.bias.entered");
    enter(*counter, 1);
    return 0;
  }};
  wait_for_stop(inside.pid());
  ::kill(late.pid(), SIGCONT);
  EXPECT_EQ(inside.kill(), -SIGKILL);
  EXPECT_EQ(late.join(), 0);
  EXPECT_EQ(counter->takeovers, 1U);
}

TEST_F(BiasedLockTest, WhoDiesLateToEnterHoldsUpNobody) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  Child late = stopped_late(*counter, "arena.bias.refused");
  Child busy{[&] {
    while (!counter->stop) enter(*counter, 1);
    return 0;
  }};
  while (counter->entered[1] < 100) std::this_thread::yield();
  ::kill(late.pid(), SIGCONT);
  EXPECT_EQ(late.join_unsettled(), -SIGKILL);
  for (int i = 0; i < 100; ++i) {
    enter(*counter, 2, false);
    for (const auto before = counter->favoured.load(); counter->favoured == before;)
      std::this_thread::yield();
  }
  counter->stop = true;
  EXPECT_EQ(busy.join(), 0);
  EXPECT_EQ(counter->violations, 0U);
}

// The first thread that revokes the bias dies at it: the second still waits for the thread inside.
TEST_F(BiasedLockTest, WhoTakesTheFavourBackMayDieAtAnyStep) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const test_support::Watchdog allowed{300s};
  for (const char* point : {"arena.bias.revoked", "arena.bias.fenced", "arena.bias.out"}) {
    SCOPED_TRACE(point);
    const Shared<Counter> counter;
    Child busy{[&] {
      while (!counter->stop) enter(*counter, 0);
      return 0;
    }};
    for (int i = 0; i < 20; ++i) {
      const auto before = counter->favoured.load();
      while (counter->favoured == before) std::this_thread::yield();
      Child revoker{[&] {
        arm_fail_point(point);
        for (;;) enter(*counter, 1, false);
        return 0;
      }};
      EXPECT_EQ(i % 2 == 0 ? revoker.join() : revoker.join_unsettled(), -SIGKILL);
      for (int k = 0; k < 10; ++k) enter(*counter, 2, false);
    }
    counter->stop = true;
    EXPECT_EQ(busy.join(), 0);
    EXPECT_EQ(counter->violations, 0U);
  }
}

TEST_F(BiasedLockTest, FourThatAskForFavourKilledAtRandomNeverMeetInsideNorHang) {
  const test_support::Watchdog allowed{600s};
  const Shared<Counter> counter;
  Contenders contenders{*counter, [&](int which) {
                          enter(*counter, which);
                          // Long rounds alone now and then, so that favour is worth something.
                          if (counter->entered[which] % 64 == 0) std::this_thread::sleep_for(50us);
                        }};
  contenders.kill_at_random(200, 43);
  if (kernel_can()) {
    EXPECT_GT(counter->favoured, 0U);
  }
  std::printf("%lu times by favour\n", static_cast<unsigned long>(counter->favoured.load()));
}

}  // namespace
