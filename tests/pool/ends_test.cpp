// Ends of pipes in results: kept until the caller reads them, whatever becomes of the worker.
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/reduction.hpp"
#include "pool_suite.hpp"
#include "process/keeper.hpp"

namespace pool_test {
namespace {

using mp::Connection;

/// Nothing is kept when a test is over.
class EndsTest : public PoolTest {
 protected:
  void TearDown() override {
    wait_until([] { return mp::detail::kept_tickets() == 0; });
  }
};
FOR_EVERY_START_METHOD(EndsTest);

Connection say(int number) {
  auto [here, there] = mp::Pipe();
  here.send(number);
  return std::move(there);
}

void expect_said(const Connection& end, int number) {
  EXPECT_EQ(end.recv<int>(), number);
  EXPECT_THROW((void)end.recv<int>(), mp::EOFError);
}

TEST_P(EndsTest, AResultIsAnEndThatOutlivesItsWorker) {
  std::vector<Connection> ends;
  {
    mp::Pool pool(2);
    ends = pool.map(say, {0, 1, 2, 3, 4}, 2);
  }
  for (int i = 0; i < 5; ++i) expect_said(ends[static_cast<std::size_t>(i)], i);
}

struct Refusal : std::runtime_error {
  Refusal() : runtime_error("refused") {}
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& reasons;
  }
  Connection reasons;
};
const bool refusal_registered = mp::register_exception<Refusal>();

int refuse(int number) {
  Refusal refusal;
  refusal.reasons = say(number);
  throw refusal;
}

TEST_P(EndsTest, AnExceptionOfATaskMayHoldOne) {
  ASSERT_TRUE(refusal_registered);
  mp::Pool pool(1);
  try {
    pool.map(refuse, {7});
    ADD_FAILURE();
  } catch (const Refusal& refusal) {
    expect_said(refusal.reasons, 7);
  }
}

std::optional<Connection> held;

void hold(Connection end) { held = std::move(end); }

Connection give_but_once(int number) {
  if (number != 0) throw std::runtime_error("once was enough");
  return *held;
}

TEST_P(EndsTest, ResultsOfAMapThatFailedKeepEndOfFileFromNobody) {
  auto [here, there] = mp::Pipe();
  {
    mp::Pool pool(1, hold, there);
    there.close();
    EXPECT_THROW(pool.map(give_but_once, {0, 1}, 1), std::runtime_error);
  }
  EXPECT_THROW((void)here.recv<int>(), mp::EOFError);
}

TEST_P(EndsTest, AWorkerThatDiesBeforeItHasDeliveredIsMadeGoodByARetry) {
  const Counters workers;
  mp::Pool pool(1, arm_first, workers, std::string{"pool.result.before_give"}, 1U);
  const std::vector<Connection> ends = pool.map(say, {7}, {.retries = 1});
  EXPECT_EQ(workers[0], 2U);
  expect_said(ends.front(), 7);
}

TEST_P(EndsTest, InATaskItIsAClearErrorOfTheCaller) {
  mp::Pool pool(1);
  const auto [here, there] = mp::Pipe();
  const auto closed = [](const Connection& end) { return end.closed(); };
  try {
    pool.map(closed, std::vector{here});
    ADD_FAILURE();
  } catch (const mp::SerializationError& error) {
    EXPECT_NE(std::string{error.what()}.find("not in a task of a pool"), std::string::npos);
  }
}

}  // namespace
}  // namespace pool_test
