// Tasks that are tried again when their worker has died.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool_suite.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

class ApplyRetryTest : public PoolTest {};
FOR_EVERY_START_METHOD(ApplyRetryTest);

/// Dies as often as it is told.
std::string dies_at_first(const Counters& counters, unsigned times, std::size_t size) {
  if (counters.raise() < times) raise(SIGKILL);
  return std::string(size, 'x');
}

TEST_P(ApplyRetryTest, ATaskIsTriedAgainAsOftenAsWasSaid) {
  mp::Pool pool(2);
  for (const std::size_t size : {std::size_t{10}, std::size_t{10'000}}) {
    const Counters counters;
    EXPECT_EQ(pool.apply_async({.retries = 2}, dies_at_first, counters, 2U, size).get(),
              std::string(size, 'x'));
    EXPECT_EQ(counters[0], 3U);
    const Counters too_often;
    EXPECT_THROW((void)pool.apply_async({.retries = 2}, dies_at_first, too_often, 3U, size).get(),
                 mp::WorkerDied);
    EXPECT_EQ(too_often[0], 3U);
  }
  EXPECT_THROW((void)pool.apply_async({.retries = -1}, [] {}), mp::ValueError);
}

TEST_P(ApplyRetryTest, ADeathNamesThePlaceOfTheOptions) {
  mp::Pool pool(1);
  const auto dies = [] { raise(SIGKILL); };
  const auto lost = [](const mp::AsyncResult<void>& result) -> std::string {
    try {
      result.get();
    } catch (const mp::WorkerDied& death) {
      return death.what();
    }
    return {};
  };
  const unsigned line = __LINE__ + 1;
  const std::string named = lost(pool.apply_async({.retries = 0}, dies));
  EXPECT_THAT(named, testing::HasSubstr("apply_retry_test.cpp:" + std::to_string(line)));
  EXPECT_THAT(lost(pool.apply_async(dies)), testing::Not(testing::HasSubstr("submitted at")));
  const mp::SubmitOptions elsewhere{.where = {"there.cpp", 7}};
  EXPECT_THAT(lost(pool.apply_async({.where = elsewhere.where}, dies)),
              testing::HasSubstr("a task, submitted at there.cpp:7"));
}

[[gnu::noinline]] mp::AsyncResult<void> submitted_here(mp::Pool& pool) {
  return pool.apply_async([] { raise(SIGKILL); });
}

TEST_P(ApplyRetryTest, ADeathNamesTheAddressOfTheCallWithoutOptions) {
  mp::Pool pool(1);
  std::string told;
  try {
    submitted_here(pool).get();
  } catch (const mp::WorkerDied& death) {
    told = death.what();
  }
  Dl_info program{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&submitted_here), &program), 0);
  const auto function = reinterpret_cast<std::uintptr_t>(&submitted_here);
  const std::size_t plus = told.find('+');
  ASSERT_NE(plus, told.npos) << told;
  EXPECT_THAT(told, testing::HasSubstr(" while it had a task, submitted in "));
  std::uintptr_t offset = std::stoul(told.substr(plus + 1), nullptr, 16);
  if (program.dli_sname == nullptr)  // from the program's beginning, as the linker knows it
    offset -= function - reinterpret_cast<std::uintptr_t>(program.dli_fbase);
  EXPECT_LT(offset, 1024U) << told;
  try {
    pool.apply([] { raise(SIGKILL); });
    FAIL() << "its worker died";
  } catch (const mp::WorkerDied& death) {
    EXPECT_THAT(death.what(), testing::HasSubstr("submitted in "));
    EXPECT_THAT(death.what(), testing::Not(testing::HasSubstr("Pool::apply")));
  }
}

TEST_P(ApplyRetryTest, AnExceptionIsNoReasonToTryAgain) {
  mp::Pool pool(1);
  const Counters counters;
  const auto throws = [](const Counters& c) {
    c.raise();
    throw std::domain_error("once");
  };
  EXPECT_THROW(pool.apply_async({.retries = 5}, throws, counters).get(), std::domain_error);
  EXPECT_EQ(counters[0], 1U);
}

TEST_P(ApplyRetryTest, ACallbackIsCalledOnceHoweverOftenATaskIsTried) {
  mp::Pool pool(2);
  const Counters counters;
  int calls = 0;
  const auto count = [&](const auto&) { ++calls; };
  pool.apply_async({.callback = count, .error_callback = count, .retries = 3}, dies_at_first,
                   counters, 3U, std::size_t{10})
      .wait();
  EXPECT_EQ(calls, 1);
}

std::string text_of(int x) { return std::string(static_cast<std::size_t>(x) * 20, 'x'); }

TEST_P(ApplyRetryTest, NothingIsLostWhereverAWorkerIsKilledWhenAnotherMayTry) {
  const test_support::Watchdog longer(std::chrono::seconds(120));
  mp::Pool warm(2);
  EXPECT_EQ(warm.apply(text_of, 1).size(), 20U);
  const InUse before = in_use();
  for (const char* point :
       {"pool.task.claimed", "pool.task.before_give", "pool.task.given", "pool.task.before_end",
        "pool.task.cleaned", "pool.task.ended", "pool.task.listed"}) {
    SCOPED_TRACE(point);
    const Counters armed;
    mp::Pool pool(2, arm_first, armed, std::string(point), 2U);
    do {
      std::vector<mp::AsyncResult<std::string>> results;
      std::vector<int> told(20);
      for (int i = 0; i < 20; ++i) {
        const auto count = [&told, i](const auto&) { ++told[static_cast<std::size_t>(i)]; };
        results.push_back(pool.apply_async({.callback = count, .retries = 1}, text_of, i));
        results.push_back(pool.apply_async({.retries = 1}, text_of, i));
        (void)pool.apply_async({.retries = 1}, text_of, i);
      }
      for (int i = 0; i < 40; ++i)
        EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), text_of(i / 2));
      EXPECT_EQ(told, std::vector<int>(20, 1));
    } while (armed[0] <= 2);
  }
  wait_until([&] { return in_use() == before; });
}

}  // namespace
}  // namespace pool_test
