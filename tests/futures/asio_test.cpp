// The bridge to Boost.Asio. Its header comes first: it stands alone.
#include "multiprocessing/asio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#if BOOST_ASIO_VERSION >= 101900
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#ifdef BOOST_ASIO_HAS_CO_AWAIT
#include <boost/asio/experimental/awaitable_operators.hpp>
#endif
#endif

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "futures_suite.hpp"

namespace futures_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
namespace asio = boost::asio;
using Loop = asio::io_context;

class AsioTest : public FuturesTest {};
FOR_EVERY_START_METHOD(AsioTest);

std::string greet(std::string_view name) {
  if (name.empty()) throw std::domain_error("a name is missing");
  return "hello " + std::string(name);
}

void wait_for_second(const Counters& counters) {
  counters.raise(0);
  counters.wait_for(1, 1);
}

/// A handler whose place in the loop can be said, for loops of other kinds than the system's.
template <class F>
auto in(Loop& loop, F handler) {
  return asio::bind_executor(loop.get_executor(), std::move(handler));
}

/// A handler that keeps what came, and what it must let go of when it is destroyed.
struct Kept {
  std::exception_ptr* error;
  std::shared_ptr<int> owned = std::make_shared<int>(0);
  void operator()(std::exception_ptr came) const { *error = came; }
  void operator()(std::exception_ptr came, const std::string&) const { *error = came; }
};

TEST_P(AsioTest, AHandlerIsCalledByItsLoopWhichRunsUntilThen) {
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  const auto here = std::this_thread::get_id();
  std::string answer;
  bool submitted = false;
  const std::string name = "Ada";
  mp::async_submit(executor,
                   in(loop,
                      [&](std::exception_ptr error, std::string text) {
                        EXPECT_EQ(told(error), "");
                        EXPECT_TRUE(submitted);
                        EXPECT_EQ(std::this_thread::get_id(), here);
                        answer = std::move(text);
                      }),
                   greet, name.c_str());
  executor.shutdown();  // the task has ended, and what came of it waits for the loop
  submitted = true;
  loop.run();
  EXPECT_EQ(answer, "hello Ada");
}

TEST_P(AsioTest, ALoopGoesOnWhileAWorkerComputes) {
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  const Counters counters;
  std::exception_ptr error = std::make_exception_ptr(0);
  mp::async_submit(executor, in(loop, Kept{&error}), wait_for_second, counters);
  asio::steady_timer timer(loop, 0ms);
  timer.async_wait([&](const auto&) { counters.raise(1); });
  loop.run();
  EXPECT_EQ(told(error), "");
}

TEST_P(AsioTest, WhatATaskThrowsAndItsDeathComeToTheHandler) {
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  std::exception_ptr thrown;
  std::exception_ptr death;
  mp::async_submit(executor, in(loop, Kept{&thrown}), greet, "");
  mp::async_submit(executor, in(loop, Kept{&death}), [] { raise(SIGKILL); });
  loop.run();
  EXPECT_THAT(told(thrown), HasSubstr("a name is missing"));
  EXPECT_THROW(std::rethrow_exception(thrown), std::domain_error);
  EXPECT_THROW(std::rethrow_exception(death), mp::WorkerDied);
}

TEST_P(AsioTest, WhatSubmitThrowsComesToTheHandler) {
  mp::ProcessPoolExecutor executor(1);
  executor.shutdown();
  Loop loop;
  std::exception_ptr error;
  mp::async_submit(executor, in(loop, Kept{&error}), greet, "Ada");
  EXPECT_EQ(error, nullptr);
  loop.run();
  EXPECT_THAT(told(error), HasSubstr("cannot schedule new futures after shutdown"));
}

TEST_P(AsioTest, OtherTokensWorkToo) {
  mp::ProcessPoolExecutor executor(1);
  EXPECT_EQ(mp::async_submit(executor, asio::use_future, greet, "Ada").get(), "hello Ada");
  EXPECT_THROW(mp::async_submit(executor, {.priority = 1}, asio::use_future, greet, "").get(),
               std::domain_error);
}

