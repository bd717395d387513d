// wait and as_completed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "futures_suite.hpp"

namespace futures_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class WaitTest : public FuturesTest {};
FOR_EVERY_START_METHOD(WaitTest);

using Future = mp::Future<int>;
using Futures = std::vector<Future>;

int twice(int x) { return 2 * x; }
int throws(int x) { throw std::domain_error(std::to_string(x)); }
int twice_when_told(int x, const Counters& counters) {
  counters.wait_for(1);
  return 2 * x;
}

Future successful() {
  Future future;
  future.set_result(42);
  return future;
}
Future failed() {
  Future future;
  future.set_exception(std::make_exception_ptr(std::domain_error("no")));
  return future;
}
Future cancelled() {
  Future future;
  future.cancel();
  return future;
}
Future cancelled_and_notified() {
  Future future = cancelled();
  future.set_running_or_notify_cancel();
  return future;
}

template <class F>
void expect(const mp::DoneAndNotDone<F>& both, const std::vector<F>& done,
            const std::vector<F>& not_done) {
  EXPECT_TRUE(both.done == done) << both.done.size();
  EXPECT_TRUE(both.not_done == not_done) << both.not_done.size();
}

// CPython: test_wait.test_20369
TEST_P(WaitTest, AFutureThatIsGivenTwiceComesOnce) {
  mp::ProcessPoolExecutor executor(1);
  const Future future = executor.submit(twice, 1);
  expect(mp::wait(Futures{future, future}), {future}, {});
  expect(mp::wait(Futures{}), {}, {});
}

// CPython: test_wait.test_first_completed
TEST_P(WaitTest, ForTheFirstOneItReturnsWithTheOthersNotDone) {
  mp::ProcessPoolExecutor executor(2);
  const Counters counters;
  const Future pending, quick = executor.submit(twice, 21);
  const Future slow = executor.submit(twice_when_told, 1, counters);
  expect(mp::wait(Futures{pending, quick, slow}, {.return_when = mp::ReturnWhen::first_completed}),
         {quick}, {pending, slow});
  counters.raise();
}

// CPython: test_wait.test_first_completed_some_already_completed
TEST_P(WaitTest, ForTheFirstOneItReturnsAtOnceWhenOneIsDone) {
  const Future done = cancelled_and_notified(), pending;
  expect(mp::wait(Futures{done, pending}, {.return_when = mp::ReturnWhen::first_completed}), {done},
         {pending});
}

// CPython: test_wait.test_first_exception
TEST_P(WaitTest, ForAnExceptionItWaitsForThatAlone) {
  mp::ProcessPoolExecutor executor(2);
  const Counters counters;
  const Future quick = executor.submit(twice, 21);
  (void)quick.result();
  const Future throwing = executor.submit(throws, 1);
  const Future slow = executor.submit(twice_when_told, 1, counters);
  expect(mp::wait(Futures{quick, throwing, slow}, {.return_when = mp::ReturnWhen::first_exception}),
         {quick, throwing}, {slow});
  counters.raise();
}

// CPython: test_wait.test_first_exception_some_already_complete
TEST_P(WaitTest, OneThatWasCancelledAndNotToldIsNotDone) {
  mp::ProcessPoolExecutor executor(1);
  const Future throwing = executor.submit(throws, 1);
  const Futures all{successful(), cancelled(), cancelled_and_notified(), throwing, Future()};
  expect(mp::wait(all, {.return_when = mp::ReturnWhen::first_exception}),
         {all[0], all[2], throwing}, {all[1], all[4]});
}

// CPython: test_wait.test_first_exception_one_already_failed
TEST_P(WaitTest, ForAnExceptionItReturnsAtOnceWhenOneHasFailed) {
  const Future has_failed = failed(), pending;
  expect(mp::wait(Futures{has_failed, pending}, {.return_when = mp::ReturnWhen::first_exception}),
         {has_failed}, {pending});
}

// CPython: test_wait.test_all_completed
TEST_P(WaitTest, ForAllItReturnsWhenAllAreDone) {
  mp::ProcessPoolExecutor executor(2);
  const Futures all{executor.submit(throws, 0), executor.submit(twice, 2), cancelled_and_notified(),
                    failed(), successful()};
  expect(mp::wait(all), all, {});
}

