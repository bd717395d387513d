// Pool::imap and imap_unordered: order, laziness, failures, and iterations that nobody finishes.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "input_ranges.hpp"
#include "multiprocessing/reduction.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class ImapTest : public PoolTest {};
FOR_EVERY_START_METHOD(ImapTest);

static_assert(std::ranges::input_range<mp::Results<int>> && std::ranges::view<mp::Results<int>>);

int square(int x) { return x * x; }
int same(int x) { return x; }
std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}
int throws_at_7(int x) {
  if (x == 7) throw std::domain_error("seven");
  return x;
}
int dies_at_7(int x) {
  if (x == 7) raise(SIGKILL);
  return x;
}
int wait_for_go(const Counters& counters, int x) {
  counters.raise(0);
  counters.wait_for(1, 1);
  return x;
}

/// All of them; -1 for each failure.
std::vector<int> rest_of(mp::Results<int>& results) {
  std::vector<int> all;
  for (;;) {
    try {
      const std::optional<int> next = results.try_next();
      if (!next) return all;
      all.push_back(*next);
    } catch (const std::exception&) {
      all.push_back(-1);
    }
  }
}

// CPython: _TestPool.test_imap
TEST_P(ImapTest, ResultsComeInOrderAndThenStop) {
  mp::Pool pool(3);
  std::vector<int> got;
  for (int x : pool.imap(square, numbers(10))) got.push_back(x);
  EXPECT_EQ(got, (std::vector{0, 1, 4, 9, 16, 25, 36, 49, 64, 81}));
  auto results = pool.imap(square, numbers(1000), 100);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(results.next(), i * i);
  EXPECT_THROW(results.next(), mp::StopIteration);
  EXPECT_THROW(results.next(), mp::StopIteration);
  EXPECT_EQ(results.try_next(), std::nullopt);
  EXPECT_TRUE(results.begin() == results.end());
}

// CPython: _TestPool.test_imap_unordered
TEST_P(ImapTest, UnorderedResultsComeOnceEach) {
  mp::Pool pool(3);
  for (int chunksize : {1, 7}) {
    std::multiset<int> got;
    for (int x : pool.imap_unordered(same, numbers(1000), chunksize)) got.insert(x);
    const std::vector<int> all = numbers(1000);
    EXPECT_EQ(got, std::multiset<int>(all.begin(), all.end()));
  }
}

TEST_P(ImapTest, UnorderedResultsComeAsTheyEnd) {
  mp::Pool pool(2);
  const Counters counters;
  const auto task = [](const Counters& c, int x) {
    if (x == 0) c.wait_for(1);
    return x;
  };
  auto results = pool.imap_unordered(mp::partial(task, counters), numbers(3));
  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(results.next(), 2);
  EXPECT_THROW(results.next(1ms), mp::TimeoutError);
  counters.raise();
  EXPECT_EQ(results.next(), 0);
  EXPECT_THROW(results.next(), mp::StopIteration);
}

TEST_P(ImapTest, ATimeOutMayBeFollowedByAnotherTry) {
  mp::Pool pool(1);
  for (const bool ordered : {true, false}) {
    const Counters counters;
    const auto task = mp::partial(wait_for_go, counters);
    auto results = ordered ? pool.imap(task, numbers(2)) : pool.imap_unordered(task, numbers(2));
    EXPECT_THROW(results.next(0ms), mp::TimeoutError);
    EXPECT_THROW(results.next(2ms), mp::TimeoutError);
    counters.raise(1);
    EXPECT_EQ(results.next(1h), 0);
    EXPECT_EQ(results.next(1h), 1);
  }
}

