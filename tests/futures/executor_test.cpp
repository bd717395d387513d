// submit and map of an executor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "futures_suite.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "pool/input_ranges.hpp"

namespace futures_test {
namespace {

using namespace std::chrono_literals;
using pool_test::Endless;
using testing::ElementsAre;
using testing::HasSubstr;

class ExecutorTest : public FuturesTest {};
FOR_EVERY_START_METHOD(ExecutorTest);

long power(long base, long exponent) {
  long result = 1;
  while (exponent-- > 0) result *= base;
  return result;
}
std::pair<int, int> divided(int dividend, int divisor) {
  if (divisor == 0) throw std::domain_error("division by zero");
  return {dividend / divisor, dividend % divisor};
}
std::string text_of(int number) { return std::to_string(number); }
void wait_until_two(const Counters& counters, int wanted) {
  counters.wait_for(static_cast<std::uint32_t>(wanted));
}

std::vector<long> up_to(long end) {
  std::vector<long> numbers;
  for (long i = 0; i < end; ++i) numbers.push_back(i);
  return numbers;
}

/// How many there are in this process.
struct Payload {
  Payload() { ++live; }
  Payload(const Payload&) { ++live; }
  ~Payload() { --live; }
  template <class Archive>
  void serialize(Archive&, unsigned) {}
  static inline int live = 0;
};

/// Raises a counter when it goes, once it is armed.
struct Tells {
  Counters counters;
  mutable bool armed = false;

  ~Tells() {
    if (armed) counters.raise();
  }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& counters& armed;
  }
};

// CPython: executor.test_submit
// CPython: executor.test_submit_keyword
TEST_P(ExecutorTest, SubmitGivesAFutureOfTheCall) {
  mp::ProcessPoolExecutor executor(1);
  EXPECT_TRUE(executor.workers().empty());
  const mp::Future<long> future = executor.submit(power, 2, 8);
  EXPECT_EQ(future.result(), 256);
  EXPECT_EQ(future.exception(), nullptr);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancel());
  EXPECT_THROW(future.set_result(1), mp::InvalidStateError);
  EXPECT_THROW(future.set_running_or_notify_cancel(), mp::InvalidStateError);
  EXPECT_EQ(executor.submit({.retries = 1}, power, 3, 2).result(), 9);
  EXPECT_THROW((void)executor.submit({.retries = -1}, power, 3, 2), mp::ValueError);
  EXPECT_THAT(to_string(future), HasSubstr("state=finished returned long"));
}

// CPython: executor.test_map
TEST_P(ExecutorTest, MapGoesThroughAllRangesSideBySide) {
  mp::ProcessPoolExecutor executor(2);
  std::vector<long> powers;
  for (long i = 0; i < 10; ++i) powers.push_back(power(i, i));
  EXPECT_EQ(executor.map(power, up_to(10), up_to(10)).take(100), powers);
  EXPECT_EQ(executor.map({.chunksize = 3}, power, up_to(10), up_to(12)).take(100), powers);
  const std::vector<int> numbers{1, 2};
  EXPECT_THAT(executor.map(text_of, numbers).take(9), ElementsAre("1", "2"));
  EXPECT_THAT(executor.map(divided, Endless(nullptr), numbers).take(9),
              ElementsAre(std::pair{0, 0}, std::pair{0, 1}));
}

// CPython: executor.test_map_exception
TEST_P(ExecutorTest, AnExceptionOfMapComesInItsTurn) {
  mp::ProcessPoolExecutor executor(2);
  auto results = executor.map(divided, std::vector{1, 1, 1, 1}, std::vector{2, 3, 0, 5});
  EXPECT_EQ(results.next(), (std::pair{0, 1}));
  EXPECT_EQ(results.next(), (std::pair{0, 1}));
  EXPECT_THROW((void)results.next(), std::domain_error);
  EXPECT_EQ(results.next(), (std::pair{0, 1}));
  EXPECT_THROW((void)results.next(), mp::StopIteration);
}

// CPython: executor.test_map_timeout
TEST_P(ExecutorTest, TheTimeOutOfMapIsThatOfAllResults) {
  mp::ProcessPoolExecutor executor(2);
  executor.submit([] {}).result();
  const Counters counters;
  auto results =
      executor.map({.timeout = 2s}, wait_until_two, std::vector(3, counters), std::vector{0, 0, 2});
  EXPECT_EQ(results.next(), mp::None);
  EXPECT_EQ(results.next(), mp::None);
  EXPECT_THROW((void)results.next(), mp::TimeoutError);  // what ran has been ended
  EXPECT_THROW((void)results.next(), mp::StopIteration);
}

