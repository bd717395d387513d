// Pool::apply and apply_async: what crosses, what a result can be asked, and in which order it
// goes.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fail_point.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/reduction.hpp"
#include "pool_suite.hpp"
#include "process/keeper.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class ApplyTest : public PoolTest {};
FOR_EVERY_START_METHOD(ApplyTest);

int add(int a, int b) { return a + b; }
std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}
int own_pid() { return getpid(); }

/// Keeps the pool's only worker busy until it is told to go on.
void wait_for_go(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}
void go(const Counters& counters) { counters.raise(1); }

// CPython: _TestPool.test_apply
TEST_P(ApplyTest, ATaskRunsInAWorkerAndItsResultComesBack) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.apply(add, 2, 3), 5);
  EXPECT_NE(pool.apply(own_pid), getpid());
  EXPECT_EQ(pool.apply([](const std::string& text) { return text.size(); }, "four"), 4U);
}

// CPython: _TestPool.test_async
TEST_P(ApplyTest, AResultIsWaitedFor) {
  mp::Pool pool(1);
  const Counters counters;
  const mp::AsyncResult<void> first = pool.apply_async(wait_for_go, counters);
  const mp::AsyncResult<int> second = pool.apply_async(add, 20, 3);
  EXPECT_FALSE(second.ready());
  EXPECT_FALSE(second.wait(1ms));
  EXPECT_THROW((void)second.successful(), mp::ValueError);
  go(counters);
  second.wait();
  EXPECT_TRUE(second.ready());
  EXPECT_TRUE(second.successful());
  EXPECT_TRUE(first.ready()) << "the worker does one after the other";
  EXPECT_EQ(second.get(), 23);
  EXPECT_EQ(second.get(), 23) << "as often as one likes";
  first.get();
}

// CPython: _TestPool.test_async_timeout
TEST_P(ApplyTest, ATimeOutMayBeFollowedByAnotherTry) {
  mp::Pool pool(1);
  const Counters counters;
  const mp::AsyncResult<void> result = pool.apply_async(wait_for_go, counters);
  EXPECT_THROW(result.get(1ms), mp::TimeoutError);
  EXPECT_THROW(result.get(0ms), mp::TimeoutError);
  go(counters);
  result.get(1h);
}

TEST_P(ApplyTest, LargeArgumentsAndResultsGoInBlocksAndLeaveNothing) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.apply(add, 1, 1), 2);
  const InUse before = in_use();
  for (int round = 0; round < 20; ++round)
    EXPECT_EQ(pool.apply(repeat, std::string(100'000, 'x'), 3), std::string(300'000, 'x'));
  EXPECT_EQ(in_use(), before);
}

TEST_P(ApplyTest, AResultMayBeMovedOut) {
  mp::Pool pool(1);
  const auto make = [](int x) { return std::make_unique<int>(x); };
  EXPECT_EQ(*pool.apply(make, 7), 7);
  auto result = pool.apply_async(make, 8);
  EXPECT_EQ(*result.get(), 8) << "a reference";
  const auto other = result;
  EXPECT_EQ(other, result);
  EXPECT_THROW((void)std::move(result).get(), mp::InvalidStateError);
}

TEST_P(ApplyTest, SharedObjectsCrossInBothDirections) {
  mp::Pool pool(1);
  const auto result = pool.apply_async(
      [](const Counters& counters) {
        counters.raise(3);
        Counters others;
        others.raise(4);
        return others;
      },
      Counters{});
  EXPECT_EQ(result.get()[4], 1U);
}

TEST_P(ApplyTest, ConnectionsCrossInBothDirections) {
  {
    mp::Pool pool(1);
    auto [here, there] = mp::Pipe();
    const auto result = pool.apply_async(
        [](mp::Connection end) {
          end.send(5);
          return end;
        },
        there);
    there.close();
    const mp::Connection back = result.get();
    EXPECT_EQ(here.recv<int>(), 5);
    back.send(6);
    EXPECT_EQ(here.recv<int>(), 6);
  }
  wait_until([] { return mp::detail::kept_tickets() == 0; });
}

struct Refusal : std::runtime_error {
  explicit Refusal(int why = 0) : runtime_error("refused"), why(why) {}
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& why;
  }
  int why;
};
const bool refusal_registered = mp::register_exception<Refusal>();

// CPython: _TestPool.test_traceback
TEST_P(ApplyTest, AnExceptionArrivesAsItsOwnType) {
  ASSERT_TRUE(refusal_registered);
  mp::Pool pool(1);
  const auto result = pool.apply_async([](int x) -> int { throw Refusal(x); }, 9);
  result.wait();
  EXPECT_FALSE(result.successful());
  for (int look = 0; look < 2; ++look) {
    try {
      result.get();
      ADD_FAILURE();
    } catch (const Refusal& refusal) {
      EXPECT_EQ(refusal.why, 9);
    }
  }
  EXPECT_THROW(pool.apply([] { throw 42; }), mp::RemoteError);
  EXPECT_THROW(pool.apply([] { throw mp::Exit{3}; }), mp::Exit);
  EXPECT_EQ(pool.apply(add, 1, 1), 2);
}

