// Pool::map_async, starmap and starmap_async: what they give, their chunks and callbacks.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <chrono>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "input_ranges.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/reduction.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class MapAsyncTest : public PoolTest {};
FOR_EVERY_START_METHOD(MapAsyncTest);

int square(int x) { return x * x; }
int multiply(int a, int b) { return a * b; }
std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}
std::vector<int> squares(int count) {
  std::vector<int> list = numbers(count);
  for (int& x : list) x *= x;
  return list;
}
int dies_at_37(int x) {
  if (x == 37) raise(SIGKILL);
  return x;
}
int throws_at_7(int x) {
  if (x == 7) throw std::domain_error("seven");
  return x;
}

// CPython: _TestPool.test_map_async
TEST_P(MapAsyncTest, AMapReturnsAtOnceAndItsListComes) {
  mp::Pool pool(2);
  const Counters counters;
  const auto slow = [](const Counters& c, int x) {
    c.wait_for(1);
    return x * x;
  };
  const auto later = pool.map_async(mp::partial(slow, counters), numbers(10), 3);
  EXPECT_FALSE(later.ready());
  EXPECT_FALSE(later.wait(1ms));
  counters.raise();
  EXPECT_EQ(later.get(), squares(10));
  EXPECT_TRUE(later.ready());
  EXPECT_TRUE(later.successful());
  EXPECT_EQ(pool.map_async(square, numbers(10)).get(), squares(10));
  EXPECT_EQ(pool.map_async(square, numbers(100), {.chunksize = 20}).get(), squares(100));
  pool.map_async([](int) {}, numbers(5)).get();
  const auto text = [](const std::string& x) { return x + x; };
  EXPECT_EQ(pool.map_async(text, std::vector<const char*>{"a", "bc"}).get(),
            (std::vector<std::string>{"aa", "bcbc"}));
}

// CPython: _TestPool.test_map_async_callbacks
TEST_P(MapAsyncTest, ACallbackIsGivenTheWholeListOnce) {
  mp::Pool pool(3);
  std::vector<int> list;
  int calls = 0;
  const auto take = [&](const std::vector<int>& all) {
    list = all;
    ++calls;
  };
  pool.map_async(square, numbers(100), {.chunksize = 1}, {.callback = take}).wait();
  EXPECT_EQ(list, squares(100));
  EXPECT_EQ(calls, 1);
  pool.map_async(square, std::vector<int>{}, {.callback = take}).wait();
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(calls, 2);
  std::string text;
  pool.map_async(throws_at_7, numbers(100),
                 {.callback = take,
                  .error_callback = [&](const std::exception& error) { text += error.what(); }})
      .wait();
  EXPECT_EQ(text, "seven");
  EXPECT_EQ(calls, 2);
  pool.map_async([](int) {}, numbers(5), {.callback = [&] { ++calls; }}).get();
  EXPECT_EQ(calls, 3);
}

// CPython: _TestPool.test_starmap
TEST_P(MapAsyncTest, TuplesPairsAndArraysAreTheArgumentsOfACall) {
  mp::Pool pool(2);
  std::vector<std::pair<int, int>> pairs;
  std::vector<int> products;
  for (int i = 0; i < 100; ++i) {
    pairs.emplace_back(i, i + 1);
    products.push_back(i * (i + 1));
  }
  EXPECT_EQ(pool.starmap(multiply, pairs), products);
  EXPECT_EQ(pool.starmap(multiply, pairs, 20), products);
  EXPECT_EQ(pool.starmap(multiply, std::vector<std::array<int, 2>>{{2, 3}}), std::vector{6});
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  EXPECT_EQ(pool.starmap(repeat, std::vector<std::tuple<std::string, int>>{{"a", 2}, {"b", 0}}),
            (std::vector<std::string>{"aa", ""}));
  EXPECT_EQ(pool.starmap(mp::partial(multiply, 3), std::vector<std::tuple<int>>{{4}}),
            std::vector{12});
}

// CPython: _TestPool.test_starmap_async
TEST_P(MapAsyncTest, AStarmapMayBeWaitedForLater) {
  mp::Pool pool(2);
  const std::vector<std::pair<int, int>> pairs{{1, 2}, {3, 4}};
  EXPECT_EQ(pool.starmap_async(multiply, pairs).get(), (std::vector{2, 12}));
  std::vector<int> seen;
  pool.starmap_async(multiply, pairs, {.callback = [&](const std::vector<int>& v) { seen = v; }})
      .wait();
  EXPECT_EQ(seen, (std::vector{2, 12}));
}

// CPython: _TestPool.test_empty_iterable
TEST_P(MapAsyncTest, AnEmptyInputIsReadyAtOnce) {
  mp::Pool pool(1);
  const auto result = pool.map_async(square, std::vector<int>{}, 1);
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.get().empty());
  EXPECT_FALSE(result.cancel());
}

TEST_P(MapAsyncTest, W18AnImpossibleChunksizeIsRefused) {
  mp::Pool pool(1);
  EXPECT_THROW((void)pool.map_async(square, numbers(3), 0), mp::ValueError);
  EXPECT_THROW((void)pool.map_async(square, numbers(3), -1), mp::ValueError);
  EXPECT_THROW((void)pool.starmap(multiply, std::vector<std::pair<int, int>>{}, 0), mp::ValueError);
  EXPECT_THROW((void)pool.map_async(square, numbers(3), {.retries = -1}), mp::ValueError);
}

