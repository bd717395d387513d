// Every wake reaches a thread that sleeps: where MULTIPROCESSING_TEST_LOST_WAKES is set, nothing
// else ends these waits.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "multiprocessing/queues.hpp"
#include "support/woken.hpp"

namespace {

namespace mp = multiprocessing;
using test_support::expect_woken;
using test_support::Sleeper;

TEST(LostWakesTest, APutWakesAThreadThatGets) {
  const mp::Queue<int> flat;
  expect_woken([&] { EXPECT_EQ(flat.get(), 7); }, [&] { flat.put(7); });
  const mp::Queue<std::string> encoded;
  expect_woken([&] { EXPECT_EQ(encoded.get(), "seven"); }, [&] { encoded.put("seven"); });
}

TEST(LostWakesTest, AGetThatMakesRoomWakesAThreadThatPuts) {
  const mp::Queue<int> queue{1};
  queue.put(1);
  expect_woken([&] { queue.put(2); }, [&] { EXPECT_EQ(queue.get(), 1); });
}

TEST(LostWakesTest, RoomForSeveralMessagesWakesAllThatPut) {
  const mp::Queue<int> queue{3};
  queue.put_range({1, 2, 3});
  test_support::wait_until_strict();
  const Sleeper first{[&] { queue.put(4); }};
  const Sleeper second{[&] { queue.put(5); }};
  const Sleeper third{[&] { queue.put(6); }};
  EXPECT_EQ(queue.get_many(3), (std::vector{1, 2, 3}));
}

TEST(LostWakesTest, TheLastTaskDoneWakesAThreadThatJoinsTheQueue) {
  const mp::JoinableQueue<int> queue;
  queue.put(1);
  EXPECT_EQ(queue.get(), 1);
  expect_woken([&] { queue.join(); }, [&] { queue.task_done(); });
}

TEST(LostWakesTest, ShutdownWakesAllThatWaitForTheQueue) {
  const mp::Queue<int> queue;
  expect_woken([&] { EXPECT_THROW((void)queue.get(), mp::ShutDown); }, [&] { queue.shutdown(); });
}

TEST(LostWakesTest, ShutdownWakesAThreadThatWaitsForRoom) {
  const mp::Queue<int> queue{1};
  queue.put(1);
  expect_woken([&] { EXPECT_THROW(queue.put(2), mp::ShutDown); }, [&] { queue.shutdown(); });
}

TEST(LostWakesTest, AnImmediateShutdownWakesAThreadThatJoinsTheQueue) {
  const mp::JoinableQueue<int> queue;
  queue.put(1);
  expect_woken([&] { queue.join(); }, [&] { queue.shutdown({.immediate = true}); });
}

TEST(LostWakesTest, MessagesPutAtOnceWakeAllThatGet) {
  const mp::Queue<int> queue;
  test_support::wait_until_strict();
  const Sleeper first{[&] { (void)queue.get(); }};
  const Sleeper second{[&] { (void)queue.get(); }};
  const Sleeper third{[&] { (void)queue.get(); }};
  queue.put_range({1, 2, 3});
}

}  // namespace
