// Barrier while no process dies.
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "multiprocessing/reduction/partial.hpp"
#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

class BarrierTest : public ArenaTest {};
class BarrierInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(BarrierInChildrenTest);

constexpr int parties = 5;

/// `target` in four processes and here; all have to end well.
template <class F, class... A>
void run_parties(F target, const A&... arguments) {
  std::vector<mp::Process> others;
  for (int i = 1; i < parties; ++i) others.emplace_back(target, arguments...).start();
  target(arguments...);
  for (mp::Process& other : others) {
    other.join();
    EXPECT_EQ(other.exitcode(), 0);
  }
}

void require(bool holds) {
  if (!holds) throw std::runtime_error("a party saw something wrong");
}

/// No process is ahead of the others by more than a phase.
void step(mp::Barrier barrier, Counters counters, std::uint32_t rounds) {
  for (std::uint32_t round = 0; round < rounds; ++round) {
    counters.raise(0);
    barrier.wait();
    require(counters[0] >= (round + 1) * parties);
    counters.raise(1);
    barrier.wait();
    require(counters[1] >= (round + 1) * parties);
  }
}

// CPython: _TestBarrier.test_barrier
TEST_P(BarrierInChildrenTest, PartiesAreInStep) {
  run_parties(step, mp::Barrier{parties}, Counters{}, 1U);
}

// CPython: _TestBarrier.test_barrier_10
TEST_P(BarrierInChildrenTest, PartiesAreInStepForTenRounds) {
  run_parties(step, mp::Barrier{parties}, Counters{}, 10U);
}

// CPython: _TestBarrier.test_thousand
TEST_P(BarrierInChildrenTest, PartiesAreInStepForAThousandRounds) {
  run_parties(step, mp::Barrier{parties}, Counters{}, 500U);
}

// CPython: _TestBarrier.test_wait_return
TEST_P(BarrierInChildrenTest, EachNumberIsGivenOnce) {
  const Counters counters;
  const auto count = [](mp::Barrier barrier, Counters shared) {
    shared.raise(static_cast<std::size_t>(barrier.wait()));
  };
  const mp::Barrier barrier{parties};
  run_parties(count, barrier, counters);
  for (std::size_t i = 0; i < parties; ++i) EXPECT_EQ(counters[i], 1U) << i;
  EXPECT_EQ(barrier.n_waiting(), 0);
}

// CPython: _TestBarrier.test_action
TEST_P(BarrierInChildrenTest, TheActionRunsOnceBeforeAnyoneLeaves) {
  const Counters counters;
  const auto action = [](const Counters& c) { c.raise(); };
  const mp::Barrier barrier{parties, mp::partial(action, counters)};
  const auto pass = [](mp::Barrier b, Counters c) {
    b.wait();
    require(c[0] == 1);
  };
  run_parties(pass, barrier, counters);
}

// CPython: _TestBarrier.test_abort
TEST_P(BarrierInChildrenTest, AnAbortBreaksItForAll) {
  const Counters counters;
  const mp::Barrier barrier{parties};
  const auto pass = [](mp::Barrier b, Counters c) {
    try {
      if (c.raise(0) == parties / 2) return b.abort();
      b.wait();
    } catch (const mp::BrokenBarrierError&) {
      c.raise(1);
    }
  };
  run_parties(pass, barrier, counters);
  EXPECT_EQ(counters[1], parties - 1U);
  EXPECT_TRUE(barrier.broken());
  EXPECT_TRUE(mp::to_string(barrier).ends_with(": broken>"));
}

// CPython: _TestBarrier.test_reset
TEST_P(BarrierInChildrenTest, AResetSendsThoseAwayWhoWaitAndItIsUsableAtOnce) {
  const Counters counters;
  const mp::Barrier barrier{parties};
  const auto pass = [](mp::Barrier b, Counters c) {
    if (c.raise(0) == parties / 2) {
      wait_until([&] { return b.n_waiting() == parties - 1; });
      b.reset();
    } else {
      try {
        b.wait();
      } catch (const mp::BrokenBarrierError&) {
        c.raise(1);
      }
    }
    b.wait();
    c.raise(2);
  };
  run_parties(pass, barrier, counters);
  EXPECT_EQ(counters[1], parties - 1U);
  EXPECT_EQ(counters[2], 0U + parties);
}