// CPython: _TestPool.test_map_handle_iterable_exception
TEST_P(MapAsyncTest, WhatTheInputThrowsComesOutOfTheCallAndNothingHasBegun) {
  mp::Pool pool(1);
  const Counters counters;
  const auto count = [](const Counters& c, int) { return c.raise(); };
  for (int failing : {0, 4}) {
    EXPECT_THROW((void)pool.map_async(mp::partial(count, counters), throws_at(failing)),
                 std::domain_error);
    EXPECT_THROW((void)pool.map_async(mp::partial(count, counters), SizedThrowsAt(failing, 8), 1),
                 std::domain_error);
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_EQ(counters[0], 0U);
}

TEST_P(MapAsyncTest, ADeadWorkerCostsItsChunkAndSaysWhichItWas) {
  mp::Pool pool(2);
  const auto result = pool.map_async(dies_at_37, numbers(100), 5);
  try {
    (void)result.get();
    ADD_FAILURE();
  } catch (const mp::WorkerDied& death) {
    EXPECT_EQ(death.task(), 35U);
    EXPECT_NE(std::string(death.what()).find("while it had elements 35 to 39"), std::string::npos)
        << death.what();
  }
  EXPECT_EQ(pool.map_async(square, numbers(50)).get(), squares(50));
}

TEST_P(MapAsyncTest, AnOwnExceptionComesBeforeALoss) {
  mp::Pool pool(1);
  const auto task = [](int x) {
    if (x == 1) raise(SIGKILL);
    return throws_at_7(x);
  };
  EXPECT_THROW((void)pool.map_async(task, numbers(10), 1).get(), std::domain_error);
}

TEST_P(MapAsyncTest, AChunkMayBeTriedAgain) {
  mp::Pool pool(2);
  const Counters counters;
  const auto task = [](const Counters& c, int x) {
    if (x == 7 && c.raise() < 2) raise(SIGKILL);
    return x * x;
  };
  EXPECT_EQ(pool.map_async(mp::partial(task, counters), numbers(20), {.chunksize = 3, .retries = 2})
                .get(),
            squares(20));
  EXPECT_EQ(counters[0], 3U);
}

TEST_P(MapAsyncTest, AMapThatHasNotBegunMayBeCancelled) {
  mp::Pool pool(1);
  const Counters counters;
  const auto running = pool.apply_async(
      [](const Counters& c) {
        c.raise(0);
        c.wait_for(1, 1);
      },
      counters);
  counters.wait_for(1);
  const auto count = [](const Counters& c, int) { c.raise(2); };
  const auto map = pool.map_async(mp::partial(count, counters), numbers(100), 10);
  EXPECT_TRUE(map.cancel());
  EXPECT_THROW(map.get(), mp::CancelledError);
  counters.raise(1);
  running.get();
  EXPECT_EQ(pool.apply(square, 2), 4);
  EXPECT_EQ(counters[2], 0U);
}

TEST_P(MapAsyncTest, W17AMapEndsWithItsPool) {
  const Counters counters;
  std::optional<mp::AsyncResult<void>> map;
  int errors = 0;
  {
    mp::Pool pool(1);
    const auto wait = [](const Counters& c, int) {
      c.raise(0);
      c.wait_for(1, 1);
    };
    map = pool.map_async(mp::partial(wait, counters), numbers(10), {.chunksize = 1},
                         {.error_callback = [&](std::exception_ptr) { ++errors; }});
    counters.wait_for(1);
  }
  EXPECT_TRUE(map->ready());
  EXPECT_THROW(map->get(), mp::ProcessError);
  EXPECT_EQ(errors, 1);
}

TEST_P(MapAsyncTest, ManyMapsAtOnceLeaveNothing) {
  mp::Pool pool(2);
  (void)pool.map_async(square, numbers(4)).get();
  const InUse before = in_use();
  {
    const auto text = [](int x) { return std::string(static_cast<std::size_t>(x) * 40, 'x'); };
    std::vector<mp::AsyncResult<std::vector<std::string>>> maps;
    for (int i = 0; i < 100; ++i) maps.push_back(pool.map_async(text, numbers(20), 2));
    for (std::size_t i = 0; i < maps.size(); i += 2) EXPECT_EQ(maps[i].get()[19].size(), 760U);
  }
  wait_until([&] { return in_use() == before; });
}

TEST_P(MapAsyncTest, ConnectionsCrossInElementsAndResults) {
  mp::Pool pool(2);
  std::vector<mp::Connection> here, there;
  for (int i = 0; i < 3; ++i) {
    auto [one, other] = mp::Pipe();
    here.push_back(std::move(one));
    there.push_back(std::move(other));
  }
  auto result = pool.map_async(
      [](mp::Connection end) {
        end.send(5);
        return end;
      },
      std::move(there), 1);
  const std::vector<mp::Connection> back = std::move(result).get();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(here[i].recv<int>(), 5);
    here[i].send(static_cast<int>(i));
    EXPECT_EQ(back[i].recv<int>(), static_cast<int>(i));
  }
}

}  // namespace
}  // namespace pool_test
