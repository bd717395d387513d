// Lock and RLock while no process dies.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "support/leak_listener.hpp"
#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class LockTest : public ArenaTest {};
class LockInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(LockInChildrenTest);

template <class L>
void acquire_and_end(L lock) {
  lock.acquire();
  lock.release();
}

// CPython: _TestLock.test_lock
TEST_F(LockTest, IsTakenOnceAndReleasedOnce) {
  const mp::Lock lock;
  EXPECT_FALSE(lock.locked());
  lock.acquire();
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.try_acquire());
  lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), mp::ValueError);
}

// CPython: _TestLock.test_rlock
TEST_F(LockTest, ARecursiveOneIsReleasedAsOftenAsItWasAcquired) {
  const mp::RLock lock;
  for (int level = 0; level < 3; ++level) {
    EXPECT_TRUE(lock.try_acquire());
    EXPECT_TRUE(lock.locked());
  }
  for (int level = 0; level < 3; ++level) {
    EXPECT_TRUE(lock.locked());
    lock.release();
  }
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), mp::AssertionError);
}

// CPython: _TestLock.test_lock_context
TEST_F(LockTest, TheStandardsGuardsTakeIt) {
  const mp::Lock lock;
  mp::Lock other;
  {
    const std::lock_guard guard{lock};
    EXPECT_TRUE(lock.locked());
    const std::unique_lock second{other, std::try_to_lock};
    EXPECT_TRUE(second.owns_lock());
  }
  const std::scoped_lock both{lock, other};
  EXPECT_TRUE(lock.locked() && other.locked());
}

// CPython: _TestLock.test_rlock_context
TEST_F(LockTest, TheStandardsGuardsTakeARecursiveOneTwice) {
  const mp::RLock lock;
  const std::scoped_lock outer{lock};
  const std::scoped_lock inner{lock};
  EXPECT_EQ(mp::to_string(lock), "<RLock(MainProcess, 2)>");
}

// CPython: _TestLock.test_repr_lock
TEST_P(LockInChildrenTest, TheTextNamesItsHolder) {
  const mp::Lock lock;
  EXPECT_EQ(mp::to_string(lock), "<Lock(owner=None)>");
  lock.acquire();
  EXPECT_EQ(mp::to_string(lock), "<Lock(owner=MainProcess)>");
  std::string seen;
  std::thread{[&] { seen = mp::to_string(lock); }}.join();
  EXPECT_EQ(seen, "<Lock(owner=SomeOtherThread)>");
  lock.release();
  std::thread{[&] {
    const std::scoped_lock guard{lock};
    seen = mp::to_string(lock);
  }}.join();
  EXPECT_TRUE(seen.starts_with("<Lock(owner=MainProcess|Thread-")) << seen;
  lock.acquire();
  const auto look = [](mp::Lock held) {
    if (mp::to_string(held) != "<Lock(owner=SomeOtherProcess)>") throw mp::Exit{1};
  };
  EXPECT_EQ(run_in_child(look, lock), 0);
  lock.release();
}

// CPython: _TestLock.test_repr_rlock
TEST_P(LockInChildrenTest, TheTextOfARecursiveOneTellsHowOftenItIsHeld) {
  const mp::RLock lock;
  EXPECT_EQ(mp::to_string(lock), "<RLock(None, 0)>");
  const std::scoped_lock guard{lock};
  EXPECT_EQ(mp::to_string(lock), "<RLock(MainProcess, 1)>");
  std::string seen;
  std::thread{[&] { seen = mp::to_string(lock); }}.join();
  EXPECT_EQ(seen, "<RLock(SomeOtherThread, nonzero)>");
  const auto look = [](mp::RLock held) {
    if (mp::to_string(held) != "<RLock(SomeOtherProcess, nonzero)>") throw mp::Exit{1};
  };
  EXPECT_EQ(run_in_child(look, lock), 0);
}

template <class L>
void expect_locked_in_a_child() {
  const L lock;
  const std::scoped_lock guard{lock};
  const auto look = [](L held) {
    if (!held.locked() || held.try_acquire()) throw mp::Exit{1};
  };
  EXPECT_EQ(run_in_child(look, lock), 0);
}

// CPython: _TestLock.test_lock_locked_2processes
TEST_P(LockInChildrenTest, AnotherProcessSeesThatItIsLocked) {
  expect_locked_in_a_child<mp::Lock>();
}
// CPython: _TestLock.test_rlock_locked_2processes
TEST_P(LockInChildrenTest, AnotherProcessSeesThatARecursiveOneIsLocked) {
  expect_locked_in_a_child<mp::RLock>();
}

TEST_P(LockInChildrenTest, AnyProcessMayReleaseALock) {
  const mp::Lock lock;
  lock.acquire();
  EXPECT_EQ(run_in_child([](mp::Lock held) { held.release(); }, lock), 0);
  EXPECT_EQ(to_string(lock), "<Lock(owner=None)>") << "though this thread took it last";
  EXPECT_TRUE(lock.try_acquire());
  lock.release();
}

