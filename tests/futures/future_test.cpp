// Futures that are set by hand: states, results, callbacks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "futures_suite.hpp"
#include "support/watchdog.hpp"

namespace futures_test {
namespace {

using namespace std::chrono_literals;
using testing::MatchesRegex;

using Future = mp::Future<int>;

std::exception_ptr an_error() { return std::make_exception_ptr(std::domain_error("no")); }

/// One future in each state that there is.
struct OneOfEach {
  OneOfEach() {
    running.set_running_or_notify_cancel();
    cancelled.cancel();
    notified.cancel();
    notified.set_running_or_notify_cancel();
    failed.set_exception(an_error());
    successful.set_result(42);
  }

  Future pending, running, cancelled, notified, failed, successful;
};

// CPython: test_future.test_done_callback_with_result
TEST(FutureTest, ACallbackIsGivenTheFutureWithItsResult) {
  Future future;
  int given = 0;
  future.add_done_callback([&](const Future& done) { given = done.result(); });
  EXPECT_EQ(given, 0);
  future.set_result(5);
  EXPECT_EQ(given, 5);
}

// CPython: test_future.test_done_callback_with_exception
TEST(FutureTest, ACallbackIsGivenTheFutureWithItsException) {
  Future future;
  std::string text;
  future.add_done_callback([&](const Future& done) { text = told(done.exception()); });
  future.set_exception(an_error());
  EXPECT_EQ(text, "std::domain_error: no");
}

// CPython: test_future.test_done_callback_with_cancel
TEST(FutureTest, ACallbackIsCalledWhenItIsCancelled) {
  Future future;
  bool was_cancelled = false;
  future.add_done_callback([&](const Future& done) { was_cancelled = done.cancelled(); });
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(was_cancelled);
}

// CPython: test_future.test_done_callback_raises
TEST(FutureTest, WhatACallbackThrowsIsToldAndTheOthersAreCalled) {
  Future future;
  int calls = 0;
  const auto throws = [&](const Future&) {
    ++calls;
    throw std::logic_error("from a callback");
  };
  future.add_done_callback(throws);
  future.add_done_callback([&](const Future&) { ++calls; });
  testing::internal::CaptureStderr();
  future.set_result(5);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "multiprocessing: a callback of a future threw std::logic_error: from a callback\n");
}

// CPython: test_future.test_done_callback_already_successful
TEST(FutureTest, ACallbackOfAFutureThatHasItsResultIsCalledAtOnce) {
  const OneOfEach each;
  int given = 0;
  each.successful.add_done_callback([&](const Future& done) { given = done.result(); });
  EXPECT_EQ(given, 42);
}

// CPython: test_future.test_done_callback_already_failed
TEST(FutureTest, ACallbackOfAFutureThatHasFailedIsCalledAtOnce) {
  const OneOfEach each;
  std::string text;
  each.failed.add_done_callback([&](const Future& done) { text = told(done.exception()); });
  EXPECT_EQ(text, "std::domain_error: no");
}

// CPython: test_future.test_done_callback_already_cancelled
TEST(FutureTest, ACallbackOfAFutureThatWasCancelledIsCalledAtOnce) {
  const OneOfEach each;
  int calls = 0;
  for (const Future& future : {each.cancelled, each.notified})
    future.add_done_callback([&](const Future& done) { calls += done.cancelled() ? 1 : 0; });
  EXPECT_EQ(calls, 2);
}

// CPython: test_future.test_done_callback_raises_already_succeeded
TEST(FutureTest, WhatACallbackThrowsThatIsCalledAtOnceIsTold) {
  const OneOfEach each;
  testing::internal::CaptureStderr();
  each.successful.add_done_callback([](const Future&) { throw std::logic_error("at once"); });
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "multiprocessing: a callback of a future threw std::logic_error: at once\n");
}

// CPython: test_future.test_repr
TEST(FutureTest, ItsTextHasItsState) {
  const OneOfEach each;
  const auto state = [](const std::string& text) {
    return MatchesRegex("<Future at 0x[0-9a-f]+ state=" + text + ">");
  };
  EXPECT_THAT(to_string(each.pending), state("pending"));
  EXPECT_THAT(to_string(each.running), state("running"));
  EXPECT_THAT(to_string(each.cancelled), state("cancelled"));
  EXPECT_THAT(to_string(each.notified), state("cancelled"));
  EXPECT_THAT(to_string(each.failed), state("finished raised std::domain_error"));
  EXPECT_THAT(to_string(each.successful), state("finished returned int"));
}

// CPython: test_future.test_cancel
TEST(FutureTest, OnlyWhatIsPendingCanBeCancelled) {
  const OneOfEach each;
  EXPECT_TRUE(each.pending.cancel());
  EXPECT_TRUE(each.pending.cancelled());
  EXPECT_FALSE(each.running.cancel());
  EXPECT_TRUE(each.running.running());
  EXPECT_TRUE(each.cancelled.cancel());
  EXPECT_TRUE(each.notified.cancel());
  EXPECT_FALSE(each.failed.cancel());
  EXPECT_FALSE(each.successful.cancel());
  EXPECT_EQ(each.successful.result(), 42);
}

