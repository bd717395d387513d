// What map gives, for every kind of element and result.
#include <unistd.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class MapTest : public PoolTest {};
FOR_EVERY_START_METHOD(MapTest);

int square(int x) { return x * x; }

std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}

std::vector<int> squares(int count) {
  std::vector<int> list;
  for (int x : numbers(count)) list.push_back(x * x);
  return list;
}

// CPython: _TestPool.test_map
TEST_P(MapTest, GivesResultsInOrderWithAnyChunksize) {
  mp::Pool pool(4);
  EXPECT_EQ(pool.map(square, numbers(10)), squares(10));
  EXPECT_EQ(pool.map(square, numbers(100), 20), squares(100));
  for (int chunksize : {1, 2, 3, 7, 99, 100, 101, 1'000'000})
    EXPECT_EQ(pool.map(square, numbers(100), chunksize), squares(100)) << chunksize;
  EXPECT_EQ(pool.map(square, numbers(100), {.chunksize = 13}), squares(100));
}

// CPython: _TestPool.test_map_chunksize, _TestPool.test_empty_iterable
TEST_P(MapTest, OfNothingGivesNothing) {
  mp::Pool pool(2);
  EXPECT_TRUE(pool.map(square, std::vector<int>{}).empty());
  EXPECT_TRUE(pool.map(square, std::vector<int>{}, 1).empty());
  EXPECT_TRUE(pool.map([](std::string s) { return s; }, std::vector<std::string>{}, 5).empty());
  pool.map([](int) {}, std::vector<int>{});
}

TEST_P(MapTest, W18AChunksizeBelowOneIsRefused) {
  mp::Pool pool(2);
  EXPECT_THROW(pool.map(square, numbers(3), 0), mp::ValueError);
  EXPECT_THROW(pool.map(square, numbers(3), -1), mp::ValueError);
  EXPECT_THROW(pool.map(square, numbers(3), {.retries = -1}), mp::ValueError);
  EXPECT_EQ(pool.map(square, numbers(3)), squares(3));
}

TEST_P(MapTest, AHugeRangeIsDoneWholeInTheOrderOfItsElements) {
  mp::Pool pool(3);
  EXPECT_EQ(pool.map(square, numbers(30'000), 1), squares(30'000));
  const std::vector<std::int64_t> many(2'000'000, 3);
  const auto tripled = pool.map([](std::int64_t x) { return 3 * x; }, many);
  EXPECT_EQ(tripled, std::vector<std::int64_t>(2'000'000, 9));
}

// CPython: MiscTestCase.test_large_pool
TEST_P(MapTest, APoolOf200WorkersDoesAThousandTasks) {
  mp::Pool pool(200);
  EXPECT_EQ(pool.map(square, numbers(1000), 1), squares(1000));
}

TEST_P(MapTest, CallsTheFunctionInOtherProcessesAllAtOnce) {
  mp::Pool pool(3);
  const Counters counters;
  // Each waits for the others, so they run at the same time.
  const auto meet = [](const Counters& met) {
    met.raise();
    met.wait_for(3);
    return getpid();
  };
  const std::vector<Counters> same(3, counters);
  const auto pids = pool.map(meet, same, 1);
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 3U);
  EXPECT_FALSE(std::set<pid_t>(pids.begin(), pids.end()).contains(getpid()));
}

// ---- elements and results ----

