// Semaphore and BoundedSemaphore.
#include <signal.h>

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

class SemaphoreTest : public ArenaTest {};
class SemaphoreInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(SemaphoreInChildrenTest);

void expect_counting(const mp::Semaphore& semaphore) {
  EXPECT_EQ(semaphore.get_value(), 2);
  semaphore.acquire();
  EXPECT_EQ(semaphore.get_value(), 1);
  semaphore.acquire();
  EXPECT_EQ(semaphore.get_value(), 0);
  EXPECT_TRUE(semaphore.locked());
  EXPECT_FALSE(semaphore.try_acquire());
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 2);
  EXPECT_FALSE(semaphore.locked());
}

// CPython: _TestSemaphore.test_semaphore
TEST_F(SemaphoreTest, CountsAndMayRiseAboveItsFirstValue) {
  const mp::Semaphore semaphore{2};
  expect_counting(semaphore);
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 4);
}

// CPython: _TestSemaphore.test_bounded_semaphore
TEST_F(SemaphoreTest, ABoundedOneRefusesAReleaseBeyondItsFirstValue) {
  const mp::BoundedSemaphore semaphore{2};
  expect_counting(semaphore);
  EXPECT_THROW(semaphore.release(), mp::ValueError);
  EXPECT_EQ(semaphore.get_value(), 2);
}

// CPython: _TestSemaphore.test_timeout
TEST_F(SemaphoreTest, WithoutUnitsEveryFormOfAcquireGivesUp) {
  const mp::Semaphore semaphore{0};
  EXPECT_FALSE(semaphore.try_acquire());
  EXPECT_FALSE(semaphore.acquire(0s));
  EXPECT_FALSE(semaphore.acquire(-1s));
  EXPECT_FALSE(semaphore.acquire(1ns));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(semaphore.acquire(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST_F(SemaphoreTest, RefusesValuesThatMakeNoSense) {
  EXPECT_THROW(mp::Semaphore{-1}, mp::OSError);
  const mp::Semaphore full{2147483647};
  EXPECT_THROW(full.release(), mp::ValueError);
  EXPECT_THROW((mp::Semaphore{{.value = 70000, .return_units_of_dead = true}}), mp::ValueError);
}

TEST_F(SemaphoreTest, TheTextTellsItsValue) {
  EXPECT_EQ(mp::to_string(mp::Semaphore{2}), "<Semaphore(value=2)>");
  EXPECT_EQ(mp::to_string(mp::BoundedSemaphore{3}), "<BoundedSemaphore(value=3, maxvalue=3)>");
}

// W29: CPython reads the value and posts then, so two releases at once may pass the bound.
TEST_F(SemaphoreTest, W29ReleasesAtTheSameTimeNeverPassTheBound) {
  const mp::BoundedSemaphore semaphore{1};
  for (int round = 0; round < 200; ++round) {
    semaphore.acquire();
    std::atomic<int> released{0};
    const auto release = [&] {
      try {
        semaphore.release();
        ++released;
      } catch (const mp::ValueError&) {
      }
    };
    std::thread other{release};
    release();
    other.join();
    ASSERT_EQ(released, 1);
    ASSERT_EQ(semaphore.get_value(), 1);
  }
}

TEST_P(SemaphoreInChildrenTest, UnitsPassBetweenProcesses) {
  const mp::Semaphore ping{0};
  const mp::Semaphore pong{0};
  mp::Process child{[](mp::Semaphore in, mp::Semaphore out) {
                      for (int i = 0; i < 300; ++i) {
                        in.acquire();
                        out.release();
                      }
                    },
                    ping, pong};
  child.start();
  for (int i = 0; i < 300; ++i) {
    ping.release();
    pong.acquire();
  }
  child.join();
  EXPECT_EQ(ping.get_value() + pong.get_value(), 0);
}

TEST_P(SemaphoreInChildrenTest, UnitsOfADeadProcessComeBackWhereAskedFor) {
  const mp::Semaphore booked{{.value = 3, .return_units_of_dead = true}};
  const mp::Semaphore plain{3};
  const auto take_and_die = [](mp::Semaphore a, mp::Semaphore b) {
    for (int i = 0; i < 2; ++i) a.acquire(), b.acquire();
    raise(SIGKILL);
  };
  EXPECT_EQ(run_in_child(take_and_die, booked, plain), -SIGKILL);
  EXPECT_EQ(booked.get_value(), 3);
  EXPECT_EQ(plain.get_value(), 1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(booked.try_acquire());
  EXPECT_FALSE(booked.acquire(1ms));
  for (int i = 0; i < 3; ++i) booked.release();
  EXPECT_THROW(booked.release(), mp::ValueError);
}

TEST_P(SemaphoreInChildrenTest, AReleaseGivesBackAUnitThatItsOwnProcessTook) {
  const mp::Semaphore booked{{.value = 2, .return_units_of_dead = true}};
  const Counters counters;
  booked.acquire();
  mp::Process child{[](mp::Semaphore a, Counters c) {
                      a.acquire();
                      c.raise();
                      c.wait_for(99);
                    },
                    booked, counters};
  child.start();
  counters.wait_for(1);
  booked.release();
  child.kill();
  child.join();
  EXPECT_EQ(booked.get_value(), 2);
}

TEST_P(SemaphoreInChildrenTest, WhoWaitsForAUnitOfTheDeadGetsIt) {
  const mp::Semaphore booked{{.value = 1, .return_units_of_dead = true}};
  const Counters counters;
  mp::Process child{[](mp::Semaphore a, Counters c) {
                      a.acquire();
                      c.raise();
                      c.wait_for(99);
                    },
                    booked, counters};
  child.start();
  counters.wait_for(1);
  std::thread waiter{[&] { booked.acquire(); }};
  child.kill();
  waiter.join();
  child.join();
  EXPECT_TRUE(booked.locked());
}

TEST_P(SemaphoreInChildrenTest, AKilledWaiterTakesNothingWithIt) {
  const mp::Semaphore semaphore{0};
  const Counters counters;
  std::vector<mp::Process> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back(
        [](mp::Semaphore s, Counters c) {
          c.raise(0);
          s.acquire();
          c.raise(1);
        },
        semaphore, counters);
    waiters.back().start();
  }
  counters.wait_for(3);
  waiters[0].kill();
  waiters[0].join();
  semaphore.release();
  semaphore.release();
  counters.wait_for(2, 1);
  for (mp::Process& waiter : waiters) waiter.join();
  EXPECT_EQ(semaphore.get_value(), 0);
}

}  // namespace
}  // namespace synchronize_test