// CPython: _TestBarrier.test_abort_and_reset
TEST_P(BarrierInChildrenTest, AResetMendsAnAbortedOne) {
  const Counters counters;
  const mp::Barrier barrier{parties};
  const mp::Barrier second{parties};
  const auto pass = [](mp::Barrier b, mp::Barrier other, Counters c) {
    try {
      if (c.raise(0) == parties / 2)
        b.abort();
      else
        b.wait();
    } catch (const mp::BrokenBarrierError&) {
      c.raise(1);
    }
    if (other.wait() == parties / 2) b.reset();
    other.wait();
    b.wait();
    c.raise(2);
  };
  run_parties(pass, barrier, second, counters);
  EXPECT_EQ(counters[1], parties - 1U);
  EXPECT_EQ(counters[2], 0U + parties);
}

// CPython: _TestBarrier.test_timeout
TEST_P(BarrierInChildrenTest, OneThatIsLateBreaksItForAll) {
  const Counters counters;
  const mp::Barrier barrier{parties};
  const auto pass = [](mp::Barrier b, Counters c) {
    if (c.raise(0) == parties / 2) wait_until([&] { return b.broken(); });
    try {
      b.wait(50ms);
    } catch (const mp::BrokenBarrierError&) {
      c.raise(1);
    }
  };
  run_parties(pass, barrier, counters);
  EXPECT_EQ(counters[1], 0U + parties);
}

// CPython: _TestBarrier.test_default_timeout
TEST_P(BarrierInChildrenTest, TheTimeoutOfTheConstructorHoldsForEachWait) {
  const Counters counters;
  const mp::Barrier barrier{parties, {}, 50ms};
  const auto pass = [](mp::Barrier b, Counters c) {
    if (c.raise(0) == parties / 2) wait_until([&] { return b.broken(); });
    try {
      b.wait();
    } catch (const mp::BrokenBarrierError&) {
      c.raise(1);
    }
  };
  run_parties(pass, barrier, counters);
  EXPECT_EQ(counters[1], 0U + parties);
}

// CPython: _TestBarrier.test_single_thread
TEST_F(BarrierTest, OfOnePartyNeverBlocks) {
  const mp::Barrier barrier{1};
  EXPECT_EQ(barrier.wait(), 0);
  EXPECT_EQ(barrier.wait(0s), 0);
}

// W30: CPython accepts Barrier(0), and a wait() for it never ends.
TEST_F(BarrierTest, W30NoPartiesAreRefused) {
  EXPECT_THROW(mp::Barrier{0}, mp::ValueError);
  EXPECT_THROW(mp::Barrier{-1}, mp::ValueError);
}

TEST_F(BarrierTest, AnActionThatThrowsBreaksIt) {
  const mp::Barrier barrier{2, [] { throw std::out_of_range("no"); }};
  std::thread other{[&] {
    try {
      barrier.wait();
      ADD_FAILURE();
    } catch (const mp::BrokenBarrierError&) {
    } catch (const std::out_of_range&) {
    }
  }};
  EXPECT_ANY_THROW(barrier.wait());
  other.join();
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError);
}

// Whether a round was broken is remembered for 64 of them.
TEST_F(BarrierTest, RoundsAreGoodThoughOneOfThe64BeforeWasBroken) {
  const mp::Barrier barrier{2};
  barrier.abort();
  barrier.reset();
  const auto take_part = [&] {
    for (int round = 0; round < 66; ++round) EXPECT_NO_THROW(static_cast<void>(barrier.wait()));
  };
  std::thread other{take_part};
  take_part();
  other.join();
}

TEST_F(BarrierTest, TheTextTellsHowManyWait) {
  const mp::Barrier barrier{3};
  EXPECT_TRUE(mp::to_string(barrier).ends_with(": waiters=0/3>")) << mp::to_string(barrier);
  EXPECT_EQ(barrier.parties(), 3);
  EXPECT_THROW(static_cast<void>(mp::Barrier{}.parties()), mp::ValueError);
}

TEST_P(BarrierInChildrenTest, PartiesThatEndWellMayBeReplacedByOthers) {
  const mp::Barrier barrier{2};
  for (int i = 0; i < 3; ++i) {
    mp::Process child{[](mp::Barrier b) { b.wait(); }, barrier};
    child.start();
    barrier.wait();
    child.join();
    EXPECT_EQ(child.exitcode(), 0);
  }
}

}  // namespace
}  // namespace synchronize_test
