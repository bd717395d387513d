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
#include "support/asked.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace arena_test;
using namespace std::chrono_literals;
using mp::detail::arm_fail_point;
using mp::detail::BiasedGuard;
using mp::detail::BiasedLock;
using mp::detail::BiasedLockWords;
using mp::detail::BiasFlags;
using Taken = BiasedLock::Taken;
using Way = BiasedLock::Way;

using BiasedLockTest = ArenaTest;

struct Counter : Contended {
  BiasedLockWords words;
  BiasFlags flags;
  std::atomic<std::uint64_t> by_bias;

  BiasedLock lock() { return {words, flags}; }
};

/// Enters once as number `which`. How it came in.
Way enter(Counter& counter, int which, bool wants_bias = true) {
  Way way = counter.lock().acquire_quickly();
  bool from_the_dead = false;
  if (way == Way::not_taken) {
    from_the_dead = counter.lock().acquire() == Taken::from_the_dead;
    way = Way::locked;
  }
  counter.change(which, from_the_dead);
  if (way == Way::by_bias) ++counter.by_bias;
  if (wants_bias && way == Way::locked) counter.lock().bias_to_this_thread();
  counter.lock().release(way);
  return way;
}

/// Waits until a child has stopped itself.
void wait_for_stop(pid_t pid) {
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  ASSERT_TRUE(WIFSTOPPED(status));
}

bool kernel_can() { return mp::detail::register_light_fences(); }

TEST_F(BiasedLockTest, ItIsBiasedToAThreadThatAsksUntilAnotherComes) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  const BiasedLock lock = counter->lock();
  EXPECT_EQ(lock.acquire_quickly(), Way::locked);
  EXPECT_EQ(lock.holder(), mp::detail::self());
  lock.bias_to_this_thread();
  EXPECT_EQ(lock.acquire_quickly(), Way::not_taken);  // not before it is released
  lock.release(Way::locked);
  EXPECT_FALSE(lock.holder());
  EXPECT_EQ(lock.acquire_quickly(), Way::by_bias);
  EXPECT_EQ(lock.holder(), mp::detail::self());
  EXPECT_EQ(lock.acquire_quickly(), Way::not_taken);
  lock.release(Way::by_bias);
  EXPECT_FALSE(lock.holder());
  Child other{[&] {
    if (lock.acquire_quickly() != Way::not_taken) return 1;
    mp::detail::LazyDeadline limit{mp::Timeout::forever};
    const BiasedGuard guard{lock, limit};
    return guard.taken() != Taken::free || lock.is_biased() ? 2 : 0;
  }};
  EXPECT_EQ(other.join(), 0);
  EXPECT_EQ(lock.acquire_quickly(), Way::locked);
  lock.release(Way::locked);
}

TEST_F(BiasedLockTest, ItIsNotBiasedToAnotherThreadOfTheProcess) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  enter(*counter, 0);
  EXPECT_EQ(enter(*counter, 0), Way::by_bias);
  std::thread{[&] { EXPECT_EQ(enter(*counter, 1), Way::locked); }}.join();
  EXPECT_EQ(enter(*counter, 0), Way::locked);
  EXPECT_EQ(counter->violations, 0U);
  EXPECT_EQ(counter->first, 4U);
}

TEST_F(BiasedLockTest, ThreadsExcludeEachOtherThatAllAskForTheBias) {
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

TEST_F(BiasedLockTest, ThreadsAndProcessesExcludeEachOtherThatAllAskForTheBias) {
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

// The owner of the bias never waits, and a thread that comes now and then never meets it inside.
TEST_F(BiasedLockTest, WhoComesSeldomExcludesWhoIsInAndOutAllTheTime) {
  const test_support::Watchdog allowed{300s};
  const Shared<Counter> counter;
  Child busy{[&] {
    while (!counter->stop) enter(*counter, 0);
    return 0;
  }};
  for (int i = 0; i < test_support::fewer(2000); ++i) {
    enter(*counter, 1, false);
    for (const auto before = counter->entered[0].load(); counter->entered[0] < before + 20;)
      std::this_thread::yield();
  }
  counter->stop = true;
  EXPECT_EQ(busy.join(), 0);
  EXPECT_EQ(counter->violations, 0U);
  EXPECT_EQ(counter->first, counter->entered[0] + counter->entered[1]);
  if (kernel_can()) {
    EXPECT_GT(counter->by_bias, 0U);
  }
}

TEST_F(BiasedLockTest, AForkedChildOfTheOwnerHasNoBias) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  enter(*counter, 0);
  EXPECT_EQ(enter(*counter, 0), Way::by_bias);
  Child child{[&] {
    if (enter(*counter, 1) == Way::by_bias) return 1;
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
    end_with([&] { return counter->lock().acquire_quickly() == Way::not_taken ? 0 : 1; });
  EXPECT_EQ(reap(pid), 0);
}

TEST_F(BiasedLockTest, AFifthProcessGetsTheBiasWhenOneOfTheFirstFourHasEnded) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  const auto is_biased_to_it = [&] {
    enter(*counter, 0);
    return enter(*counter, 0) == Way::by_bias;
  };
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) {
    Gate known;
    children.emplace_back([&] {
      if (is_biased_to_it()) known.open();
      return pause();
    });
    EXPECT_TRUE(known.wait());
  }
  EXPECT_FALSE(is_biased_to_it());
  children.pop_back();
  EXPECT_TRUE(is_biased_to_it());
  EXPECT_EQ(counter->violations, 0U);
}

TEST_F(BiasedLockTest, AThreadGetsTheBiasThoughManyBeforeItHaveEnded) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const test_support::Watchdog allowed{300s};
  const Shared<Counter> counter;
  for (int i = 0; i < 20; ++i)
    std::thread{[&] {
      // Not at once: the kernel knows a thread for a moment after its end was waited for.
      while (enter(*counter, 0) != Way::by_bias) std::this_thread::yield();
    }}.join();
  EXPECT_EQ(counter->violations, 0U);
}

