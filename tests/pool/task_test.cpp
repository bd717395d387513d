// Records and orders of tasks by themselves: what one compare-and-swap decides, and what wraps.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "arena/message_handles.hpp"
#include "pool/task_order.hpp"
#include "pool/task_record.hpp"
#include "support/asked.hpp"

namespace {

using multiprocessing::detail::claim;
using multiprocessing::detail::end_if;
using multiprocessing::detail::Handle;
using multiprocessing::detail::OrderSide;
using multiprocessing::detail::TaskName;
using multiprocessing::detail::TaskOrder;
using multiprocessing::detail::TaskRecord;
using multiprocessing::detail::TaskWord;

// The largest that a member's name can be, and one that differs from it in its highest bit alone.
constexpr std::uint32_t one_worker = TaskWord::worker(0xffff'fffe);
constexpr std::uint32_t other_worker = TaskWord::worker(0x7fff'fffe);

struct QueuedTask {
  explicit QueuedTask(std::uint32_t use) { record.word = TaskWord(use, TaskWord::queued).bits(); }
  TaskRecord record{};
};

TEST(TaskTest, AWordKeepsUseStateAndMarksApart) {
  for (const std::uint32_t use : {1U, 2U, TaskWord::last_use}) {
    for (const std::uint32_t state : {std::uint32_t{TaskWord::queued}, one_worker, other_worker}) {
      const TaskWord word = TaskWord{use, TaskWord::free}.marked(TaskWord::dropped);
      EXPECT_EQ(word.with_state(state).use(), use);
      EXPECT_EQ(word.with_state(state).state(), state);
      EXPECT_TRUE(word.with_state(state).is(TaskWord::dropped));
      EXPECT_FALSE(word.with_state(state).is(TaskWord::waiting));
      EXPECT_EQ(word.with_state(state).runs(), state != TaskWord::queued);
    }
  }
}

TEST(TaskTest, EveryEndShowsInTheHalfOfTheWordThatSleepersWatch) {
  for (const std::uint32_t state : {std::uint32_t{TaskWord::queued}, one_worker, other_worker}) {
    const TaskWord slept_on =
        TaskWord{7, TaskWord::free}.with_state(state).marked(TaskWord::waiting);
    for (const auto end :
         {TaskWord::done, TaskWord::threw, TaskWord::lost, TaskWord::cancelled, TaskWord::refused})
      EXPECT_NE(static_cast<std::uint32_t>(slept_on.ended_as(end).bits()),
                static_cast<std::uint32_t>(slept_on.bits()));
  }
}

TEST(TaskTest, UsesGoOnAfterTheLastAndAreNeverZero) {
  EXPECT_EQ(TaskWord(TaskWord::last_use - 1, TaskWord::free).next_use(), TaskWord::last_use);
  EXPECT_EQ(TaskWord(TaskWord::last_use, TaskWord::free).next_use(), 1U);
  EXPECT_EQ(TaskWord(0, TaskWord::free).next_use(), 1U);
  EXPECT_TRUE(TaskName(0, 1)) << "so every name is one";
}

TEST(TaskTest, ATaskIsClaimedOnceAndByItsNameAlone) {
  QueuedTask task{5};
  EXPECT_FALSE(claim(task.record, TaskName(0, 4), one_worker)) << "queued anew since";
  EXPECT_TRUE(claim(task.record, TaskName(0, 5), one_worker));
  EXPECT_FALSE(claim(task.record, TaskName(0, 5), other_worker));
  EXPECT_EQ(task.record.look().state(), one_worker);
}

TEST(TaskTest, AnEntryOfAnEarlierUseClaimsNothingWhereUsesWrap) {
  QueuedTask task{TaskWord::last_use};
  const TaskName old(0, TaskWord::last_use);
  ASSERT_TRUE(claim(task.record, old, one_worker));
  ASSERT_NE(end_if(task.record, one_worker, TaskWord::done), 0U);
  task.record.word = TaskWord(task.record.look().next_use(), TaskWord::queued).bits();
  EXPECT_FALSE(claim(task.record, old, other_worker));
  EXPECT_TRUE(claim(task.record, TaskName(0, 1), other_worker));
}

TEST(TaskTest, MarksOutliveAClaim) {
  QueuedTask task{1};
  task.record.word = TaskWord(1, TaskWord::queued, TaskWord::dropped | TaskWord::waiting).bits();
  EXPECT_TRUE(claim(task.record, TaskName(0, 1), one_worker));
  EXPECT_TRUE(task.record.look().is(TaskWord::dropped));
  const TaskWord before{end_if(task.record, one_worker, TaskWord::done)};
  EXPECT_TRUE(before.is(TaskWord::waiting)) << "the thread is to be woken";
  EXPECT_FALSE(task.record.look().is(TaskWord::waiting));
}

TEST(TaskTest, OfACancelAndAClaimAtOnceOneWins) {
  const int rounds = test_support::asked("MULTIPROCESSING_TEST_CLAIMS", 300);
  for (int round = 0; round < rounds; ++round) {
    QueuedTask task{1};
    std::atomic<int> ready{0};
    bool cancelled = false;
    std::thread canceller{[&] {
      for (++ready; ready < 2;) {
      }
      cancelled = end_if(task.record, TaskWord::queued, TaskWord::cancelled) != 0;
    }};
    for (++ready; ready < 2;) {
    }
    const bool claimed = claim(task.record, TaskName(0, 1), one_worker);
    canceller.join();
    ASSERT_NE(claimed, cancelled);
  }
}

TEST(TaskTest, OfAnEndAndALossOneDecides) {
  QueuedTask task{1};
  ASSERT_TRUE(claim(task.record, TaskName(0, 1), one_worker));
  ASSERT_NE(end_if(task.record, one_worker, TaskWord::lost), 0U);
  EXPECT_EQ(end_if(task.record, one_worker, TaskWord::done), 0U) << "a late end";
  EXPECT_EQ(task.record.look().state(), std::uint32_t{TaskWord::lost});
}

// ---- orders

/// An order, with the pool's side and those of workers.
class Order {
 public:
  [[nodiscard]] std::unique_ptr<OrderSide> side() const {
    return std::make_unique<OrderSide>(*object_.as<TaskOrder>(), links_of(object_));
  }
  [[nodiscard]] std::uint32_t rings() const { return object_.as<TaskOrder>()->rings; }

 private:
  Handle object_ = Handle::make(sizeof(TaskOrder), multiprocessing::detail::rings_per_order);
};

TEST(TaskOrderTest, EntriesComeInTheirOrderThroughRingsThatAreChained) {
  const Order order;
  const auto pool = order.side();
  const auto worker = order.side();
  EXPECT_FALSE(worker->front());
  std::uint32_t taken = 0;
  std::uint32_t pushed = 0;
  // More come than go, so that the rings fill up with entries that begin anywhere in them.
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 7; ++i) pool->push(TaskName(pushed++, 1), 4);
    for (int i = 0; i < 3; ++i) {
      const auto front = worker->front();
      ASSERT_TRUE(front);
      ASSERT_EQ(front->name, TaskName(taken++, 1));
      ASSERT_TRUE(OrderSide::take(*front));
    }
  }
  EXPECT_GE(order.rings(), 4U);
  const auto late = order.side();  // of a worker that replaces another
  while (const auto front = late->front()) {
    ASSERT_EQ(front->name, TaskName(taken++, 1));
    ASSERT_TRUE(OrderSide::take(*front));
  }
  EXPECT_EQ(taken, pushed);
  EXPECT_FALSE(worker->front());
}

TEST(TaskOrderTest, ARingIsUsedAgainWithoutAnotherOne) {
  const Order order;
  const auto pool = order.side();
  const auto worker = order.side();
  for (std::uint32_t i = 0; i < 100; ++i) {
    pool->push(TaskName(i, 1), 4);
    const auto front = worker->front();
    ASSERT_TRUE(front && OrderSide::take(*front));
    ASSERT_EQ(front->name, TaskName(i, 1));
  }
  EXPECT_EQ(order.rings(), 1U);
}

TEST(TaskOrderTest, AnEntryIsTakenByOneWorkerAlone) {
  const Order order;
  constexpr std::uint32_t entries = 20'000;
  std::array<std::vector<std::uint32_t>, 3> taken;
  std::atomic<bool> all_pushed{false};
  {
    std::vector<std::jthread> workers;
    for (auto& mine : taken) {
      workers.emplace_back([&] {
        const auto side = order.side();
        for (;;) {
          const bool last = all_pushed;
          const auto front = side->front();
          if (!front && last) return;
          if (front && OrderSide::take(*front)) mine.push_back(front->name.record());
        }
      });
    }
    const auto pool = order.side();
    for (std::uint32_t i = 0; i < entries; ++i) pool->push(TaskName(i, 1), 16);
    all_pushed = true;
  }
  std::set<std::uint32_t> all;
  std::size_t count = 0;
  for (const auto& mine : taken) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
    count += mine.size();
  }
  EXPECT_EQ(count, entries);
  EXPECT_EQ(all.size(), entries);
}

}  // namespace
