// Every wake reaches a thread that sleeps: where MULTIPROCESSING_TEST_LOST_WAKES is set, nothing
// else ends these waits.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "multiprocessing/synchronize.hpp"
#include "support/woken.hpp"

namespace {

namespace mp = multiprocessing;
using test_support::expect_woken;
using test_support::Sleeper;

template <class Mutex>
void expect_release_wakes() {
  const Mutex lock;
  lock.acquire();
  expect_woken([&] { lock.acquire(), lock.release(); }, [&] { lock.release(); });
}

TEST(LostWakesTest, AReleaseWakesAThreadThatWaitsForTheLock) {
  expect_release_wakes<mp::Lock>();
  expect_release_wakes<mp::RLock>();
}

TEST(LostWakesTest, AReleaseWakesAThreadThatWaitsForAUnit) {
  const mp::Semaphore units{0};
  expect_woken([&] { units.acquire(); }, [&] { units.release(); });
}

TEST(LostWakesTest, EachReleaseWakesOneMoreThreadThatWaitsForAUnit) {
  const mp::Semaphore units{0};
  test_support::wait_until_strict();
  const Sleeper first{[&] { units.acquire(); }};
  const Sleeper second{[&] { units.acquire(); }};
  const Sleeper third{[&] { units.acquire(); }};
  for (int i = 0; i < 3; ++i) units.release();
}

TEST(LostWakesTest, AReleaseWakesAThreadThatWaitsForAUnitWithALedger) {
  const mp::Semaphore units{mp::SemaphoreOptions{.value = 1, .return_units_of_dead = true}};
  units.acquire();
  expect_woken([&] { units.acquire(); }, [&] { units.release(); });
}

TEST(LostWakesTest, ASetWakesAThreadThatWaitsForTheEvent) {
  const mp::Event event;
  expect_woken([&] { event.wait(); }, [&] { event.set(); });
}

TEST(LostWakesTest, ASetThatAClearFollowsWakesAThreadThatWaitsForTheEvent) {
  const mp::Event event;
  expect_woken([&] { event.wait(); }, [&] { event.set(), event.clear(); });
}

TEST(LostWakesTest, EachNotificationWakesTheThreadThatHasWaitedLongest) {
  const mp::Condition condition;
  std::atomic<int> woken{0};
  const auto wait_as = [&](int number) {
    const std::scoped_lock guard{condition};
    condition.wait();
    EXPECT_EQ(++woken, number);
  };
  test_support::wait_until_strict();
  const Sleeper first{[&] { wait_as(1); }};
  const Sleeper second{[&] { wait_as(2); }};
  const Sleeper third{[&] { wait_as(3); }};
  for (int i = 0; i < 3; ++i) {
    {
      const std::scoped_lock guard{condition};
      condition.notify();
    }
    while (woken.load() == i) std::this_thread::yield();
    if (i == 0) second.wait_until_asleep();
    if (i <= 1) third.wait_until_asleep();
    EXPECT_EQ(woken.load(), i + 1);
  }
}

TEST(LostWakesTest, ANotificationWakesAThreadThatWaitsForTheCondition) {
  const mp::Condition condition;
  const auto wait = [&] {
    condition.acquire();
    condition.wait();
    condition.release();
  };
  expect_woken(wait, [&] {
    condition.acquire();
    condition.notify();
    condition.release();
  });
}

TEST(LostWakesTest, TheLastToArriveWakesTheParties) {
  const mp::Barrier barrier{2};
  expect_woken([&] { (void)barrier.wait(); }, [&] { (void)barrier.wait(); });
}

}  // namespace
