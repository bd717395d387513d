#include "churn.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

void die() { raise(SIGKILL); }

/// Holds the lock on return; whether it was taken over from a dead process.
template <class L>
bool take(const L& lock) {
  for (;;) {
    try {
      lock.acquire();
      return false;
    } catch (const mp::OwnerDied&) {
    }
    try {
      lock.recover();
      return true;
    } catch (const mp::ValueError&) {  // another process was faster
    }
  }
}

/// Two counters that are equal unless a process died between them.
void count(const Counters& counters, std::size_t at, bool mend) {
  if (mend) counters[at + 1].store(counters[at].load());
  if (counters[at].load() != counters[at + 1].load())
    throw std::runtime_error("two holders at one time");
  counters[at].store(counters[at].load() + 1);
  counters[at + 1].store(counters[at + 1].load() + 1);
}

/// A child of fork that does `target` and dies by SIGKILL.
template <class... A>
void let_die(A&&... target_and_arguments) {
  mp::Process child = mp::get_context("fork").Process(std::forward<A>(target_and_arguments)...);
  child.start();
  child.join();
}

/// For children of a process that is to be killed somewhere: they are not.
void disarm() { mp::detail::arm_fail_point(""); }

void notify_and_die(mp::Condition condition) {
  disarm();
  take(condition);
  condition.notify();
  die();
}

void wait_and_die_notified(mp::Condition condition, Counters counters) {
  mp::detail::arm_fail_point("synchronize.condition.notified");
  take(condition);
  counters.raise(20);
  condition.wait();
}

/// A wait that was ended by a process that then dies with the lock.
void wait_for_one_who_dies() {
  const mp::Condition condition;
  mp::Process child = mp::get_context("fork").Process(notify_and_die, condition);
  condition.acquire();
  child.start();
  try {
    condition.wait();
  } catch (const mp::OwnerDied&) {
  }
  condition.release();
  child.join();
  take(condition);
  condition.release();
}

/// A notification that its taker dies with, and a waiter that died before it.
void wait_beside_the_dead() {
  const mp::Condition condition;
  const Counters counters;
  const auto context = mp::get_context("fork");
  mp::Process heir = context.Process(wait_and_die_notified, condition, counters);
  heir.start();
  counters.wait_for(1, 20);
  take(condition);
  mp::Process notifier = context.Process(
      [](mp::Condition c) {
        disarm();
        take(c);
        c.notify();
        c.release();
      },
      condition);
  notifier.start();
  condition.wait();
  condition.release();
  notifier.join();
  heir.join();
  const Counters fresh;
  mp::Process sleeper = context.Process(
      [](mp::Condition c, Counters shared) {
        disarm();
        take(c);
        shared.raise(20);
        c.wait();
      },
      condition, fresh);
  sleeper.start();
  fresh.wait_for(1, 20);
  take(condition);
  usleep(2000);  // asleep or not: both are to be seen
  sleeper.kill();
  sleeper.join();
  condition.notify_all();
  condition.release();
}

/// More waiters than the first table holds.
void wait_in_a_crowd() {
  const mp::Condition condition;
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i)
    threads.emplace_back([&] {
      const std::unique_lock guard{condition};
      static_cast<void>(condition.wait(2ms));
    });
  for (std::thread& thread : threads) thread.join();
}

/// A party dies that another one waits for.
void meet_the_dead() {
  const mp::Barrier barrier{2};
  let_die([](mp::Barrier) { die(); }, barrier);
  try {
    barrier.wait();
    throw std::runtime_error("a barrier that the dead have passed");
  } catch (const mp::BrokenBarrierError&) {
  }
}

}  // namespace

void Churn::count_under_lock() {
  const bool mend = take(shared_.lock);
  count(shared_.counters, 0, mend);
  shared_.lock.release();
}

void Churn::count_under_rlock() {
  const bool mend = take(shared_.rlock);
  shared_.rlock.acquire();
  count(shared_.counters, 2, mend);
  shared_.rlock.release();
  shared_.rlock.release();
}

void Churn::use_units() {
  if (random_() % 2 == 0) {
    shared_.units.acquire();
    if (shared_.units.get_value() > 2) throw std::runtime_error("a unit too many");
    shared_.units.release();
  } else {
    shared_.plain.release();
    static_cast<void>(shared_.plain.acquire(100us));
  }
}

void Churn::wait_and_notify() {
  take(shared_.condition);
  const auto kind = random_() % 4;
  try {
    if (kind == 0)
      shared_.condition.notify_all();
    else if (kind == 1)
      shared_.condition.notify(1);
    else
      static_cast<void>(shared_.condition.wait(std::chrono::microseconds{random_() % 500}));
  } catch (const mp::OwnerDied&) {
    shared_.condition.recover();
  }
  shared_.condition.release();
}

void Churn::meet() {
  try {
    shared_.barrier.wait(200us);
  } catch (const mp::BrokenBarrierError&) {
    shared_.barrier.reset();
  }
}

void Churn::round() {
  switch (random_() % 6) {
    case 0:
      return count_under_lock();
    case 1:
      return count_under_rlock();
    case 2:
      return use_units();
    case 3:
      return wait_and_notify();
    case 4:
      if (random_() % 2 == 0) shared_.event.set();
      shared_.event.wait(50us);
      return shared_.event.clear();
    default:
      return meet();
  }
}

void Churn::among_the_dead() {
  let_die([](mp::Lock lock) { take(lock), die(); }, shared_.lock);
  count_under_lock();
  let_die([](mp::Semaphore units) { units.acquire(), die(); }, shared_.units);
  static_cast<void>(shared_.units.get_value());
  wait_for_one_who_dies();
  wait_beside_the_dead();
  wait_in_a_crowd();
  meet_the_dead();
  const mp::Semaphore all{{.value = 1, .return_units_of_dead = true}};
  all.acquire();
  static_cast<void>(all.acquire(1ms));
  static_cast<void>(mp::Semaphore{0}.acquire(1ms));
  static_cast<void>(mp::Event{}.wait(1ms));
  const mp::Barrier acting{1, [] {}};
  acting.wait();
  const mp::Lock held;
  held.acquire();
  static_cast<void>(held.acquire(1ms));
}

void work_until_stopped(Shared shared, std::size_t counter) {
  Churn churn{shared, static_cast<std::uint32_t>(counter)};
  while (shared.counters[7] == 0) {
    churn.round();
    shared.counters.raise(counter);
  }
}

void expect_whole(const Shared& shared) {
  Churn churn{shared, 1};
  for (int i = 0; i < 100; ++i) churn.round();
  take(shared.lock);
  shared.lock.release();
  EXPECT_EQ(shared.counters[0], shared.counters[1]);
  EXPECT_EQ(shared.counters[2], shared.counters[3]);
  EXPECT_EQ(shared.units.get_value(), 3);
  EXPECT_FALSE(shared.lock.locked());
  EXPECT_FALSE(shared.rlock.locked());
  EXPECT_EQ(mp::to_string(shared.condition), "<Condition(<RLock(None, 0)>, 0)>");
}

}  // namespace synchronize_test
