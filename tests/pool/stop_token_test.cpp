// Tasks that take a StopToken, and what this_task says.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class StopTokenTest : public PoolTest {};
FOR_EVERY_START_METHOD(StopTokenTest);

int with_token(mp::StopToken stop, int x, const std::string& text) {
  if (!stop.stop_possible() || stop.stop_requested()) return -1;
  return x + static_cast<int>(text.size());
}

struct Either {
  int operator()(int x) const { return x; }
  int operator()(mp::StopToken, int x) const { return -x; }
};

TEST(StopTokenTypes, ATaskMayTakeATokenBeforeItsArguments) {
  static_assert(mp::task_callable<decltype(with_token), int, const char*>);
  static_assert(std::is_same_v<mp::task_result<decltype(with_token), int, const char*>, int>);
  static_assert(!mp::task_callable<decltype(with_token), int>);
  static_assert(!mp::detail::sendable<mp::StopToken>(), "it is of this process");
}

TEST(StopTokenTypes, NothingIsAskedToStopWhereNoTaskRuns) {
  EXPECT_FALSE(mp::this_task::stop_requested());
  EXPECT_FALSE(mp::this_task::stop_token().stop_possible());
  EXPECT_FALSE(mp::StopToken().stop_requested());
}

TEST(StopTokenTypes, ARequestIsForOneNameOrForEverything) {
  mp::detail::StopWord word{};
  const mp::StopToken first{word, 1};
  const mp::StopToken second{word, 2};
  EXPECT_TRUE(first.stop_possible());
  EXPECT_FALSE(first.stop_requested());
  word.ask(1);
  EXPECT_TRUE(first.stop_requested());
  EXPECT_FALSE(second.stop_requested());
  word.ask(2);
  EXPECT_TRUE(second.stop_requested());
  word.ask_everything();
  word.ask(2);
  EXPECT_TRUE(first.stop_requested());
  EXPECT_TRUE(second.stop_requested());
}

TEST_P(StopTokenTest, ATaskIsGivenATokenWhereItTakesOne) {
  mp::Pool pool(1);
  EXPECT_EQ(pool.apply(with_token, 40, "ab"), 42);
  EXPECT_EQ(pool.apply_async({.retries = 1}, with_token, 40, "ab").get(), 42);
  EXPECT_EQ(pool.apply(Either{}, 3), 3) << "where both can be called the arguments alone are given";
  const auto own = [](mp::StopToken stop) { return stop.stop_possible(); };
  EXPECT_TRUE(pool.apply(own));
}

}  // namespace
}  // namespace pool_test
