// Maps and iterations that are to be over by a time.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "input_ranges.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class MapDeadlineTest : public PoolTest {};
FOR_EVERY_START_METHOD(MapDeadlineTest);

int hangs_at_7(int x) {
  while (x == 7) pause();
  return x * x;
}

std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}

/// Each of the 60 elements takes less than its time, all of them together take more.
int takes_a_while(int x) {
  usleep(20'000);
  return x;
}

TEST_P(MapDeadlineTest, AnElementThatHangsFailsAMapByItsTime) {
  mp::Pool pool(2);
  try {
    (void)pool.map(hangs_at_7, numbers(20), {.chunksize = 1, .task_timeout = 100ms});
    ADD_FAILURE();
  } catch (const mp::TimeoutError& error) {
    EXPECT_NE(std::string(error.what()).find("element 7 was not over in time"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(pool.map(hangs_at_7, numbers(7)).size(), 7U);
}

TEST_P(MapDeadlineTest, TheTimeOfAnElementIsNotThatOfItsChunk) {
  mp::Pool pool(1);
  EXPECT_EQ(pool.map(takes_a_while, numbers(60), {.chunksize = 60, .task_timeout = 1s}),
            numbers(60));
}

TEST_P(MapDeadlineTest, AMapIsOverByItsTimeWhateverRuns) {
  mp::Pool pool(2);
  EXPECT_THROW((void)pool.map(hangs_at_7, numbers(20), {.timeout = 100ms}), mp::TimeoutError);
  EXPECT_THROW((void)pool.map(hangs_at_7, numbers(5), {.timeout = 0s}), mp::TimeoutError);
  EXPECT_EQ(pool.map(hangs_at_7, numbers(7), {.timeout = 1h}).size(), 7U);
  const auto later = pool.map_async(hangs_at_7, numbers(20), {.timeout = 100ms});
  EXPECT_THROW((void)later.get(), mp::TimeoutError);
  pool.map([](int) {}, numbers(3), {.timeout = 1h});
  EXPECT_THROW(pool.map([](int) { pause(); }, numbers(3), {.timeout = 50ms}), mp::TimeoutError);
  EXPECT_EQ(pool.apply(hangs_at_7, 3), 9) << "its workers were replaced";
}

TEST_P(MapDeadlineTest, AnIterationGoesOnBehindAnElementThatWasLate) {
  mp::Pool pool(2);
  auto results = pool.imap(hangs_at_7, numbers(10), {.task_timeout = 100ms});
  for (int i = 0; i < 7; ++i) EXPECT_EQ(results.next(), i * i);
  EXPECT_THROW((void)results.next(), mp::TimeoutError);
  EXPECT_EQ(results.next(), 64);
  EXPECT_EQ(results.next(), 81);
  EXPECT_THROW((void)results.next(), mp::StopIteration);
}

TEST_P(MapDeadlineTest, AnEndlessIterationEndsWithItsTime) {
  mp::Pool pool(2);
  auto results = pool.imap([](int x) { return x; }, Endless(nullptr), {.timeout = 100ms});
  int next = 0;
  try {
    for (;;) EXPECT_EQ(results.next(), next++);
  } catch (const mp::TimeoutError&) {
  }
  // What was on its way may be late, too; then it is over.
  EXPECT_THROW(
      {
        for (;;) try {
            (void)results.next();
          } catch (const mp::TimeoutError&) {
          }
      },
      mp::StopIteration);
}

}  // namespace
}  // namespace pool_test