TEST_P(ImapTest, MoveOnlyResultsTextAndNothingCanBeIterated) {
  mp::Pool pool(2);
  auto pointers = pool.imap([](int x) { return std::make_unique<int>(x); }, numbers(3));
  EXPECT_EQ(*pointers.next(), 0);
  for (const auto& pointer : pointers) EXPECT_GT(*pointer, 0);
  std::string text;
  for (const std::string& part :
       pool.imap([](const std::string& s) { return s + s; }, std::vector<const char*>{"a", "b"}))
    text += part;
  EXPECT_EQ(text, "aabb");
  EXPECT_EQ(pool.imap([](int) {}, numbers(2)).take(5), (std::vector{mp::None, mp::None}));
}

// CPython: _TestPool.test_empty_iterable
TEST_P(ImapTest, AnEmptyInputHasNoResults) {
  mp::Pool pool(1);
  EXPECT_EQ(pool.imap(square, std::vector<int>{}).try_next(), std::nullopt);
  EXPECT_EQ(pool.imap_unordered(square, std::vector<int>{}).try_next(), std::nullopt);
}

TEST_P(ImapTest, ImpossibleOptionsAreRefused) {
  mp::Pool pool(1);
  EXPECT_THROW((void)pool.imap(square, numbers(3), 0), mp::ValueError);
  EXPECT_THROW((void)pool.imap_unordered(square, numbers(3), -2), mp::ValueError);
  EXPECT_THROW((void)pool.imap(square, numbers(3), {.buffersize = 0}), mp::ValueError);
}

// ---- failures

TEST_P(ImapTest, AFailingTaskDoesNotEndTheIteration) {
  mp::Pool pool(2);
  auto results = pool.imap(throws_at_7, numbers(10));
  EXPECT_EQ(rest_of(results), (std::vector{0, 1, 2, 3, 4, 5, 6, -1, 8, 9}));
  auto chunks = pool.imap(throws_at_7, numbers(12), 3);
  EXPECT_EQ(rest_of(chunks), (std::vector{0, 1, 2, 3, 4, 5, -1, 9, 10, 11}));
  auto unordered = pool.imap_unordered(throws_at_7, numbers(10));
  std::vector<int> got = rest_of(unordered);
  std::ranges::sort(got);
  EXPECT_EQ(got, (std::vector{-1, 0, 1, 2, 3, 4, 5, 6, 8, 9}));
}

TEST_P(ImapTest, AnIteratorThrowsWhereItIsAndGoesOnBehindThat) {
  mp::Pool pool(2);
  auto results = pool.imap(throws_at_7, numbers(10));
  std::vector<int> got;
  EXPECT_THROW(
      {
        for (int x : results) got.push_back(x);
      },
      std::domain_error);
  for (int x : results) {
    got.push_back(x);
    break;
  }
  EXPECT_EQ(got, (std::vector{0, 1, 2, 3, 4, 5, 6, 8}));
  EXPECT_EQ(results.next(), 9);
}

TEST_P(ImapTest, W10ADeadWorkerCostsItsElementsAndSaysWhichTheyWere) {
  mp::Pool pool(2);
  auto results = pool.imap(dies_at_7, numbers(12), 3);
  EXPECT_EQ(results.take(6), numbers(6));
  try {
    (void)results.next();
    ADD_FAILURE();
  } catch (const mp::WorkerDied& death) {
    EXPECT_EQ(death.task(), 6U);
    EXPECT_NE(std::string(death.what()).find("elements 6 to 8"), std::string::npos);
  }
  EXPECT_EQ(rest_of(results), (std::vector{9, 10, 11}));
}

TEST_P(ImapTest, WorkersMayDieAgainAndAgainWhenChunksAreRetried) {
  mp::Pool pool({.processes = 3, .maxtasksperchild = 20});
  const Counters counters;
  const auto task = [](const Counters& c, int x) {
    if (x % 50 == 7 && c.raise(static_cast<std::size_t>(x)) == 0) raise(SIGKILL);
    return x;
  };
  std::multiset<int> got;
  for (int x : pool.imap_unordered(mp::partial(task, counters), numbers(500), {.retries = 1}))
    got.insert(x);
  const std::vector<int> all = numbers(500);
  EXPECT_EQ(got, std::multiset<int>(all.begin(), all.end()));
}

