// Failures that no thread has looked at: the log tells of them.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/base/logging.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string>& warnings() {
  static std::vector<std::string> all;
  return all;
}

/// What is logged while it lives; all of it in this thread.
class UnseenTest : public PoolTest {
 protected:
  UnseenTest() {
    warnings() = {};
    mp::get_logger().set_handler(
        [](const mp::LogRecord& record) { warnings().emplace_back(record.text); });
  }
  ~UnseenTest() override {
    mp::get_logger().set_handler(nullptr);
    warnings() = {};
  }
};
FOR_EVERY_START_METHOD(UnseenTest);

int fails(int number) { throw std::domain_error("no " + std::to_string(number)); }
void dies() { raise(SIGKILL); }

TEST_P(UnseenTest, AFailureIsToldOfWhenTheLastResultGoes) {
  mp::Pool pool(1);
  {
    const auto result = pool.apply_async({.retries = 0}, fails, 1);
    const auto copy = result;
    result.wait();
    EXPECT_TRUE(result.ready());
  }
  EXPECT_THAT(warnings(),
              ElementsAre(AllOf(HasSubstr("its result went unseen: std::domain_error: no 1"),
                                HasSubstr("submitted at "), HasSubstr("unseen_test.cpp:"))));
  warnings().clear();
  pool.apply_async(dies).wait();
  EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("was killed by SIGKILL while it had a task"),
                                            HasSubstr("submitted in "))));
  warnings().clear();
  pool.map_async(fails, std::vector{1, 2, 3, 4}, 1).wait();
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no 1"))) << "once for all chunks";
  warnings().clear();
  pool.apply_async({.callback = [](int) {}}, fails, 5).wait();
  pool.close();
  pool.join();
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no 5"))) << "a callback for results alone";
}

TEST_P(UnseenTest, WhatWasSeenIsNotToldOf) {
  mp::Pool pool(1);
  EXPECT_THROW((void)pool.apply_async(fails, 1).get(), std::domain_error);
  const auto asked = [&] {
    const auto result = pool.apply_async(fails, 2);
    result.wait();
    return result.successful();
  };
  EXPECT_FALSE(asked());
  pool.apply_async({.error_callback = [](const std::exception&) {}}, fails, 3).wait();
  EXPECT_EQ(pool.apply_async([](int x) { return x; }, 4).get(), 4);
  pool.apply_async([](int x) { return x; }, 5).wait();
  pool.close();
  pool.join();
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_P(UnseenTest, NeitherIsWhatWasCancelledStoppedOrTerminated) {
  const auto sleeps = [] { std::this_thread::sleep_for(std::chrono::hours{1}); };
  mp::Pool pool(1);
  {
    const auto stopped = pool.apply_async(sleeps);
    const auto cancelled = pool.apply_async(sleeps);
    EXPECT_TRUE(cancelled.cancel());
    EXPECT_TRUE(stopped.stop(std::chrono::milliseconds{1}));
    const auto terminated = pool.apply_async(sleeps);
    pool.terminate();
    pool.join();
    EXPECT_TRUE(terminated.ready());
  }
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_P(UnseenTest, NothingIsToldOfWhereThePoolIsToKeepSilent) {
  mp::Pool pool({.processes = 1, .log_unseen_failures = false});
  pool.apply_async(fails, 1).wait();
  pool.apply_async(dies).wait();
  EXPECT_THAT(warnings(), IsEmpty());
}

}  // namespace
}  // namespace pool_test
