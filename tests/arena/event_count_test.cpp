// EventCount: no notification is lost, and no dead process keeps a sleeper asleep.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "arena/event_count.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/base/timeout.hpp"
#include "strict_sleeps.hpp"

namespace {

using namespace arena_test;
using namespace std::chrono_literals;
using mp::detail::Deadline;
using mp::detail::EventCount;
using mp::detail::Wait;
namespace back_off = mp::detail::back_off;

using EventCountTest = ArenaTest;

struct Tokens {
  EventCount put;
  std::atomic<int> left;
};

bool take(Tokens& tokens) {
  int left = tokens.left.load();
  while (left > 0)
    if (tokens.left.compare_exchange_weak(left, left - 1)) return true;
  return false;
}

void wait_for_token(Tokens& tokens) {
  Wait wait{back_off::news, "a token", &tokens.put.looks()};
  for (;;) {
    const std::uint32_t key = tokens.put.key();
    if (take(tokens)) return;
    tokens.put.wait(wait, key, Deadline::never());
  }
}

void put(Tokens& tokens, int count) {
  tokens.left += count;
  tokens.put.notify(count);
}

TEST_F(EventCountTest, ANotificationSinceTheKeyEndsTheWaitAtOnce) {
  EventCount count{};
  Wait wait{back_off::news, "nothing"};
  const std::uint32_t key = count.key();
  count.notify(1);
  count.wait(wait, key, Deadline::never());
  EXPECT_NE(count.key(), key);
}

TEST_F(EventCountTest, AWaitEndsByItsDeadline) {
  EventCount count{};
  const Strict strict;
  Wait wait{back_off::news, "nothing"};
  const auto start = std::chrono::steady_clock::now();
  count.wait(wait, count.key(), Deadline{20ms});
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST_F(EventCountTest, TheObserverIsToldWhoSleepsAndForWhat) {
  Strict strict;
  Tokens tokens{};
  std::thread sleeper{[&] { wait_for_token(tokens); }};
  strict.wait_until_asleep(1);
  EXPECT_STREQ(strict.last.load(), "a token");
  put(tokens, 1);
  sleeper.join();
  EXPECT_EQ(strict.asleep.load(), 0);
}

TEST_F(EventCountTest, OnlyThosePreparedAreNotifiedWhereOthersWouldCost) {
  EventCount count{};
  const std::uint32_t key = count.key();
  count.notify_prepared();
  EXPECT_EQ(count.key(), key);
  EXPECT_EQ(count.prepare(), key);
  count.notify_prepared();
  EXPECT_NE(count.key(), key);
}

TEST_F(EventCountTest, NoTokenIsLeftWhileOneSleepsThatNeverLooksByItself) {
  constexpr int processes = 4;
  constexpr int rounds = 3000;
  const Strict strict;
  const Shared<Tokens> tokens;
  const Shared<std::atomic<int>> taken;
  std::vector<Child> takers;
  for (int i = 0; i < processes; ++i)
    takers.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        wait_for_token(*tokens);
        ++*taken;
      }
      return 0;
    });
  for (int sent = 0; sent < processes * rounds; ++sent) {
    put(*tokens, 1);
    // Now and then all of them are to go to sleep.
    if (sent % 64 == 0)
      while (taken->load() <= sent) std::this_thread::yield();
  }
  for (Child& taker : takers) EXPECT_EQ(taker.join(), 0);
  EXPECT_EQ(tokens->left.load(), 0);
}

TEST_F(EventCountTest, AKillAnywhereInItLeavesNobodyAsleep) {
  for (const std::string point : {"arena.event_count.before_sleep", "arena.event_count.before_wake",
                                  "arena.event_count.marked_awake"}) {
    SCOPED_TRACE(point);
    const Shared<Tokens> tokens;
    std::vector<Child> sleepers;
    for (int i = 0; i < 3; ++i)
      sleepers.emplace_back([&] {
        wait_for_token(*tokens);
        return 0;
      });
    Child killed{[&] {
      mp::detail::arm_fail_point(point);
      if (point == "arena.event_count.before_sleep") wait_for_token(*tokens);
      for (;;) tokens->put.notify_all();  // until all of them sleep, or one does
      return 0;
    }};
    EXPECT_EQ(killed.join(), -SIGKILL);
    put(*tokens, 3);
    for (Child& sleeper : sleepers) EXPECT_EQ(sleeper.join(), 0);
  }
}

}  // namespace
