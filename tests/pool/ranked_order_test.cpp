// The list of tasks with a rank by itself: the pool's side and those of workers.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "arena/message_handles.hpp"
#include "pool/ranked_order.hpp"

namespace {

using multiprocessing::detail::Handle;
using multiprocessing::detail::ranked_blocks;
using multiprocessing::detail::RankedEntries;
using multiprocessing::detail::RankedOrder;
using multiprocessing::detail::RankedReader;
using multiprocessing::detail::RankedWriter;
using multiprocessing::detail::TaskName;
using multiprocessing::detail::TokenNeeds;
using multiprocessing::detail::Turn;

constexpr std::uint32_t most_tasks = 1U << 20;

/// A list, and which tasks are queued: here a task is only its number. Each needs as many tokens as
/// its number says, and has its number for a serial.
class Ranked {
 public:
  [[nodiscard]] bool is_queued(TaskName name) const { return queued_[name.record()] != 0; }

  void push(int priority) {
    const std::uint32_t task = pushed_++;
    queued_[task] = 1;
    writer_.push(TaskName(task, 1), {priority, task}, {task});
  }
  /// Of two workers one has it.
  [[nodiscard]] bool take(TaskName name) { return queued_[name.record()].exchange(0) != 0; }
  [[nodiscard]] bool any_queued() { return writer_.any_queued(); }
  [[nodiscard]] std::uint32_t pushed() const { return pushed_; }
  [[nodiscard]] std::unique_ptr<RankedReader> reader() const {
    return std::make_unique<RankedReader>(order(), entries());
  }

 private:
  [[nodiscard]] RankedOrder& order() const { return *object_.as<RankedOrder>(); }
  [[nodiscard]] RankedEntries entries() const { return {links_of(object_), 1}; }

  const Handle object_ = Handle::make(sizeof(RankedOrder), ranked_blocks);
  std::vector<std::atomic<char>> queued_ = std::vector<std::atomic<char>>(most_tasks);
  std::uint32_t pushed_ = 0;
  RankedWriter writer_{order(), entries(), [this](TaskName name) { return is_queued(name); }};
};

TEST(RankedOrderTest, AWalkPastManyThatAreHeldUpEndsThoughOthersArePushedAtEachStep) {
  constexpr int held_up = 1000;
  Ranked ranked;
  for (int i = 0; i < held_up; ++i) ranked.push(0);
  const auto reader = ranked.reader();
  int steps = 0;
  const auto may_run = [&](const TokenNeeds& needs) {
    if (++steps > 10 * held_up) throw std::runtime_error("the walk begins anew and anew");
    ranked.push(1);  // before all that are held up, and taken at once
    EXPECT_TRUE(ranked.take(TaskName(ranked.pushed() - 1, 1)));
    return needs[0] == held_up - 1;
  };
  const auto is_queued = [&](TaskName name) { return ranked.is_queued(name); };
  for (int walk = 0; walk < 10; ++walk, steps = 0) {
    const auto front = reader->front(is_queued, may_run);
    ASSERT_TRUE(front);
    EXPECT_EQ(front->name, TaskName(held_up - 1, 1));
  }
}

TEST(RankedOrderTest, WhatIsPushedBeforeAllThatIsKnownToBeTakenIsFound) {
  Ranked ranked;
  const auto reader = ranked.reader();
  const auto is_queued = [&](TaskName name) { return ranked.is_queued(name); };
  const auto may_run = [](const TokenNeeds&) { return true; };
  for (int priority = 0; priority < 50; ++priority) {
    ranked.push(priority);
    const auto front = reader->front(is_queued, may_run);
    ASSERT_TRUE(front);
    EXPECT_EQ(front->turn.priority, priority);
    ASSERT_TRUE(ranked.take(front->name));
    EXPECT_FALSE(reader->front(is_queued, may_run));
    if (priority % 3 == 0) {
      EXPECT_FALSE(ranked.any_queued());
    }
  }
}

TEST(RankedOrderTest, EachTaskIsTakenOnceAndReadWholeWhileEntriesAreUsedAgain) {
  constexpr std::uint32_t tasks = 30'000;
  Ranked ranked;
  std::atomic<std::uint32_t> taken{0};
  std::atomic<std::uint32_t> torn{0};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 2; ++i)
      workers.emplace_back([&] {
        const auto reader = ranked.reader();
        const auto is_queued = [&](TaskName name) { return ranked.is_queued(name); };
        while (taken < tasks) {
          const auto front = reader->front(is_queued, [](const TokenNeeds&) { return true; });
          if (!front || !ranked.take(front->name)) continue;
          const std::uint32_t task = front->name.record();
          if (front->needs != TokenNeeds{task} || front->turn.serial != task) ++torn;
          ++taken;
        }
      });
    for (std::uint32_t i = 0; i < tasks; ++i) {
      ranked.push(static_cast<int>(i * 7 % 5) - 2);
      while (ranked.pushed() - taken > 100) std::this_thread::yield();
    }
  }
  EXPECT_EQ(taken, tasks);
  EXPECT_EQ(torn, 0U);
  EXPECT_FALSE(ranked.any_queued());
}

}  // namespace