// CPython: executor.test_map_timeout_from_callable
// CPython: executor.test_map_close
TEST_P(ExecutorTest, ATimeOutThatATaskThrowsIsItsOwn) {
  mp::ProcessPoolExecutor executor(1);
  auto results = executor.map(
      [](int i) {
        if (i == 1) throw mp::TimeoutError("of the task");
        return i;
      },
      std::vector{0, 1, 2});
  EXPECT_EQ(results.next(), 0);
  EXPECT_THROW((void)results.next(), mp::TimeoutError);
  EXPECT_EQ(results.next(), 2);
}

TEST_P(ExecutorTest, AnIterationThatIsDroppedWithdrawsWhatHasNotBegun) {
  mp::ProcessPoolExecutor executor(1);
  const Counters counters;
  {
    auto results = executor.map(
        [](const Counters& all, int i) {
          all.raise(1);
          if (i == 0) all.wait_for(1);
        },
        std::vector(9, counters), up_to(9));
    counters.wait_for(1, 1);
  }
  counters.raise();
  executor.shutdown();
  EXPECT_EQ(counters[1], 1U);
}

// CPython: executor.test_shutdown_race_issue12456
TEST_P(ExecutorTest, ShutdownWithMoreTasksThanWorkersHasAllDone) {
  mp::ProcessPoolExecutor executor(2);
  auto results = executor.map(text_of, std::vector(3, 2));
  executor.shutdown();
  EXPECT_THAT(results.take(9), ElementsAre("2", "2", "2"));
}

// CPython: executor.test_no_stale_references
TEST_P(ExecutorTest, ArgumentsAreNotKept) {
  mp::ProcessPoolExecutor executor(1);
  const Payload payload;
  const auto future = executor.submit([](const Payload&) {}, payload);
  EXPECT_EQ(Payload::live, 1);
  future.result();
}

// CPython: executor.test_free_reference
TEST_P(ExecutorTest, ResultsOfMapAreNotKept) {
  mp::ProcessPoolExecutor executor(2);
  auto results = executor.map([](long) { return std::make_unique<Payload>(); }, up_to(10));
  for (int i = 0; i < 10; ++i) {
    const auto result = results.next();
    EXPECT_EQ(Payload::live, 1);
  }
}

// CPython: executor.test_max_workers_negative
TEST_P(ExecutorTest, ImpossibleOptionsAreRefused) {
  EXPECT_THROW(mp::ProcessPoolExecutor(0), mp::ValueError);
  EXPECT_THROW(mp::ProcessPoolExecutor(-1), mp::ValueError);
  EXPECT_THROW(mp::ProcessPoolExecutor({.max_tasks_per_child = 0}), mp::ValueError);
}

// CPython: executor.test_map_buffersize_value_validation
TEST_P(ExecutorTest, ABufferOfNoElementIsRefused) {
  mp::ProcessPoolExecutor executor(1);
  EXPECT_THROW((void)executor.map({.buffersize = 0}, text_of, std::vector{1}), mp::ValueError);
  EXPECT_THROW((void)executor.map({.chunksize = -1}, text_of, std::vector{1}), mp::ValueError);
}

// CPython: executor.test_map_buffersize
// CPython: executor.test_map_buffersize_on_multiple_iterables
TEST_P(ExecutorTest, TheBufferOfMapChangesNoResult) {
  mp::ProcessPoolExecutor executor(2);
  const std::vector<int> numbers{0, 1, 2, 3};
  for (const std::size_t size : {1U, 2U, 4U, 8U}) {
    EXPECT_THAT(executor.map({.buffersize = size}, text_of, numbers).take(9),
                ElementsAre("0", "1", "2", "3"));
    EXPECT_THAT(executor.map({.buffersize = size}, power, numbers, numbers).take(9),
                ElementsAre(1, 1, 4, 27));
  }
}

