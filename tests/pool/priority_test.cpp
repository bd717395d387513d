// Priorities of tasks and maps: what comes first, and that nothing is lost by it.
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <climits>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class PriorityTest : public PoolTest {};
FOR_EVERY_START_METHOD(PriorityTest);

enum : std::size_t { begun, gate, noted, chunks, urgent, first_note };

int square(int x) { return x * x; }

/// Keeps a worker busy until the gate opens.
void wait_at_gate(const Counters& counters) {
  counters.raise(begun);
  counters.wait_for(1, gate);
}

int note(const Counters& counters, int number) {
  counters[first_note + counters[noted]++] = static_cast<std::uint32_t>(number);
  return number;
}

std::vector<int> notes(const Counters& counters) {
  std::vector<int> list;
  for (std::uint32_t i = 0; i < counters[noted]; ++i)
    list.push_back(static_cast<int>(counters[first_note + i].load()));
  return list;
}

/// The first chunk of each worker waits at the gate.
int count_chunk(const Counters& counters, int element) {
  if (counters[chunks]++ < 2) wait_at_gate(counters);
  return element;
}

/// Two of these run at once, or none of them ends; how many chunks had begun by then.
std::uint32_t chunks_begun(const Counters& counters) {
  const std::uint32_t seen = counters[chunks];
  counters.raise(urgent);
  counters.wait_for(2, urgent);
  return seen;
}
std::uint32_t chunks_begun_of(const Counters& counters, int) { return chunks_begun(counters); }

/// A map whose first chunk keeps both workers, and many more.
std::thread long_map(mp::Pool& pool, const Counters& counters, int priority) {
  std::thread thread([&pool, counters, priority] {
    const std::vector<int> elements(20'000, 1);
    EXPECT_EQ(pool.map(mp::partial(count_chunk, counters), elements,
                       {.chunksize = 1, .priority = priority}),
              elements);
  });
  counters.wait_for(2, begun);
  return thread;
}

TEST_P(PriorityTest, AnUrgentTaskWaitsForOneChunkOfAMapAtMost) {
  mp::Pool pool(2);
  const Counters counters;
  std::thread map = long_map(pool, counters, 0);
  const auto one = pool.apply_async({.priority = 1}, chunks_begun, counters);
  const auto two = pool.apply_async({.priority = 1}, chunks_begun, counters);
  counters.raise(gate);
  EXPECT_EQ(one.get(), 2U);
  EXPECT_EQ(two.get(), 2U);
  map.join();
}

TEST_P(PriorityTest, ATaskWithoutPriorityComesBeforeTheChunksOfALowMap) {
  mp::Pool pool(2);
  const Counters counters;
  std::thread map = long_map(pool, counters, -1);
  const auto one = pool.apply_async(chunks_begun, counters);
  const auto two = pool.apply_async(chunks_begun, counters);
  counters.raise(gate);
  EXPECT_EQ(one.get(), 2U);
  EXPECT_EQ(two.get(), 2U);
  map.join();
}

/// Slow until the urgent ones have begun, so that there is time to post them.
int count_slowly(const Counters& counters, int element) {
  counters[chunks]++;
  counters.raise(begun);
  if (counters[urgent] < 2) std::this_thread::sleep_for(1ms);
  return element;
}

TEST_P(PriorityTest, AMapGivesWayToOneThatIsMoreUrgent) {
  for (const int lower : {-7, 0, 3}) {
    mp::Pool pool(2);
    const Counters counters;
    const std::vector<int> elements(4000, 1);
    std::thread map([&] {
      pool.map(mp::partial(count_slowly, counters), elements, {.chunksize = 1, .priority = lower});
    });
    counters.wait_for(2, begun);
    for (const std::uint32_t before : pool.map(mp::partial(chunks_begun_of, counters), {1, 2},
                                               {.chunksize = 1, .priority = lower + 1}))
      EXPECT_LT(before, elements.size());
    map.join();
  }
}

TEST_P(PriorityTest, HigherOnesComeFirstAndEqualOnesInTheirOrder) {
  mp::Pool pool(1);
  const Counters counters;
  (void)pool.apply_async(wait_at_gate, counters);
  counters.wait_for(1, begun);
  const std::vector<int> priorities{0, 5, -3, 5, 1, INT_MIN, INT_MAX, 0, -3};
  for (int i = 0; i < static_cast<int>(priorities.size()); ++i)
    (void)pool.apply_async({.priority = priorities[static_cast<std::size_t>(i)]}, note, counters,
                           i);
  (void)pool.apply_async(note, counters, 9);
  counters.raise(gate);
  pool.close();
  pool.join();
  EXPECT_THAT(notes(counters), testing::ElementsAre(6, 1, 3, 4, 0, 7, 9, 2, 8, 5));
}

TEST_P(PriorityTest, AnyNumberOfPrioritiesIsKeptApart) {
  mp::Pool pool(1);
  const Counters counters;
  (void)pool.apply_async(wait_at_gate, counters);
  counters.wait_for(1, begun);
  std::vector<int> expected;
  for (int i = 0; i < 1000; ++i) {
    const int priority = i * 617 % 1000 - 500;  // each once
    (void)pool.apply_async({.priority = priority}, note, counters, priority + 500);
    expected.push_back(999 - i);
  }
  counters.raise(gate);
  pool.close();
  pool.join();
  EXPECT_EQ(notes(counters), expected);
}

TEST_P(PriorityTest, ChunksThatAreTasksHaveThePriorityOfTheirMap) {
  mp::Pool pool(1);
  const Counters counters;
  (void)pool.apply_async(wait_at_gate, counters);
  counters.wait_for(1, begun);
  const auto f = mp::partial(note, counters);
  const auto low = pool.map_async(f, std::vector{1, 2}, {.chunksize = 1, .priority = -1});
  const auto plain = pool.map_async(f, std::vector{3, 4}, {.chunksize = 1});
  const std::vector<int> of_iteration{5, 6};
  auto high = pool.imap(f, of_iteration, {.priority = 2});
  counters.raise(gate);
  low.wait();
  EXPECT_THAT(notes(counters), testing::ElementsAre(5, 6, 3, 4, 1, 2));
}

TEST_P(PriorityTest, WhatIsCancelledIsPassedBy) {
  mp::Pool pool(1);
  const Counters counters;
  (void)pool.apply_async(wait_at_gate, counters);
  counters.wait_for(1, begun);
  std::vector<int> expected;
  for (int round = 0; round < 20; ++round) {
    std::vector<mp::AsyncResult<int>> results;
    for (int i = 0; i < 100; ++i)
      results.push_back(pool.apply_async({.priority = i % 7 - 3}, note, counters, round));
    for (std::size_t i = 1; i < results.size(); ++i) EXPECT_TRUE(results[i].cancel());
    expected.push_back(round);
  }
  counters.raise(gate);
  pool.close();
  pool.join();
  EXPECT_EQ(notes(counters), expected);
}

TEST_P(PriorityTest, ManyThreadsSubmitWithPrioritiesOfTheirOwn) {
  mp::Pool pool(3);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 10; ++round) {
        std::vector<mp::AsyncResult<int>> results;
        for (int i = 0; i < 50; ++i)
          results.push_back(pool.apply_async({.priority = i * (thread + 3) % 11 - 5}, square, i));
        for (int i = 0; i < 50; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
      }
    });
  for (std::thread& each : threads) each.join();
}