// CPython: test_future.test_cancelled
// CPython: test_future.test_done
// CPython: test_future.test_running
TEST(FutureTest, ItSaysWhereItStands) {
  const OneOfEach each;
  const auto says = [](const Future& future, bool cancelled, bool running, bool done) {
    EXPECT_EQ(future.cancelled(), cancelled) << to_string(future);
    EXPECT_EQ(future.running(), running) << to_string(future);
    EXPECT_EQ(future.done(), done) << to_string(future);
  };
  says(each.pending, false, false, false);
  says(each.running, false, true, false);
  says(each.cancelled, true, false, true);
  says(each.notified, true, false, true);
  says(each.failed, false, false, true);
  says(each.successful, false, false, true);
}

// CPython: test_future.test_result_with_timeout
TEST(FutureTest, AResultWithATimeOutComesIfItIsThere) {
  const OneOfEach each;
  EXPECT_THROW(each.pending.result(0s), mp::TimeoutError);
  EXPECT_THROW(each.running.result(0s), mp::TimeoutError);
  EXPECT_THROW(each.cancelled.result(0s), mp::CancelledError);
  EXPECT_THROW(each.notified.result(0s), mp::CancelledError);
  EXPECT_THROW(each.failed.result(0s), std::domain_error);
  EXPECT_EQ(each.successful.result(0s), 42);
}

// CPython: test_future.test_exception_with_timeout
TEST(FutureTest, AnExceptionWithATimeOutComesIfItIsThere) {
  const OneOfEach each;
  EXPECT_THROW((void)each.pending.exception(0s), mp::TimeoutError);
  EXPECT_THROW((void)each.running.exception(0s), mp::TimeoutError);
  EXPECT_THROW((void)each.cancelled.exception(0s), mp::CancelledError);
  EXPECT_THROW((void)each.notified.exception(0s), mp::CancelledError);
  EXPECT_EQ(told(each.failed.exception(0s)), "std::domain_error: no");
  EXPECT_EQ(each.successful.exception(0s), nullptr);
}

/// Does it once another thread is about to wait.
template <class Wait, class Then>
void while_another_waits(Wait wait, Then then) {
  const test_support::Watchdog watchdog(20s);
  std::thread waiting(std::move(wait));
  then();
  waiting.join();
}

// CPython: test_future.test_result_with_success
// CPython: test_future.test_exception_with_success
TEST(FutureTest, AWaitEndsWhenAnotherThreadSetsIt) {
  const Future result, exception;
  while_another_waits([&] { EXPECT_EQ(result.result(), 42); }, [&] { result.set_result(42); });
  while_another_waits([&] { EXPECT_EQ(told(exception.exception()), "std::domain_error: no"); },
                      [&] { exception.set_exception(an_error()); });
}

// CPython: test_future.test_result_with_cancel
TEST(FutureTest, AWaitEndsWhenAnotherThreadCancels) {
  const Future future;
  while_another_waits([&] { EXPECT_THROW(future.result(), mp::CancelledError); },
                      [&] { EXPECT_TRUE(future.cancel()); });
}

// CPython: test_future.test_multiple_set_result
// CPython: test_future.test_multiple_set_exception
TEST(FutureTest, WhatIsSetOnceStays) {
  const OneOfEach each;
  EXPECT_THROW(each.successful.set_result(2), mp::InvalidStateError);
  EXPECT_THROW(each.successful.set_exception(an_error()), mp::InvalidStateError);
  EXPECT_EQ(each.successful.result(), 42);
  EXPECT_THROW(each.failed.set_exception(an_error()), mp::InvalidStateError);
  EXPECT_THROW(each.failed.set_result(2), mp::InvalidStateError);
  EXPECT_EQ(told(each.failed.exception()), "std::domain_error: no");
  EXPECT_THROW(each.cancelled.set_result(2), mp::InvalidStateError);
}

TEST(FutureTest, OneThatIsNotPendingCannotBeginToRun) {
  const OneOfEach each;
  EXPECT_FALSE(each.cancelled.set_running_or_notify_cancel());
  for (const Future& future : {each.running, each.notified, each.failed, each.successful})
    EXPECT_THROW(future.set_running_or_notify_cancel(), mp::InvalidStateError);
}

TEST(FutureTest, AResultIsLookedAtAndMovedOut) {
  mp::Future<std::unique_ptr<int>> future;
  future.set_result(std::make_unique<int>(3));
  EXPECT_EQ(*future.result(), 3);
  auto other = future;
  EXPECT_THROW((void)std::move(other).result(), mp::InvalidStateError);
  other = {};
  EXPECT_EQ(*std::move(future).result(), 3);
}

TEST(FutureTest, CopiesAreTheSameFuture) {
  const OneOfEach each;
  const Future copy = each.pending;
  EXPECT_EQ(copy, each.pending);
  EXPECT_NE(copy, each.running);
  EXPECT_EQ(mp::AnyFuture(copy), mp::AnyFuture(each.pending));
  EXPECT_EQ((std::unordered_set<Future>{copy, each.pending, each.running}.size()), 2U);
  EXPECT_EQ(mp::AnyFuture(each.successful).as<int>().result(), 42);
  EXPECT_THROW((void)mp::AnyFuture(copy).as<long>(), mp::ValueError);
}

TEST(FutureTest, OneThatGivesNothingIsSetWithoutAValue) {
  const mp::Future<void> future;
  future.set_result();
  EXPECT_NO_THROW(future.result());
  future.then([] { return 3; }).then([](int three) { EXPECT_EQ(three, 3); }).result();
}

}  // namespace
}  // namespace futures_test
