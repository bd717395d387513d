// Ends of pipes in results and elements: kept until they are read, whoever dies.
#include <gtest/gtest.h>
#include <signal.h>

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

// ---- in elements.

int answer(const Connection& end) {
  end.send(end.recv<int>() + 1);
  return 0;
}

TEST_P(EndsTest, ElementsAreEndsThatWorkersUse) {
  std::vector<Connection> questions;
  std::vector<Connection> answers;
  for (int i = 0; i < 5; ++i) {
    auto [here, there] = mp::Pipe();
    here.send(i);
    questions.push_back(std::move(here));
    answers.push_back(std::move(there));
  }
  mp::Pool pool(2);
  pool.map(answer, answers, 2);
  answers.clear();
  for (int i = 0; i < 5; ++i) expect_said(questions[static_cast<std::size_t>(i)], i + 1);
}

int answer_when_nothing_is_kept(const Connection& end) {
  wait_until([] { return mp::detail::kept_tickets() == 0; });
  return answer(end);
}

TEST_P(EndsTest, WhenAChunkHasBegunTheKeeperHasNoneOfItsEnds) {
  auto [here, there] = mp::Pipe();
  auto [also_here, also_there] = mp::Pipe();
  here.send(1);
  also_here.send(2);
  mp::Pool pool(1);
  pool.map(answer_when_nothing_is_kept, std::vector{there, also_there}, 2);
  EXPECT_EQ(here.recv<int>(), 2);
  EXPECT_EQ(also_here.recv<int>(), 3);
}

TEST_P(EndsTest, AChunkWhoseWorkerDiedBeforeItTookItsEndsIsRetriedWithThem) {
  const Counters workers;
  mp::Pool pool(1, arm_first, workers, std::string{"pool.chunk.after_claim"}, 1U);
  auto [here, there] = mp::Pipe();
  here.send(6);
  pool.map(answer, std::vector{there}, {.retries = 1});
  there.close();
  EXPECT_EQ(workers[0], 2U);
  expect_said(here, 7);
}

int die(const Connection&) { return raise(SIGKILL); }

TEST_P(EndsTest, WithAWorkerThatDiesGoTheEndsThatItHasTaken) {
  auto [here, there] = mp::Pipe();
  mp::Pool pool(1);
  EXPECT_THROW(pool.map(die, std::vector{there}), mp::WorkerDied);
  try {
    pool.map(die, std::vector{there}, {.retries = 1});
    ADD_FAILURE();
  } catch (const mp::ProcessError& error) {
    EXPECT_NE(std::string{error.what()}.find("taken already"), std::string::npos) << error.what();
  }
  there.close();
  EXPECT_THROW((void)here.recv<int>(), mp::EOFError);
}

struct Holder {
  int operator()(int number) const { return number; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& end;
  }
  Connection end;
};

TEST_P(EndsTest, AFunctionThatHoldsOneIsAClearErrorOfTheCaller) {
  mp::Pool pool(1);
  const auto [here, there] = mp::Pipe();
  EXPECT_THROW(pool.map(Holder{here}, {1}), mp::SerializationError);
  EXPECT_EQ(pool.map([](int number) { return number + 1; }, {1}), std::vector{2});
}

}  // namespace
}  // namespace pool_test