TEST_P(AsioTest, ViewsArriveAsWhatTheyShowed) {
  mp::ProcessPoolExecutor executor(1);
  const std::vector numbers{1, 2, 3};
  const auto sum = [](const std::vector<int>& all, const char* text) {
    return all.at(0) + all.at(2) + (std::string_view(text) == "text" ? 10 : 0);
  };
  EXPECT_EQ(mp::async_submit(executor, asio::use_future, sum, std::span(numbers), "text").get(),
            14);
}

TEST_P(AsioTest, AStrandCallsItsHandlersOneAtATime) {
  mp::ProcessPoolExecutor executor(2);
  Loop loop;
  const auto strand = asio::make_strand(loop);
  int calls = 0;
  for (int i = 0; i < 20; ++i)
    mp::async_submit(
        executor,
        asio::bind_executor(strand,
                            [&](std::exception_ptr, int number) {
                              EXPECT_TRUE(strand.running_in_this_thread());
                              calls += number;
                            }),
        [](int number) { return number; }, 1);
  std::thread another([&] { loop.run(); });
  loop.run();
  another.join();
  EXPECT_EQ(calls, 20);
}

TEST_P(AsioTest, ATimeOutAndAStopTokenEndATask) {
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  const Counters counters;
  std::exception_ptr late;
  std::exception_ptr stopped;
  std::stop_source source;
  mp::async_submit(executor, {.timeout = 1ms}, in(loop, Kept{&late}), wait_for_second, counters);
  mp::async_submit(executor, {.stop = source.get_token()}, in(loop, Kept{&stopped}),
                   wait_for_second, counters);
  source.request_stop();
  loop.run();
  EXPECT_THROW(std::rethrow_exception(late), mp::TimeoutError);
  EXPECT_THROW(std::rethrow_exception(stopped), mp::CancelledError);
}

TEST_P(AsioTest, ALoopDoesNotWaitForRoom) {
  mp::ProcessPoolExecutor executor({.max_workers = 1, .max_pending = 1});
  Loop loop;
  const Counters counters;
  std::exception_ptr error;
  for (int i = 0; i < 3; ++i)
    mp::async_submit(executor, in(loop, Kept{&error}), wait_for_second, counters);
  counters.raise(1);
  loop.run();
  EXPECT_EQ(told(error), "");
}

TEST_P(AsioTest, ALoopThatGoesDropsTheHandlersOfTasksThatRun) {
  const Counters counters;
  std::exception_ptr error;
  Kept handler{&error};
  const std::weak_ptr<int> owned = handler.owned;
  std::optional<mp::ProcessPoolExecutor> executor(std::in_place, 1);
  {
    Loop loop;
    mp::async_submit(*executor, in(loop, std::exchange(handler, {&error})), wait_for_second,
                     counters);
    mp::async_submit(*executor, in(loop, Kept{&error}), greet, "");
    counters.wait_for(1);
    loop.poll();
    EXPECT_FALSE(owned.expired());
  }
  EXPECT_TRUE(owned.expired());
  counters.raise(1);
  executor.reset();  // the tasks end now, and nothing is called
  EXPECT_EQ(error, nullptr);
}

TEST_P(AsioTest, ALoopThatGoesDropsHandlersThatItHasNotCalled) {
  std::exception_ptr error;
  Kept handler{&error};
  const std::weak_ptr<int> owned = handler.owned;
  {
    Loop loop;
    mp::ProcessPoolExecutor executor(1);
    mp::async_submit(executor, in(loop, std::exchange(handler, {&error})), greet, "");
    executor.shutdown();
  }
  EXPECT_TRUE(owned.expired());
  EXPECT_EQ(error, nullptr);
}

TEST_P(AsioTest, ACallOutlivesItsExecutor) {
  Loop loop;
  const Counters counters;
  std::exception_ptr done = std::make_exception_ptr(0);
  std::exception_ptr ended;
  {
    mp::ProcessPoolExecutor executor(1);
    mp::async_submit(executor, in(loop, Kept{&done}), wait_for_second, counters);
    executor.shutdown({.wait = false});
  }
  {
    mp::ProcessPoolExecutor executor(1);
    mp::async_submit(executor, in(loop, Kept{&ended}), wait_for_second, counters);
    executor.kill_workers();
  }
  counters.raise(1);
  loop.run();
  EXPECT_EQ(told(done), "");
  EXPECT_NE(ended, nullptr);
}