TEST_P(LockInChildrenTest, ARecursiveOneIsReleasedByItsThreadAlone) {
  const mp::RLock lock;
  const std::scoped_lock guard{lock};
  const auto release = [](mp::RLock held) {
    try {
      held.release();
    } catch (const mp::AssertionError&) {
      throw mp::Exit{7};
    }
  };
  EXPECT_EQ(run_in_child(release, lock), 7) << "also when it was forked while its parent held it";
  std::thread{[&] { EXPECT_THROW(lock.release(), mp::AssertionError); }}.join();
}

TEST_P(LockInChildrenTest, HoldersExcludeEachOther) {
  const mp::Lock lock;
  const Counters counters;
  const auto count = [](mp::Lock held, Counters shared) {
    for (int i = 0; i < 5000; ++i) {
      const std::scoped_lock guard{held};
      const std::uint32_t value = shared[0].load(std::memory_order_relaxed);
      shared[0].store(value + 1, std::memory_order_relaxed);
    }
  };
  mp::Process a{count, lock, counters};
  mp::Process b{count, lock, counters};
  a.start();
  b.start();
  std::thread here{count, lock, counters};
  count(lock, counters);
  here.join();
  a.join();
  b.join();
  EXPECT_EQ(counters[0], 20000U);
}

// A waiter may read the name of a holder, and ask whether that lives only after it has released the
// lock and ended.
TEST_P(LockInChildrenTest, AHolderThatReleasesItAndEndsIsNotTakenForDead) {
  const mp::RLock lock;
  const auto take_turns = [](mp::RLock l) {
    for (int i = 0; i < 200; ++i) const std::scoped_lock guard{l};
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<mp::Process> children;
    for (int i = 0; i < 3; ++i) children.emplace_back(take_turns, lock);
    for (mp::Process& child : children) child.start();
    EXPECT_NO_THROW(take_turns(lock));
    for (mp::Process& child : children) {
      child.join();
      EXPECT_EQ(child.exitcode(), 0);
    }
  }
}

const mp::Lock global_lock;
// It stays, so it is made before anything is compared.
[[maybe_unused]] const bool made =
    test_support::leak_listener::warm_up([] { static_cast<void>(global_lock.locked()); });

// CPython: TestNamedResource.test_global_named_resource_spawn
TEST_P(LockInChildrenTest, OneInAStaticObjectWorksInEveryProcess) {
  const auto use = [] {
    const std::scoped_lock guard{global_lock};
    if (!global_lock.locked()) throw mp::Exit{1};
  };
  EXPECT_EQ(run_in_child(use), 0);
  const std::scoped_lock guard{global_lock};
  const auto look = [] { throw mp::Exit{global_lock.locked() ? 1 : 2}; };
  EXPECT_EQ(run_in_child(look), GetParam() == "fork" ? 1 : 2) << "only fork inherits it";
}

TEST_F(LockTest, CopiesAreTheSameLockAndHashAlike) {
  const mp::Lock lock;
  const mp::Lock copy = lock;
  EXPECT_EQ(copy, lock);
  EXPECT_FALSE(copy == mp::Lock{});
  std::unordered_set<mp::Lock> set{lock};
  EXPECT_TRUE(set.contains(copy));
  copy.acquire();
  EXPECT_TRUE(lock.locked());
  copy.release();
}

TEST_F(LockTest, AHundredThousandLiveAtOnce) {
  // In a child, because a process keeps the pages of its ledger until it ends.
  const auto use_many = [] {
    const std::vector<mp::Lock> locks(100'000);
    for (const mp::Lock& lock : locks) lock.acquire();
    for (const mp::Lock& lock : locks) lock.release();
  };
  EXPECT_EQ(run_in_child(use_many), 0);
}

TEST_F(LockTest, RecoverRefusesWhatNobodyDiedHolding) {
  const mp::Lock lock;
  EXPECT_THROW(lock.recover(), mp::ValueError);
  lock.acquire();
  EXPECT_THROW(lock.recover(), mp::ValueError);
  lock.release();
}

// By Ctrl-Z, say, or a debugger.
TEST_P(LockInChildrenTest, AHolderThatIsStoppedIsNotTakenForDead) {
  const mp::Lock lock;
  const mp::Barrier barrier{2};
  mp::Process child{[](mp::Lock held, mp::Barrier both) {
                      held.acquire();
                      raise(SIGSTOP);
                      held.release();
                      both.wait();
                    },
                    lock, barrier};
  child.start();
  const std::string status = "/proc/" + std::to_string(*child.pid()) + "/stat";
  wait_until([&] {
    std::string text;
    std::getline(std::ifstream{status}, text);
    return text.find(") T ") != std::string::npos;
  });
  EXPECT_FALSE(lock.acquire(50ms));
  EXPECT_THROW(barrier.wait(50ms), mp::BrokenBarrierError);
  barrier.reset();
  kill(*child.pid(), SIGCONT);
  lock.acquire();
  lock.release();
  barrier.wait();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

}  // namespace
}  // namespace synchronize_test