// CPython: executor.test_map_buffersize_on_infinite_iterable
// CPython: executor.test_map_buffersize_on_multiple_infinite_iterables
TEST_P(ExecutorTest, TheInputOfMapMayBeEndless) {
  mp::ProcessPoolExecutor executor(2);
  EXPECT_THAT(executor.map({.buffersize = 1}, text_of, Endless(nullptr)).take(3),
              ElementsAre("0", "1", "2"));
  EXPECT_THAT(executor.map({.buffersize = 2}, power, Endless(nullptr), Endless(nullptr)).take(4),
              ElementsAre(1, 1, 4, 27));
  EXPECT_THAT(executor.map(text_of, Endless(nullptr)).take(2), ElementsAre("0", "1"));
}

// CPython: executor.test_map_buffersize_on_empty_iterable
TEST_P(ExecutorTest, TheInputOfMapMayBeEmpty) {
  mp::ProcessPoolExecutor executor(1);
  EXPECT_EQ(executor.map({.buffersize = 2}, text_of, std::vector<int>{}).try_next(), std::nullopt);
}

// CPython: executor.test_map_buffersize_without_iterable
template <class... A>
concept can_be_mapped = requires(mp::ProcessPoolExecutor& executor, A... arguments) {
  executor.map(mp::MapOptions{}, arguments...);
};
static_assert(can_be_mapped<decltype(&text_of), std::vector<int>>);
static_assert(!can_be_mapped<decltype(&text_of)>);

// CPython: executor.test_map_buffersize_when_buffer_is_full
TEST_P(ExecutorTest, NoMoreIsDrawnThanTheBufferHolds) {
  mp::ProcessPoolExecutor executor(2);
  int drawn = 0;
  auto results = executor.map({.buffersize = 3}, text_of, Endless(&drawn));
  EXPECT_EQ(drawn, 3);
  EXPECT_EQ(results.next(), "0");
  EXPECT_LE(drawn, 4);
  EXPECT_EQ(results.next(), "1");
  EXPECT_LE(drawn, 5);
}

// CPython: test_process_pool.test_map_chunksize
TEST_P(ExecutorTest, ChunksOfAnySizeGiveTheSameResults) {
  mp::ProcessPoolExecutor executor(2);
  std::vector<long> squares;
  for (const long i : up_to(40)) squares.push_back(i * i);
  for (const int size : {6, 50, 40})
    EXPECT_EQ(executor.map({.chunksize = size}, power, up_to(40), std::vector(40, 2)).take(99),
              squares);
}

// CPython: test_process_pool.test_traceback
TEST_P(ExecutorTest, AnExceptionTellsWhereItWasThrown) {
  mp::ProcessPoolExecutor executor(1);
  const auto future = executor.submit(divided, 1, 0);
  try {
    (void)future.result();
    ADD_FAILURE();
  } catch (const std::domain_error& error) {
    const auto* origin = dynamic_cast<const mp::detail::RemoteOrigin*>(&error);
    ASSERT_NE(origin, nullptr);
    EXPECT_THAT(origin->texts().place, HasSubstr("Process-"));
  }
}

std::string status = "uninitialized";

// CPython: test_init.test_initializer
TEST_P(ExecutorTest, EachWorkerIsInitialised) {
  mp::ProcessPoolExecutor executor(
      2, [](std::string text) { status = std::move(text); }, "ready");
  for (const auto& seen : executor.map([](int) { return status; }, std::vector(8, 0)))
    EXPECT_EQ(seen, "ready");
  EXPECT_EQ(status, "uninitialized");
}

// CPython: FailingInitializer.test_initializer
// CPython: test_init.test_spawn
// CPython: test_init.test_forkserver
TEST_P(ExecutorTest, AnInitializerThatThrowsBreaksIt) {
  mp::ProcessPoolExecutor executor(2, [] { throw std::domain_error("no table"); });
  const auto future = executor.submit(text_of, 1);
  EXPECT_THROW((void)future.result(), mp::BrokenProcessPool);
  EXPECT_THAT(told(future.exception()), HasSubstr("no table"));
  EXPECT_THROW((void)executor.submit(text_of, 1), mp::BrokenProcessPool);
}

// CPython: test_process_pool.test_ressources_gced_in_workers
TEST_P(ExecutorTest, ArgumentsGoInTheWorkerAfterTheCall) {
  mp::ProcessPoolExecutor executor(1);
  const Counters counters;
  {
    const Tells argument{counters};
    executor.submit([](const Tells& tells) { tells.armed = true; }, argument).result();
  }
  counters.wait_for(1);
}

}  // namespace
}  // namespace futures_test