TEST_P(AsioTest, AHandlerMayDestroyItsExecutor) {
  Loop loop;
  auto executor = std::make_unique<mp::ProcessPoolExecutor>(1);
  mp::async_submit(*executor,
                   in(loop,
                      [&](std::exception_ptr, const std::string&) {
                        executor.reset();
                        loop.stop();
                      }),
                   greet, "Ada");
  loop.run();
  EXPECT_EQ(executor, nullptr);
}

#if BOOST_ASIO_VERSION >= 101900

TEST_P(AsioTest, ASlotCancelsWhatIsQueuedAndStopsWhatRuns) {
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  const Counters counters;
  std::exception_ptr errors[3];
  asio::cancellation_signal signals[3];
  for (int i = 0; i < 3; ++i)
    mp::async_submit(executor,
                     asio::bind_cancellation_slot(signals[i].slot(), in(loop, Kept{&errors[i]})),
                     wait_for_second, counters);
  counters.wait_for(1);
  asio::post(loop, [&] {
    signals[0].emit(asio::cancellation_type::total);  // leaves what runs alone
    signals[1].emit(asio::cancellation_type::total);
    signals[2].emit(asio::cancellation_type::partial);
  });
  while (errors[1] == nullptr || errors[2] == nullptr) loop.run_one();
  EXPECT_EQ(errors[0], nullptr);
  signals[0].emit(asio::cancellation_type::terminal);
  loop.run();
  for (const std::exception_ptr& error : errors)
    EXPECT_THROW(std::rethrow_exception(error), mp::CancelledError);
  signals[0].emit(asio::cancellation_type::all);  // comes too late, and does nothing
}

#endif

#ifdef BOOST_ASIO_HAS_CO_AWAIT

TEST_P(AsioTest, ACoroutineGoesOnWithTheResult) {
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  std::string seen;
  const auto talk = [&]() -> asio::awaitable<void> {
    seen = co_await mp::async_submit(executor, greet, "Ada");
    co_await mp::async_submit(executor, {.retries = 1}, [] {});
    try {
      co_await mp::async_submit(executor, greet, "");
    } catch (const std::domain_error& error) {
      seen += error.what();
    }
    executor.shutdown();
    try {
      co_await mp::async_submit(executor, greet, "Eve");
    } catch (const std::runtime_error& error) {
      seen += error.what();
    }
  };
  asio::co_spawn(loop, talk(), asio::detached);
  loop.run();
  EXPECT_THAT(seen, StartsWith("hello Adaa name is missingcannot schedule"));
}

TEST_P(AsioTest, ACoroutineGoesWithItsLoop) {
  const Counters counters;
  const auto owned = std::make_shared<int>(0);
  mp::ProcessPoolExecutor executor(1);
  {
    Loop loop;
    const auto wait = [&](std::shared_ptr<int>) -> asio::awaitable<void> {
      co_await mp::async_submit(executor, wait_for_second, counters);
    };
    asio::co_spawn(loop, wait(owned), asio::detached);
    loop.poll();
    counters.wait_for(1);
    EXPECT_GT(owned.use_count(), 1);
  }
  EXPECT_EQ(owned.use_count(), 1);
  counters.raise(1);
}

#if BOOST_ASIO_VERSION >= 101900

TEST_P(AsioTest, WhicheverIsFirstCancelsTheOther) {
  using namespace asio::experimental::awaitable_operators;
  mp::ProcessPoolExecutor executor(1);
  Loop loop;
  const Counters counters;
  std::size_t first = 9;
  const auto race = [&]() -> asio::awaitable<void> {
    asio::steady_timer timer(loop, 1ms);
    const auto result = co_await (mp::async_submit(executor, wait_for_second, counters) ||
                                  timer.async_wait(asio::use_awaitable));
    first = result.index();
  };
  asio::co_spawn(loop, race(), asio::detached);
  loop.run();
  EXPECT_EQ(first, 1U);
  EXPECT_EQ(mp::async_submit(executor, asio::use_future, greet, "Ada").get(), "hello Ada");
}

#endif
#endif

}  // namespace
}  // namespace futures_test
