// Tokens of a pool: who has them, who waits for them, and that they come back.
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class TokensTest : public PoolTest {};
FOR_EVERY_START_METHOD(TokensTest);

enum : std::size_t { begun, gate, inside, most, noted };

int square(int x) { return x * x; }

void wait_at_gate(const Counters& counters) {
  counters.raise(begun);
  counters.wait_for(1, gate);
}

/// Notes how many of these ran at once, each counted `weight` times.
void use(const Counters& counters, std::uint32_t weight) {
  const std::uint32_t now = counters[inside].fetch_add(weight) + weight;
  std::uint32_t seen = counters[most];
  while (seen < now && !counters[most].compare_exchange_weak(seen, now)) {
  }
  for (int i = 0; i < 3; ++i) sched_yield();
  counters[inside] -= weight;
}

TEST_P(TokensTest, TasksThatNeedTheOneTokenNeverOverlap) {
  mp::Pool pool({.processes = 3, .tokens = {{"gpu", 1}}});
  const Counters counters;
  std::vector<mp::AsyncResult<void>> uses;
  std::vector<mp::AsyncResult<int>> others;
  for (int i = 0; i < 15; ++i) {
    uses.push_back(pool.apply_async({.tokens = {{"gpu", 1}}}, use, counters, 1U));
    others.push_back(pool.apply_async(square, i));
  }
  for (const auto& result : uses) result.get();
  for (int i = 0; i < 15; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(), i * i);
  EXPECT_EQ(counters[most], 1U);
}

TEST_P(TokensTest, TheyNeverOverlapInWorkersThatCameLaterEither) {
  mp::Pool pool({.processes = 1, .tokens = {{"gpu", 1}}});
  pool.resize(4);
  wait_until([&] { return pool.workers().size() == 4; });
  const Counters counters;
  std::vector<mp::AsyncResult<void>> uses;
  for (int i = 0; i < 30; ++i)
    uses.push_back(pool.apply_async({.tokens = {{"gpu", 1}}}, use, counters, 1U));
  for (const auto& result : uses) result.get();
  EXPECT_EQ(counters[most], 1U);
}

TEST_P(TokensTest, ADepletedTokenHoldsUpOnlyTasksThatNeedIt) {
  mp::Pool pool({.processes = 2, .tokens = {{"disk", 5}, {"gpu", 1}}});
  const Counters counters;
  const auto first = pool.apply_async({.tokens = {{"gpu", 1}}}, wait_at_gate, counters);
  counters.wait_for(1, begun);
  const auto held_up = pool.apply_async({.priority = 9, .tokens = {{"gpu", 1}}}, square, 3);
  EXPECT_EQ(pool.apply(square, 4), 16);
  EXPECT_EQ(pool.apply_async({.tokens = {{"disk", 5}}}, square, 5).get(), 25);
  EXPECT_EQ(pool.map(square, {6, 7}), (std::vector<int>{36, 49}));
  EXPECT_FALSE(first.ready());
  EXPECT_FALSE(held_up.ready());
  counters.raise(gate);
  EXPECT_EQ(held_up.get(), 9);
}

TEST_P(TokensTest, TasksThatAreHeldUpStartNoWorkers) {
  mp::Pool pool({.processes = 3, .idle_timeout = 20ms, .tokens = {{"gpu", 1}}});
  const Counters counters;
  const auto first = pool.apply_async({.tokens = {{"gpu", 1}}}, wait_at_gate, counters);
  counters.wait_for(1, begun);
  std::vector<mp::AsyncResult<int>> held_up;
  constexpr int rounds = 10;
  int last = 0;
  for (int i = 0; i < rounds; ++i) {
    held_up.push_back(pool.apply_async({.tokens = {{"gpu", 1}}}, square, i));
    wait_until([&] { return pool.workers().size() == 1; });
    const std::string name = pool.apply([] { return mp::current_process().name(); });
    last = std::stoi(name.substr(name.rfind('-') + 1));
  }
  // Three at first, and one for each task that may run; or two, where one comes late.
  EXPECT_LE(last, 3 + rounds + 3);
  pool.close();
  counters.raise(gate);
  for (int i = 0; i < rounds; ++i) EXPECT_EQ(held_up[static_cast<std::size_t>(i)].get(), i * i);
  pool.join();
}

