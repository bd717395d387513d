// Sleepers look by themselves, seldom, for what they may not have been woken for.
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

/// Until a consumer sleeps, or is about to.
void wait_for_a_sleeper(const mp::Queue<int>& queue) {
  while (body_of(queue).get_wanted.load() == 0) std::this_thread::yield();
}

TEST(QueueNapsTest, AMessageWhoseSenderDiesBeforeItWakesIsGotAllTheSame) {
  const test_support::Watchdog allowed{120s};
  const mp::Queue<int> queue;
  Child consumer{[&] { return queue.get(); }};
  wait_for_a_sleeper(queue);
  Child producer{[&] {
    mp::detail::arm_fail_point("queue.put.before_wake");
    queue.put(7);
    return 0;
  }};
  EXPECT_EQ(producer.join_unsettled(), -SIGKILL);
  EXPECT_EQ(consumer.join(), 7);
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
      *wakes += mp::detail::fail_point_passes("queue.wake.counted");
      return 0;
    });
  wait_for_a_sleeper(queue);
  Child producer{[&] {
    mp::detail::arm_fail_point("queue.wake.counted");
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
  wait_for_a_sleeper(queue);
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