// CPython: _TestPool.test_imap_handle_iterable_exception
TEST_P(ImapTest, WhatTheInputThrowsComesBehindTheResultsBeforeIt) {
  mp::Pool pool(2);
  for (const int chunksize : {1, 2, 3}) {
    auto results = pool.imap(same, throws_at(4), chunksize);
    EXPECT_EQ(results.take(4), numbers(4));
    EXPECT_THROW(results.next(), std::domain_error);
    EXPECT_THROW(results.next(), mp::StopIteration);
    auto sized = pool.imap(same, SizedThrowsAt(4, 10), chunksize);
    EXPECT_EQ(sized.take(4), numbers(4));
    EXPECT_THROW(sized.next(), std::domain_error);
  }
  auto none = pool.imap(same, throws_at(0));
  EXPECT_THROW(none.next(), std::domain_error);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// CPython: _TestPool.test_imap_unordered_handle_iterable_exception
TEST_P(ImapTest, WhatTheInputThrowsComesLastWhereThereIsNoOrder) {
  mp::Pool pool(2);
  auto results = pool.imap_unordered(same, throws_at(10));
  std::vector<int> got = rest_of(results);
  ASSERT_EQ(got.size(), 11U);
  EXPECT_EQ(got.back(), -1);
  std::ranges::sort(got);
  EXPECT_EQ(got.front(), -1);
  EXPECT_EQ(got.back(), 9);
}

struct Unwritable {
  int number;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (number == 2) throw std::domain_error("not to be written");
    archive& number;
  }
};

TEST_P(ImapTest, AnElementThatCannotBeSentIsLikeAnInputThatThrows) {
  mp::Pool pool(1);
  const auto number_of = [](const Unwritable& x) { return x.number; };
  auto results = pool.imap(number_of, std::vector<Unwritable>{{0}, {1}, {2}, {3}}, 3);
  EXPECT_EQ(results.take(2), numbers(2));
  EXPECT_THROW(results.next(), std::domain_error);
}

// ---- how much is drawn

TEST_P(ImapTest, W19AnEndlessInputIsDrawnAsItsResultsAreRead) {
  mp::Pool pool(2);
  for (const bool ordered : {true, false}) {
    int drawn = 0;
    const Endless input(&drawn);
    auto results = ordered ? pool.imap(square, input) : pool.imap_unordered(square, input);
    EXPECT_EQ(drawn, 8) << "four for each worker";
    EXPECT_EQ(results.take(10).size(), 10U);
    EXPECT_LE(drawn, 18);
    drawn = 0;
    auto few = pool.imap(square, input, {.chunksize = 2, .buffersize = 3});
    EXPECT_EQ(drawn, 2);
    EXPECT_EQ(few.take(10).back(), 81);
    EXPECT_LE(drawn, 13);
  }
}

TEST_P(ImapTest, ARangeThatKnowsItsSizeIsDrawnAtOnceAndDoneThoughNobodyReads) {
  mp::Pool pool(2);
  const Counters counters;
  const auto count = [](const Counters& c, int) { c.raise(); };
  const auto unread = pool.imap(mp::partial(count, counters), numbers(500));
  const auto other = pool.imap_unordered(mp::partial(count, counters), numbers(500));
  counters.wait_for(1000);
}