TEST_P(TokensTest, SeveralTokensAreTakenTogether) {
  mp::Pool pool({.processes = 4, .tokens = {{"gpu", 2}, {"memory", 64'000}}});
  const Counters counters;
  std::vector<mp::AsyncResult<void>> uses;
  for (std::uint32_t i = 0; i < 15; ++i) {
    const int weight = 10'000 + 20'000 * static_cast<int>(i % 3);
    uses.push_back(pool.apply_async({.tokens = {{"gpu", 1}, {"memory", weight}}}, use, counters,
                                    static_cast<std::uint32_t>(weight)));
  }
  for (const auto& result : uses) result.get();
  EXPECT_LE(counters[most], 64'000U);
}

TEST_P(TokensTest, WhatAPoolNeverHasIsRefused) {
  EXPECT_THROW(mp::Pool({.processes = 1, .tokens = {{"gpu", 0}}}), mp::ValueError);
  mp::Pool pool({.processes = 1, .tokens = {{"gpu", 2}}});
  const auto refused = [&](const std::map<std::string, int>& tokens) -> std::string {
    try {
      (void)pool.apply_async({.tokens = tokens}, square, 1);
    } catch (const mp::ValueError& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_THAT(refused({{"tpu", 1}}), testing::HasSubstr("no token \"tpu\": it has 2 of \"gpu\""));
  EXPECT_THAT(refused({{"gpu", 3}}), testing::HasSubstr("cannot have 3"));
  EXPECT_THAT(refused({{"gpu", 0}}), testing::HasSubstr("cannot have 0"));
  EXPECT_EQ(refused({{"gpu", 2}}), "");
  mp::Pool without(1);
  EXPECT_THROW((void)without.apply_async({.tokens = {{"gpu", 1}}}, square, 1), mp::ValueError);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(TokensTest, PrioritiesHoldAmongThoseThatWaitForAToken) {
  mp::Pool pool({.processes = 2, .tokens = {{"gpu", 1}}});
  const Counters counters;
  (void)pool.apply_async({.tokens = {{"gpu", 1}}}, wait_at_gate, counters);
  counters.wait_for(1, begun);
  const auto note = [](const Counters& c, std::uint32_t number) {
    c[noted + 1 + c[noted]++] = number;
  };
  for (const int priority : {0, 2, 1, 2})
    (void)pool.apply_async({.priority = priority, .tokens = {{"gpu", 1}}}, note, counters,
                           static_cast<std::uint32_t>(priority));
  counters.raise(gate);
  pool.close();  // also what is held up is done first
  pool.join();
  std::vector<std::uint32_t> order;
  for (std::size_t i = 1; i <= counters[noted]; ++i) order.push_back(counters[noted + i]);
  EXPECT_EQ(order, (std::vector<std::uint32_t>{2, 2, 1, 0}));
}

TEST_P(TokensTest, AWorkerThatIsReplacedLeavesItsTokens) {
  mp::Pool pool({.processes = 2, .maxtasksperchild = 1, .tokens = {{"gpu", 1}}});
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(pool.apply_async({.tokens = {{"gpu", 1}}}, square, i).get(), i * i);
}

TEST_P(TokensTest, TokensOfAWorkerThatDiedComeBack) {
  mp::Pool pool({.processes = 2, .tokens = {{"gpu", 2}}});
  const auto dies = [] { raise(SIGKILL); };
  for (int i = 0; i < 3; ++i) {
    const auto lost = pool.apply_async({.tokens = {{"gpu", 2}}}, dies);
    EXPECT_EQ(pool.apply_async({.tokens = {{"gpu", 2}}}, square, 3).get(), 9);
    EXPECT_THROW(lost.get(), mp::WorkerDied);
  }
}

TEST_P(TokensTest, ADeathAtAnyPointKeepsNoToken) {
  for (const char* point :
       {"pool.task.named", "pool.token.taken", "pool.task.claimed", "pool.task.before_end",
        "pool.task.ended", "pool.token.given_back", "arena.lock.taken"}) {
    SCOPED_TRACE(point);
    const Counters counters;
    mp::Pool pool({.processes = 2, .tokens = {{"disk", 3}, {"gpu", 1}}}, arm_first, counters,
                  std::string(point), 3U);
    std::vector<mp::AsyncResult<int>> results;
    for (int i = 0; i < 20; ++i)
      results.push_back(
          pool.apply_async({.retries = 2, .tokens = {{"disk", 2}, {"gpu", 1}}}, square, i));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
    EXPECT_EQ(pool.apply_async({.tokens = {{"disk", 3}, {"gpu", 1}}}, square, 2).get(), 4);
  }
}

}  // namespace
}  // namespace pool_test