/// The first try of the task dies.
int note_at_second_try(const Counters& counters, int number) {
  if (counters.raise(urgent) == 0) raise(SIGKILL);
  return note(counters, number);
}

TEST_P(PriorityTest, ATaskThatIsTriedAgainAfterADeathKeepsItsPriority) {
  mp::Pool pool(1);
  const Counters counters;
  (void)pool.apply_async(wait_at_gate, counters);
  counters.wait_for(1, begun);
  (void)pool.apply_async({.priority = 1}, note, counters, 1);
  (void)pool.apply_async(note, counters, 2);
  (void)pool.apply_async({.priority = 3, .retries = 1}, note_at_second_try, counters, 3);
  (void)pool.apply_async({.priority = 3}, note, counters, 4);
  counters.raise(gate);
  pool.close();
  pool.join();
  EXPECT_THAT(notes(counters), testing::ElementsAre(3, 4, 1, 2));
}

TEST_P(PriorityTest, ADeathAtAnyPointLosesNoTaskThatHasNotBegun) {
  for (const char* point : {"pool.task.named", "pool.task.taken", "pool.task.claimed",
                            "pool.task.before_end", "pool.task.ended"}) {
    SCOPED_TRACE(point);
    const Counters counters;
    mp::Pool pool(2, arm_first, counters, std::string(point), 3U);
    std::vector<mp::AsyncResult<int>> results;
    for (int i = 0; i < 60; ++i)
      results.push_back(pool.apply_async({.priority = i % 5 - 2}, square, i));
    int lost = 0;
    for (int i = 0; i < 60; ++i) {
      try {
        EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
      } catch (const mp::WorkerDied&) {
        ++lost;
      }
    }
    const bool begun = point != std::string("pool.task.named") &&
                       point != std::string("pool.task.taken") &&
                       point != std::string("pool.task.ended");
    EXPECT_LE(lost, begun ? 1 : 0);
  }
}

}  // namespace
}  // namespace pool_test