TEST_P(ImapTest, MemoryStaysFlatHoweverManyResultsAreRead) {
  mp::Pool pool(2);
  const auto text = [](int x) { return std::string(10'000, static_cast<char>('a' + x % 26)); };
  for (const bool ordered : {true, false}) {
    const Endless input(nullptr);
    auto results = ordered ? pool.imap(text, input) : pool.imap_unordered(text, input);
    (void)results.take(200);
    const InUse early = in_use();
    for (int i = 0; i < 2000; ++i) EXPECT_EQ(results.next().size(), 10'000U);
    const InUse late = in_use();
    EXPECT_LE(late.blocks, early.blocks + 30);
    EXPECT_LE(late.objects, early.objects + 3) << "rings and segments of records";
  }
}

TEST_P(ImapTest, WhatIsDroppedHalfWayIsWithdrawnAndLeavesNothing) {
  mp::Pool pool(1);
  EXPECT_EQ(pool.imap_unordered(square, numbers(3)).next(), 0);
  const InUse before = in_use();
  for (const bool ordered : {true, false}) {
    const Counters counters;
    {
      const auto task = [](const Counters& c, const std::string&) {
        if (c.raise(0) == 1) c.wait_for(1, 1);
        return std::string(1000, 'x');
      };
      const std::vector<std::string> input(50, std::string(1000, 'y'));
      const auto bound = mp::partial(task, counters);
      auto results = ordered ? pool.imap(bound, input) : pool.imap_unordered(bound, input);
      EXPECT_EQ(results.next().size(), 1000U);
      counters.wait_for(2);
    }
    counters.raise(1);
    EXPECT_EQ(pool.apply(square, 2), 4);
    EXPECT_EQ(counters[0], 2U);
  }
  wait_until([&] { return in_use() == before; });
}

// ---- the end of the pool

TEST_P(ImapTest, AClosedPoolFinishesWhatWasDrawnAndRefusesTheRest) {
  mp::Pool pool(2);
  for (const bool ordered : {true, false}) {
    mp::Pool closed(2);
    int drawn = 0;
    const Endless input(&drawn);
    auto results = ordered ? closed.imap(same, input) : closed.imap_unordered(same, input);
    EXPECT_EQ(results.take(3).size(), 3U);
    closed.close();
    closed.join();
    const int before = drawn;
    std::vector<int> got;
    EXPECT_THROW(
        {
          for (;;) got.push_back(results.next());
        },
        mp::ValueError);
    EXPECT_EQ(static_cast<int>(got.size()), before - 3);
    EXPECT_EQ(drawn, before);
    EXPECT_THROW(results.next(), mp::StopIteration);
  }
}

TEST_P(ImapTest, W17AnIterationEndsWithItsPool) {
  for (const bool ordered : {true, false}) {
    const Counters counters;
    std::optional<mp::Results<int>> results;
    {
      mp::Pool pool(1);
      const auto task = mp::partial(wait_for_go, counters);
      results = ordered ? pool.imap(task, numbers(5)) : pool.imap_unordered(task, numbers(5));
      counters.wait_for(1);
    }
    EXPECT_EQ(rest_of(*results), std::vector<int>(5, -1));
  }
}

TEST_P(ImapTest, ThePoolMayEndWhileAThreadReads) {
  for (const bool ordered : {true, false}) {
    const Counters counters;
    mp::Pool pool(1);
    const auto task = mp::partial(wait_for_go, counters);
    auto results = ordered ? pool.imap(task, numbers(5)) : pool.imap_unordered(task, numbers(5));
    std::thread reader{[&] { EXPECT_THROW(results.next(), mp::ProcessError); }};
    counters.wait_for(1);
    pool.terminate();
    reader.join();
  }
}

TEST_P(ImapTest, TheInputMayUseThePool) {
  mp::Pool pool(1);
  const auto plus_one = [](int x) { return x + 1; };
  auto inner = pool.imap(square, numbers(20));
  auto outer = pool.imap(plus_one, std::move(inner));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(outer.next(), i * i + 1);
  EXPECT_EQ(outer.try_next(), std::nullopt);
}

TEST_P(ImapTest, ManyIterationsAtOnceGetTheirOwnResults) {
  mp::Pool pool(2);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&pool, thread] {
      std::vector<int> input = numbers(500);
      for (int& x : input) x += thread * 1000;
      std::vector<int> got;
      for (int x : pool.imap_unordered(same, input)) got.push_back(x);
      std::ranges::sort(got);
      EXPECT_EQ(got, input);
    });
}

}  // namespace
}  // namespace pool_test