TEST_F(BiasedLockTest, AFifthThreadGetsNoBiasWhileTheFirstFourLive) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  const auto is_biased_to_it = [&] {
    enter(*counter, 0);
    return enter(*counter, 0) == Way::by_bias;
  };
  std::atomic<int> known = 0;
  std::latch over{1};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      EXPECT_TRUE(is_biased_to_it());
      ++known;
      over.wait();
    });
    while (known == i) std::this_thread::yield();
  }
  EXPECT_FALSE(is_biased_to_it());
  over.count_down();
}

TEST_F(BiasedLockTest, TheDeathOfTheOwnerInsidePassesTheLockOn) {
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
      EXPECT_EQ(counter->lock().acquire_quickly(), Way::not_taken);
      EXPECT_EQ(counter->lock().acquire(), Taken::from_the_dead);
      EXPECT_FALSE(counter->lock().is_biased());
      counter->lock().release(Way::locked);
      EXPECT_EQ(counter->lock().acquire_quickly(), Way::locked);
      counter->lock().release(Way::locked);
    }
  }
}

TEST_F(BiasedLockTest, TheDeathOfAThreadThatIsGivenTheBiasPassesTheLockOn) {
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
    EXPECT_EQ(counter->lock().acquire(), Taken::from_the_dead);
    EXPECT_FALSE(counter->lock().is_biased());
    counter->lock().release(Way::locked);
  }
}

TEST_F(BiasedLockTest, TheDeathOfTheOwnerOutsideIsNothing) {
  const Shared<Counter> counter;
  Child victim{[&] {
    for (int i = 0; i < 3; ++i) enter(*counter, 0);
    return 0;
  }};
  EXPECT_EQ(victim.join_unsettled(), 0);
  EXPECT_NE(counter->lock().acquire(), Taken::from_the_dead);
  counter->lock().release(Way::locked);
}

/// Stopped between its look and its word that it is inside; dies at `then`, when it goes on.
Child stopped_late(Counter& counter, const char* then) {
  Child late{[&counter, then] {
    while (enter(counter, 0) != Way::by_bias) {
    }
    mp::detail::arm_fail_point_stop("arena.bias.before_enter", then);
    enter(counter, 0);
    return 0;
  }};
  wait_for_stop(late.pid());
  return late;
}

TEST_F(BiasedLockTest, AThreadLateToEnterDoesNotHideTheDeathOfTheOwner) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const Shared<Counter> counter;
  Child late = stopped_late(*counter, "");
  Child inside{[&] {
    while (enter(*counter, 1) != Way::by_bias) {
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
    for (const auto before = counter->by_bias.load(); counter->by_bias == before;)
      std::this_thread::yield();
  }
  counter->stop = true;
  EXPECT_EQ(busy.join(), 0);
  EXPECT_EQ(counter->violations, 0U);
}

// The first thread that revokes the bias dies at it: the second still waits for the thread inside.
TEST_F(BiasedLockTest, TheRevokerMayDieAtAnyStep) {
  if (!kernel_can()) GTEST_SKIP() << "membarrier(2) is not there";
  const test_support::Watchdog allowed{300s};
  for (const char* point : {"arena.bias.revoked", "arena.bias.fenced", "arena.bias.out"}) {
    SCOPED_TRACE(point);
    const Shared<Counter> counter;
    Child busy{[&] {
      while (!counter->stop) enter(*counter, 0);
      return 0;
    }};
    for (int i = 0; i < test_support::fewer(20); ++i) {
      const auto before = counter->by_bias.load();
      while (counter->by_bias == before) std::this_thread::yield();
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

TEST_F(BiasedLockTest, FourThatAskForTheBiasKilledAtRandomNeverMeetInsideNorHang) {
  const test_support::Watchdog allowed{600s};
  const Shared<Counter> counter;
  Contenders contenders{*counter, [&](int which) {
                          enter(*counter, which);
                          // Long rounds alone now and then, so that a bias is worth something.
                          if (counter->entered[which] % 64 == 0) std::this_thread::sleep_for(50us);
                        }};
  contenders.kill_at_random(test_support::fewer(200), 43);
  if (kernel_can()) {
    EXPECT_GT(counter->by_bias, 0U);
  }
  std::printf("%lu times by bias\n", static_cast<unsigned long>(counter->by_bias.load()));
}

}  // namespace
