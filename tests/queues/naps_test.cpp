// Sleepers look for what they may not have been woken for: seldom, but at least one of them soon.
#include <signal.h>

#include <atomic>
#include <thread>
#include <vector>

#include "arena/children.hpp"
#include "base/fail_point.hpp"
#include "queue_suite.hpp"
#include "queues/body.hpp"
#include "support/watchdog.hpp"

namespace queues_test {
namespace {

using arena_test::Child;

const mp::detail::QueueBody& body_of(const mp::Queue<int>& queue) {
  static_assert(sizeof(queue) == sizeof(mp::detail::QueueCore));
  return *reinterpret_cast<const mp::detail::QueueCore&>(queue)
              .handle()
              .as<mp::detail::QueueBody>();
}

/// Until a consumer has slept so often that it looks out for the others.
void wait_for_a_lookout(const mp::Queue<int>& queue) {
  while (body_of(queue).tail.lookout_until.load() == 0) std::this_thread::yield();
}

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
  // Three short ones and a long one each, and what the lookouts add; nine if each of them looked
  // once a second. Lookouts that wake very late may have successors: there is room for four of
  // them.
  EXPECT_LE(naps->of_consumers, 6U * each_side);
  EXPECT_LE(naps->of_producers, 6U * each_side);
}

TEST(QueueNapsTest, ALostWakeIsFoundByTheLastSleeperWhenAllOthersAreKilled) {
  const test_support::Watchdog allowed{120s};
  const mp::Queue<int> queue;
  std::vector<Child> consumers;
  for (int i = 0; i < 4; ++i) consumers.emplace_back([&] { return queue.get(); });
  wait_for_a_lookout(queue);
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

TEST(QueueNapsTest, WhoFindsAMessageByItselfHasTheOthersWoken) {
  const test_support::Watchdog allowed{120s};
  const std::vector<int> messages{1, 2, 3, 4, 5};
  const mp::Queue<int> queue;
  const arena_test::Shared<std::atomic<unsigned>> wakes;
  std::vector<Child> consumers;
  for (std::size_t i = 0; i < messages.size(); ++i)
    consumers.emplace_back([&] {
      mp::detail::count_fail_points(true);
      (void)queue.get();
      *wakes += mp::detail::fail_point_passes("queue.wake.cleared");
      return 0;
    });
  wait_for_a_lookout(queue);
  Child producer{[&] {
    mp::detail::arm_fail_point("queue.wake.cleared");
    queue.put_range(messages);
    return 0;
  }};
  EXPECT_EQ(producer.join_unsettled(), -SIGKILL);
  for (Child& each : consumers) EXPECT_EQ(each.join(), 0);
  EXPECT_GT(*wakes, 0U);
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
  wait_for_a_lookout(queue);
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