struct Unreadable {
  template <class Archive>
  void serialize(Archive&, unsigned) {
    if (Archive::is_loading::value) throw std::domain_error("not to be read");
  }
};
struct Unwritable {
  template <class Archive>
  void serialize(Archive&, unsigned) {
    if (Archive::is_saving::value) throw std::domain_error("not to be written");
  }
};

// CPython: _TestPool.test_wrapped_exception
TEST_P(ApplyTest, W13WhatCannotBeWrittenOrReadIsTheErrorOfThatTask) {
  mp::Pool pool(1);
  const int worker = pool.apply(own_pid);
  EXPECT_THROW((void)pool.apply_async([](const Unwritable&) {}, Unwritable{}), std::domain_error)
      << "at once";
  EXPECT_THROW(pool.apply([](const Unreadable&) {}, Unreadable{}), std::domain_error);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(pool.apply([] { return Unwritable{}; }), std::domain_error);
    EXPECT_THROW(pool.apply([] { return Unreadable{}; }), std::domain_error);
  }
  EXPECT_EQ(pool.apply(own_pid), worker);
}

TEST_P(ApplyTest, ACancelledTaskNeverRuns) {
  mp::Pool pool(1);
  const Counters counters;
  const auto running = pool.apply_async(wait_for_go, counters);
  std::vector<mp::AsyncResult<unsigned>> waiting;
  for (int i = 0; i < 100; ++i)
    waiting.push_back(pool.apply_async([](const Counters& c) { return c.raise(2); }, counters));
  counters.wait_for(1);
  EXPECT_FALSE(running.cancel()) << "it has begun";
  for (std::size_t i = 0; i < 100; i += 2) {
    EXPECT_TRUE(waiting[i].cancel());
    EXPECT_TRUE(waiting[i].cancel());
    EXPECT_TRUE(waiting[i].ready());
    EXPECT_THROW(waiting[i].get(), mp::CancelledError);
  }
  go(counters);
  for (std::size_t i = 1; i < 100; i += 2) waiting[i].wait();
  EXPECT_FALSE(waiting[1].cancel());
  EXPECT_EQ(counters[2], 50U);
}

TEST_P(ApplyTest, ManyThreadsMayWaitForOneResult) {
  mp::Pool pool(1);
  const Counters counters;
  const auto result = pool.apply_async(
      [](const Counters& c) {
        wait_for_go(c);
        return std::string("done");
      },
      counters);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      counters.raise(5);
      EXPECT_EQ(result.get(), "done");
    });
  counters.wait_for(8, 5);
  go(counters);
}

TEST_P(ApplyTest, DroppedResultsAreDoneAndLeaveNothing) {
  mp::Pool pool(2);
  const Counters counters;
  EXPECT_EQ(pool.apply(add, 1, 1), 2);
  const InUse before = in_use();
  for (int i = 0; i < 1000; ++i) {
    const auto task = [](const Counters& c, const std::string& text) {
      c.raise(7);
      return std::pair{c, text};
    };
    (void)pool.apply_async(task, counters, std::string(1000, 'x'));
  }
  counters.wait_for(1000, 7);
  wait_until([&] { return in_use() == before; });
}

TEST_P(ApplyTest, MapsAndTasksGoInOneOrder) {
  mp::Pool pool(1);
  const Counters counters;
  const auto running = pool.apply_async(wait_for_go, counters);
  const auto stamp = [](const Counters& c) { return c.raise(3); };
  const auto first = pool.apply_async(stamp, counters);
  mp::detail::count_fail_points(true);
  std::vector<unsigned> mapped;
  std::thread mapper{[&] {
    const auto each = [](const Counters& c, int) { return c.raise(3); };
    mapped = pool.map(mp::partial(each, counters), std::vector{1, 2, 3}, 1);
  }};
  wait_until([] { return mp::detail::fail_point_passes("pool.post.before_ring") == 1; });
  mp::detail::count_fail_points(false);
  const auto last = pool.apply_async(stamp, counters);
  go(counters);
  mapper.join();
  EXPECT_EQ(first.get(), 0U);
  EXPECT_EQ(mapped, (std::vector{1U, 2U, 3U}));
  EXPECT_EQ(last.get(), 4U);
}

TEST_P(ApplyTest, ManyTasksFromManyThreadsEndOnceEach) {
  mp::Pool pool(2);
  constexpr int threads = 4;
  constexpr int tasks = 3000;  // so that rings are chained and segments added
  std::vector<std::jthread> all;
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([&pool, thread] {
      std::vector<mp::AsyncResult<int>> results;
      for (int i = 0; i < tasks; ++i) results.push_back(pool.apply_async(add, thread * tasks, i));
      for (int i = 0; i < tasks; ++i)
        ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), thread * tasks + i);
    });
  }
}

TEST_P(ApplyTest, AWorkerIsReplacedAfterSoManyTasks) {
  mp::Pool pool({.processes = 1, .maxtasksperchild = 3});
  std::vector<mp::AsyncResult<int>> pids;
  for (int i = 0; i < 7; ++i) pids.push_back(pool.apply_async(own_pid));
  EXPECT_EQ(pids[0].get(), pids[2].get());
  EXPECT_NE(pids[2].get(), pids[3].get());
  EXPECT_EQ(pids[3].get(), pids[5].get());
  EXPECT_NE(pids[5].get(), pids[6].get());
}

}  // namespace
}  // namespace pool_test
