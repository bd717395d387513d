// Sleepers look for what they may not have been woken for: seldom, but at least one of them soon.
#include <signal.h>

#include <atomic>
#include <thread>
#include <vector>

#include "arena/children.hpp"
#include "base/fail_point.hpp"
#include "queue_suite.hpp"
#include "support/watchdog.hpp"

namespace queues_test {
namespace {

using arena_test::Child;

/// Until their naps are long; if they are not yet, a test shows less and does not fail.
void let_them_sleep() { std::this_thread::sleep_for(1500ms); }

/// Children that count how often they go to sleep in it.
template <class Wait>
std::vector<Child> sleepers(int count, std::atomic<unsigned>& naps, Wait wait) {
  std::vector<Child> children;
  for (int i = 0; i < count; ++i)
    children.emplace_back([&] {
      mp::detail::count_fail_points(true);
      wait();
      naps += mp::detail::fail_point_passes("queue.wait.before_sleep");
      return 0;
    });
  return children;
}

TEST(QueueNapsTest, OneOfManyConsumersOrProducersLooksOutForTheOthers) {
  const test_support::Watchdog allowed{120s};
  constexpr int each_side = 10;
  const mp::Queue<int> empty;
  const mp::Queue<int> full(1);
  full.put(1);
  struct Naps {
    std::atomic<unsigned> of_consumers;
    std::atomic<unsigned> of_producers;
  };
  const arena_test::Shared<Naps> naps;
  auto consumers =
      sleepers(each_side, naps->of_consumers, [&] { EXPECT_EQ(empty.try_get(6s), std::nullopt); });
  auto producers =
      sleepers(each_side, naps->of_producers, [&] { EXPECT_FALSE(full.try_put(2, 6s)); });
  for (Child& each : consumers) EXPECT_EQ(each.join(), 0);
  for (Child& each : producers) EXPECT_EQ(each.join(), 0);
  // Three short ones and a long one each; nine if each of them looked once a second.
  EXPECT_LE(naps->of_consumers, 6U * each_side);
  EXPECT_LE(naps->of_producers, 6U * each_side);
}

TEST(QueueNapsTest, ALostWakeIsFoundByTheLastSleeperWhenAllOthersAreKilled) {
  const test_support::Watchdog allowed{120s};
  const mp::Queue<int> queue;
  std::vector<Child> consumers;
  for (int i = 0; i < 4; ++i) consumers.emplace_back([&] { return queue.get(); });
  let_them_sleep();
  // The first of them was the first to say that it looks out.
  for (std::size_t i = 0; i + 1 < consumers.size(); ++i) consumers[i].kill();
  Child producer{[&] {
    mp::detail::arm_fail_point("queue.put.before_wake");
    queue.put(7);
    return 0;
  }};
  EXPECT_EQ(producer.join_unsettled(), -SIGKILL);
  EXPECT_EQ(consumers.back().join(), 7);
}

TEST(QueueNapsTest, AShutdownThatDiesBeforeItWakesAnybodyEndsAllSleepers) {
  const test_support::Watchdog allowed{120s};
  const mp::Queue<int> queue;
  std::vector<Child> consumers;
  for (int i = 0; i < 4; ++i)
    consumers.emplace_back([&] {
      EXPECT_THROW(queue.get(), mp::ShutDown);
      return 0;
    });
  let_them_sleep();
  Child killed{[&] {
    mp::detail::arm_fail_point("arena.lock.after_release");
    queue.shutdown();
    return 0;
  }};
  EXPECT_EQ(killed.join_unsettled(), -SIGKILL);
  for (Child& each : consumers) EXPECT_EQ(each.join(), 0);
}

}  // namespace
}  // namespace queues_test