struct Point {
  double x, y;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Person {
  std::string name;
  int age = 0;
  std::vector<std::string> friends = {};
  friend bool operator==(const Person&, const Person&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& name& age& friends;
  }
};

TEST_P(MapTest, TakesAndGivesFlatTypes) {
  mp::Pool pool(2);
  const std::vector<std::tuple<int, double>> pairs{{1, 0.5}, {2, 1.5}, {3, 2.5}};
  EXPECT_EQ(
      pool.map([](std::tuple<int, double> t) { return std::get<0>(t) + std::get<1>(t); }, pairs),
      (std::vector<double>{1.5, 3.5, 5.5}));
  EXPECT_EQ(pool.map(
                [](double x) {
                  return Point{x, -x};
                },
                std::vector{1.0, 2.0}),
            (std::vector<Point>{{1, -1}, {2, -2}}));
  EXPECT_EQ(pool.map([](Point p) { return p.x * p.y; }, std::vector<Point>{{2, 3}, {4, 5}}),
            (std::vector<double>{6, 20}));
  EXPECT_EQ(pool.map([](std::array<int, 3> a) { return a[0] + a[1] + a[2]; },
                     std::vector<std::array<int, 3>>{{1, 2, 3}, {4, 5, 6}}),
            (std::vector{6, 15}));
}

TEST_P(MapTest, BoolResultsAndElementsAreNoSpecialCase) {
  mp::Pool pool(2);
  const std::vector<bool> odd = pool.map([](int x) { return x % 2 == 1; }, numbers(100), 7);
  ASSERT_EQ(odd.size(), 100U);
  for (std::size_t i = 0; i < odd.size(); ++i) EXPECT_EQ(odd[i], i % 2 == 1) << i;
  const std::vector<bool> even = pool.map([](bool b) { return !b; }, odd, 9);
  for (std::size_t i = 0; i < even.size(); ++i) EXPECT_EQ(even[i], i % 2 == 0) << i;
}

TEST_P(MapTest, TakesAndGivesTextContainersAndClasses) {
  mp::Pool pool(2);
  const std::vector<std::string> words{"pool", "", std::string(100'000, 'x'), std::string(3, '\0')};
  EXPECT_EQ(pool.map([](const std::string& s) { return s + s; }, words, 1),
            (std::vector{words[0] + words[0], words[1], words[2] + words[2], words[3] + words[3]}));
  EXPECT_EQ(pool.map([](std::string s) { return s.size(); }, words),
            (std::vector<std::size_t>{4, 0, 100'000, 3}));
  EXPECT_EQ(
      pool.map([](int n) { return std::vector<int>(static_cast<std::size_t>(n), n); }, numbers(4)),
      (std::vector<std::vector<int>>{{}, {1}, {2, 2}, {3, 3, 3}}));
  const std::vector<Person> people{{"Ada", 36, {"Charles"}}, {"Bob", 7}};
  EXPECT_EQ(pool.map(
                [](Person p) {
                  ++p.age;
                  return p;
                },
                people),
            (std::vector<Person>{{"Ada", 37, {"Charles"}}, {"Bob", 8}}));
  const std::vector<std::map<std::string, int>> maps{{{"a", 1}}, {{"b", 2}, {"c", 3}}};
  EXPECT_EQ(pool.map([](std::map<std::string, int> m) { return m; }, maps), maps);
}

TEST_P(MapTest, TakesAndGivesOptionalsAndVariants) {
  mp::Pool pool(2);
  const auto half = [](int x) { return x % 2 == 0 ? std::optional{x / 2} : std::nullopt; };
  EXPECT_EQ(pool.map(half, numbers(5)),
            (std::vector<std::optional<int>>{0, std::nullopt, 1, std::nullopt, 2}));
  using Text = std::optional<std::string>;
  EXPECT_EQ(pool.map([](Text t) { return t ? Text(*t + "!") : Text(); },
                     std::vector<Text>{"a", std::nullopt}),
            (std::vector<Text>{"a!", std::nullopt}));
  using Either = std::variant<int, std::string>;
  EXPECT_EQ(pool.map([](int x) { return x < 2 ? Either(x) : Either("many"); }, numbers(4)),
            (std::vector<Either>{0, 1, "many", "many"}));
}

TEST_P(MapTest, TextArrivesAsString) {
  mp::Pool pool(2);
  const std::vector<const char*> literals{"one", "two"};
  EXPECT_EQ(pool.map([](const std::string& s) { return s.size(); }, literals),
            (std::vector<std::size_t>{3, 3}));
  const std::vector<std::string_view> views{"three", ""};
  EXPECT_EQ(pool.map([](const std::string& s) { return s; }, views),
            (std::vector<std::string>{"three", ""}));
}

struct alignas(64) CacheLine {
  int value;
};
struct alignas(256) Page {
  int value;
};

TEST_P(MapTest, ElementsAndResultsKeepTheirAlignment) {
  mp::Pool pool(2);
  const auto aligned = [](const auto& item) {
    return reinterpret_cast<std::uintptr_t>(&item) % alignof(decltype(item)) == 0 && item.value > 0;
  };
  std::vector<CacheLine> lines(5, CacheLine{1});
  EXPECT_EQ(pool.map(aligned, lines, 2), std::vector<bool>(5, true));
  const auto pages = pool.map([](int x) { return Page{x}; }, numbers(3));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pages[static_cast<std::size_t>(i)].value, i);
}

TEST_P(MapTest, MoveOnlyElementsAndResultsCross) {
  mp::Pool pool(2);
  std::vector<std::unique_ptr<int>> boxes;
  for (int i = 0; i < 5; ++i) boxes.push_back(std::make_unique<int>(i));
  const auto back =
      pool.map([](std::unique_ptr<int> p) { return std::make_unique<int>(*p * 2); }, boxes, 2);
  ASSERT_EQ(back.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(*back[i], static_cast<int>(i) * 2);
    EXPECT_EQ(*boxes[i], static_cast<int>(i)) << "the caller keeps its own";
  }
}

TEST_P(MapTest, OfAFunctionWithoutResultReturnsWhenAllAreDone) {
  mp::Pool pool(2);
  const Counters counters;
  static_assert(std::is_void_v<decltype(pool.map([](int) {}, numbers(1)))>);
  pool.map([](const Counters& c) { c.raise(); }, std::vector<Counters>(50, counters), 3);
  EXPECT_EQ(counters[0], 50U);
}

TEST_P(MapTest, HandlesAreTheSameObjectsAsElementsAndAsResults) {
  mp::Pool pool(2);
  const std::vector<Counters> mine(4);
  const auto back = pool.map(
      [](Counters c) {
        c.raise(5);
        return c;
      },
      mine, 1);
  ASSERT_EQ(back.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(mine[i][5], 1U);
    back[i].raise(5);
    EXPECT_EQ(mine[i][5], 2U);
  }
  const auto made = pool.map(
      [](int x) {
        Counters fresh;
        fresh[0] = static_cast<std::uint32_t>(x);
        return fresh;
      },
      numbers(5));
  for (std::size_t i = 0; i < made.size(); ++i) EXPECT_EQ(made[i][0], i);
}

// CPython: _TestPool.test_release_task_refs
TEST_P(MapTest, WhatElementsAndResultsHeldIsFreedAfterUse) {
  mp::Pool pool(2);
  pool.map([](const Counters& c) { c.raise(); }, std::vector<Counters>(2));
  const InUse before = in_use();
  for (int round = 0; round < 3; ++round) {
    pool.map([](const Counters& c) { c.raise(); }, std::vector<Counters>(5), 1);
    static_cast<void>(pool.map([](int) { return Counters{}; }, numbers(5), 1));
    static_cast<void>(pool.map([](int x) { return std::string(1000, char(x)); }, numbers(50), 1));
  }
  // A worker may be about to let go of its last job.
  wait_until([&] { return in_use().objects <= before.objects; });
  EXPECT_LE(in_use().blocks, before.blocks);
}

// ---- functions ----

struct Scaler {
  double factor = 1;
  double operator()(double x) const { return factor * x; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& factor;
  }
};

struct Maths {
  static int cube(int x) { return x * x * x; }
};

TEST_P(MapTest, RunsFunctorsStaticMembersGenericLambdasPartialsAndMembers) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(Scaler{2.5}, std::vector{1.0, 2.0}), (std::vector{2.5, 5.0}));
  EXPECT_EQ(pool.map(Maths::cube, numbers(4)), (std::vector{0, 1, 8, 27}));
  EXPECT_EQ(pool.map([](auto x) { return x + x; }, std::vector<std::string>{"ab"}),
            std::vector<std::string>{"abab"});
  EXPECT_EQ(pool.map(mp::partial([](int a, int b) { return a - b; }, 10), numbers(3)),
            (std::vector{10, 9, 8}));
  EXPECT_EQ(pool.map(&std::string::size, std::vector<std::string>{"abc", ""}),
            (std::vector<std::size_t>{3, 0}));
  EXPECT_EQ(pool.map(&Person::age, std::vector<Person>{{"A", 3}, {"B", 4}}), (std::vector{3, 4}));
}

struct Counting {
  int calls = 0;
  int operator()(int) { return ++calls; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& calls;
  }
};

TEST_P(MapTest, AFunctorKeepsItsStateForAJobInEachWorkerAlone) {
  mp::Pool pool(1);
  Counting counting;
  EXPECT_EQ(pool.map(counting, numbers(3), 1), (std::vector{1, 2, 3}));
  EXPECT_EQ(pool.map(counting, numbers(3), 1), (std::vector{1, 2, 3}));
  EXPECT_EQ(counting.calls, 0);
}

// ---- several at once ----

TEST_P(MapTest, ManyThreadsMapAtTheSameTimeEvenMoreThanThereArePlacesForJobs) {
  mp::Pool pool(2);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 80; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 3; ++round) {
        const auto results =
            pool.map(mp::partial([](int a, int b) { return a + b; }, t), numbers(40), 1 + t % 5);
        for (int i = 0; i < 40; ++i)
          if (results[static_cast<std::size_t>(i)] != t + i) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(MapTest, TwoPoolsAtOnceDoNotMixUpTheirWork) {
  mp::Pool one(2);
  mp::Pool two(2);
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(one.map(square, numbers(30), 1), squares(30));
    EXPECT_EQ(two.map([](int x) { return std::to_string(x); }, numbers(3), 1),
              (std::vector<std::string>{"0", "1", "2"}));
  }
}

TEST_P(MapTest, AnElementsSourceMayMapItself) {
  mp::Pool pool(2);
  struct Source {
    mp::Pool& pool;
    std::vector<std::string> texts = {};
    auto begin() {
      texts = pool.map([](int x) { return std::to_string(x); }, std::vector{7, 8});
      return texts.begin();
    }
    auto end() { return texts.end(); }
    [[nodiscard]] std::size_t size() const { return 2; }
  };
  Source source{pool};
  EXPECT_EQ(pool.map([](std::string s) { return s + "!"; }, source),
            (std::vector<std::string>{"7!", "8!"}));
}

}  // namespace
}  // namespace pool_test