// CPython: test_wait.test_timeout
TEST_P(WaitTest, AfterTheTimeOutItReturnsWithWhatIsDone) {
  mp::ProcessPoolExecutor executor(2);
  const Counters counters;
  const Future quick = executor.submit(twice, 6);
  (void)quick.result();
  const Future slow = executor.submit(twice_when_told, 3, counters);
  const Futures all{cancelled_and_notified(), failed(), successful(), quick, slow};
  expect(mp::wait(all, {.timeout = 10ms}), {all[0], all[1], all[2], quick}, {slow});
  expect(mp::wait(all, {.timeout = 0s}), {all[0], all[1], all[2], quick}, {slow});
  counters.raise();
}

TEST_P(WaitTest, FuturesOfSeveralTypesAndExecutorsAreWaitedForTogether) {
  mp::ProcessPoolExecutor one(1), other(1);
  const auto number = one.submit(twice, 1);
  const auto text = other.submit([](int x) { return std::to_string(x); }, 5);
  const mp::Future<void> by_hand;
  std::size_t texts = 0;
  for (const mp::AnyFuture& future : mp::as_completed({number, text}))
    texts += future == mp::AnyFuture(text) ? 1 : 0;
  EXPECT_EQ(texts, 1U);
  const auto both = mp::wait({number, text, by_hand}, {.timeout = 1ms});
  EXPECT_EQ(both.done, (std::vector<mp::AnyFuture>{number, text}));
  EXPECT_EQ(both.not_done, (std::vector<mp::AnyFuture>{by_hand}));
}

// CPython: test_as_completed.test_no_timeout
TEST_P(WaitTest, FuturesComeAsTheyAreDone) {
  mp::ProcessPoolExecutor executor(2);
  const Futures all{cancelled_and_notified(), failed(), successful(), executor.submit(twice, 21),
                    executor.submit(throws, 7)};
  Futures came;
  for (const Future& future : mp::as_completed(all)) came.push_back(future);
  ASSERT_EQ(came.size(), 5U);
  EXPECT_TRUE(std::equal(came.begin(), came.begin() + 3, all.begin()));
  EXPECT_TRUE(std::is_permutation(came.begin(), came.end(), all.begin()));
}

// CPython: test_as_completed.test_future_times_out
TEST_P(WaitTest, AfterTheTimeOutThoseThatAreDoneHaveCome) {
  const Futures all{cancelled_and_notified(), failed(), successful(), Future()};
  for (const auto timeout : {0ms, 10ms}) {
    auto completed = mp::as_completed(all, timeout);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(completed.next(), all[static_cast<std::size_t>(i)]);
    EXPECT_THROW((void)completed.next(), mp::TimeoutError);
  }
}

// CPython: test_as_completed.test_duplicate_futures
TEST_P(WaitTest, AFutureThatIsGivenTwiceIsCompletedOnce) {
  mp::ProcessPoolExecutor executor(1);
  const Future future = executor.submit(twice, 2);
  EXPECT_THAT(mp::as_completed(Futures{future, future}).take(3), ElementsAre(future));
}

// CPython: test_as_completed.test_free_reference_yielded_future
TEST_P(WaitTest, AFutureThatHasComeIsKeptNoLonger) {
  mp::Future<std::shared_ptr<int>> one, other;
  const auto number = std::make_shared<int>(1);
  one.set_result(number);
  std::vector<mp::Future<std::shared_ptr<int>>> all{one, other};
  auto completed = mp::as_completed(all);
  one = {};
  all.clear();
  EXPECT_EQ(*completed.next().result(), 1);
  EXPECT_EQ(number.use_count(), 1);
  EXPECT_THROW((void)completed.next(1ms), mp::TimeoutError);
  other.set_result(number);
  other = {};
  EXPECT_EQ(*completed.next().result(), 1);
  EXPECT_EQ(number.use_count(), 1);
  EXPECT_THROW((void)completed.next(), mp::StopIteration);
}

// CPython: test_as_completed.test_correct_timeout_exception_msg
TEST_P(WaitTest, TheTimeOutTellsHowManyAreNotDone) {
  const Futures all{cancelled_and_notified(), Future(), Future(), successful()};
  auto completed = mp::as_completed(all, 0s);
  std::string text;
  try {
    for (const Future& future : completed) (void)future;
  } catch (const mp::TimeoutError& error) {
    text = error.what();
  }
  EXPECT_EQ(text, "2 (of 4) futures unfinished");
}

}  // namespace
}  // namespace futures_test
