// Puts and gets: order, bounds, time-outs, counts.
#include <chrono>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "queue_suite.hpp"

namespace queues_test {
namespace {

using std::chrono::steady_clock;

class PutGetTest : public QueueTest {};
FOR_EVERY_START_METHOD(PutGetTest);

/// What `call` throws must be E, and not before `least` has passed.
template <class E, class F>
void expect_throw_after(std::chrono::milliseconds least, F call) {
  const auto begin = steady_clock::now();
  EXPECT_THROW(call(), E);
  EXPECT_GE(steady_clock::now() - begin, least);
}

// CPython: _TestQueue.test_put
TEST_P(PutGetTest, PutsUntilFullAndRaisesFullInEveryForm) {
  const mp::Queue<int> queue(6);
  const mp::Queue<int> start;
  const mp::Queue<int> done;
  auto child = started(
      [](mp::Queue<int> q, mp::Queue<int> from, mp::Queue<int> to) {
        from.get();
        for (int i = 0; i < 6; ++i) q.get();
        to.put(1);
      },
      queue, start, done);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  queue.put(1);
  queue.put(2, 1s);
  queue.put(3, mp::Timeout::forever);
  queue.put_nowait(4);
  EXPECT_TRUE(queue.try_put(5));
  EXPECT_TRUE(queue.try_put(6, 1s));
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait(7), mp::Full);
  EXPECT_FALSE(queue.try_put(7));
  EXPECT_FALSE(queue.try_put(7, 1ms));
  expect_throw_after<mp::Full>(100ms, [&] { queue.put(7, 100ms); });
  EXPECT_THROW(queue.put(7, -1s), mp::Full) << "negative is now";
  start.put(1);
  EXPECT_EQ(done.get(), 1);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  expect_end(child);
}

// CPython: _TestQueue.test_get
TEST_P(PutGetTest, GetsInOrderAndRaisesEmptyInEveryForm) {
  const mp::Queue<int> queue;
  auto child = started(
      [](mp::Queue<int> q) {
        for (int i = 2; i <= 5; ++i) q.put(i);
      },
      queue);
  expect_end(child);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.get(), 2);
  EXPECT_EQ(queue.get(1s), 3);
  EXPECT_EQ(queue.get_nowait(), 4);
  EXPECT_EQ(queue.try_get(), 5);
  EXPECT_TRUE(queue.empty());
  EXPECT_THROW(queue.get_nowait(), mp::Empty);
  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_EQ(queue.try_get(1ms), std::nullopt);
  expect_throw_after<mp::Empty>(100ms, [&] { return queue.get(100ms); });
  queue.put(6);
  EXPECT_EQ(queue.get(-1s), 6) << "negative is now";
}

// CPython: _TestQueue.test_fork
TEST_P(PutGetTest, AChildPutsBehindWhatItsParentPut) {
  const mp::Queue<int> queue;
  for (int i = 0; i < 10; ++i) queue.put(i);
  auto child = started(
      [](mp::Queue<int> q) {
        for (int i = 10; i < 20; ++i) q.put(i);
      },
      queue);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(queue.get(), i);
  EXPECT_THROW(queue.get_nowait(), mp::Empty);
  expect_end(child);
}

// CPython: _TestQueue.test_qsize
TEST_P(PutGetTest, CountsItsMessages) {
  const mp::Queue<int> queue;
  EXPECT_EQ(queue.qsize(), 0U);
  queue.put(1);
  EXPECT_EQ(queue.qsize(), 1U);
  queue.put(5);
  EXPECT_EQ(queue.qsize(), 2U);
  queue.get();
  EXPECT_EQ(queue.qsize(), 1U);
  queue.get();
  EXPECT_EQ(queue.qsize(), 0U);
}

// CPython: _TestQueue.test_timeout
TEST_P(PutGetTest, AnEmptyQueueIsWaitedForAsLongAsAsked) {
  const mp::Queue<int> queue;
  expect_throw_after<mp::Empty>(200ms, [&] { return queue.get(200ms); });
}

// CPython: TestStdinBadfiledescriptor.test_queue_in_process
TEST_P(PutGetTest, AQueueAndAProcessWorkInsideAProcess) {
  auto child = started([] {
    const mp::Queue<int> queue;
    mp::Process grandchild{[](mp::Queue<int> q) { q.put(q.empty() ? 3 : 4); }, queue};
    grandchild.start();
    if (queue.get() != 3) throw mp::Exit{1};
    grandchild.join();
  });
  expect_end(child);
}

TEST_P(PutGetTest, W21AProducerEndsThoughNobodyHasReadWhatItPut) {
  const mp::Queue<std::string> queue;
  constexpr int count = 500;
  auto child = started(
      [](mp::Queue<std::string> q) {
        for (int i = 0; i < count; ++i) q.put(std::string(20'000, static_cast<char>('a' + i % 26)));
      },
      queue);
  expect_end(child);  // CPython waits here for ever
  EXPECT_EQ(queue.qsize(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(queue.get(), std::string(20'000, static_cast<char>('a' + i % 26)));
  EXPECT_TRUE(queue.empty());
}

TEST_P(PutGetTest, W24RightAfterAPutItIsCountedAndCanBeGot) {
  const mp::Queue<int> queue(1);
  for (int i = 0; i < 1000; ++i) {
    queue.put_nowait(i);
    ASSERT_FALSE(queue.empty());
    ASSERT_TRUE(queue.full());
    ASSERT_EQ(queue.get_nowait(), i);
  }
}

TEST(QueueSizeTest, W44NothingIsTooLargeAndNothingIsPut) {
  const mp::Queue<std::vector<char>> queue;
  for (const std::size_t base : {0UL, 4UL << 10, 64UL << 10, 1UL << 20, 40UL << 20}) {
    for (const long more : {-1L, 0L, 1L}) {
      if (base == 0 && more < 0) continue;
      std::vector<char> sent(base + static_cast<std::size_t>(more));
      std::iota(sent.begin(), sent.end(), char{0});
      queue.put(sent);
      ASSERT_EQ(queue.get(), sent) << sent.size();
    }
  }
}

TEST_P(PutGetTest, ManyProducersAndConsumersKeepEachProducersOrder) {
  using Message = std::pair<int, int>;
  constexpr int producers = 3;
  constexpr int each = 20'000;
  const mp::Queue<Message> queue(1000);
  const mp::Queue<int> counted;
  const auto produce = [](mp::Queue<Message> q, int number) {
    for (int i = 0; i < each; ++i) q.put({number, i});
  };
  const auto consume = [](mp::Queue<Message> q, mp::Queue<int> to) {
    std::vector<int> last(producers, -1);
    int count = 0;
    for (const auto& [producer, number] : q) {
      if (number <= last[static_cast<std::size_t>(producer)]) throw std::logic_error("order");
      last[static_cast<std::size_t>(producer)] = number;
      ++count;
    }
    to.put(count);
  };
  auto consumer = started(consume, queue, counted);
  std::thread here{consume, queue, counted};
  auto first = started(produce, queue, 0);
  auto second = started(produce, queue, 1);
  std::thread third{produce, queue, 2};
  third.join();
  expect_end(first);
  expect_end(second);
  queue.shutdown();
  here.join();
  expect_end(consumer);
  EXPECT_EQ(counted.get() + counted.get(), producers * each);
}

TEST_P(PutGetTest, RangesGoInAndComeOut) {
  const mp::Queue<int> queue(50);
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto child =
      started([](mp::Queue<int> q, std::vector<int> list) { q.put_range(list); }, queue, numbers);
  std::vector<int> got;
  while (got.size() < numbers.size()) {
    const std::vector<int> some = queue.get_many(30);
    ASSERT_FALSE(some.empty());
    ASSERT_LE(some.size(), 30U);
    got.insert(got.end(), some.begin(), some.end());
  }
  EXPECT_EQ(got, numbers);
  expect_end(child);
  EXPECT_EQ(queue.get_many(5, 1ms), std::vector<int>{});
  queue.put_range({1, 2, 3});
  EXPECT_EQ(queue.get_many(2), (std::vector<int>{1, 2}));
  const mp::Queue<std::string> texts;
  texts.put_range(std::vector<std::string>{"a", "b"});
  EXPECT_EQ(texts.get_many(9), (std::vector<std::string>{"a", "b"}));
}

TEST_P(PutGetTest, MessagesThatCrossTheEndOfTheirRingArriveWhole) {
  const mp::Queue<std::string> queue;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string text(50 + i % 40, static_cast<char>('a' + i % 26));
    queue.put(text);
    ASSERT_EQ(queue.get(), text);
  }
}

TEST_P(PutGetTest, W22AQueueMayBeBoundedByBytes) {
  const std::string text(30'000, 'x');
  constexpr std::size_t for_its_length = 8;
  const mp::Queue<std::string> queue({.max_bytes = 3 * (text.size() + for_its_length)});
  int put = 0;
  while (queue.try_put(text)) ++put;
  EXPECT_EQ(put, 3);
  EXPECT_EQ(queue.get(), text);
  EXPECT_TRUE(queue.try_put(text));
  EXPECT_FALSE(queue.try_put(text));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.get(), text);
  EXPECT_TRUE(queue.try_put(std::string(200'000, 'y'))) << "alone it is let in";
  EXPECT_FALSE(queue.try_put("z"));
  EXPECT_EQ(queue.get().size(), 200'000U);
  EXPECT_TRUE(queue.try_put("z"));
}

TEST_P(PutGetTest, AProducerThatWaitsForRoomIsWoken) {
  const mp::Queue<int> queue(1);
  queue.put(0);
  auto child = started(
      [](mp::Queue<int> q) {
        for (int i = 1; i <= 100; ++i) q.put(i);
      },
      queue);
  for (int i = 0; i <= 100; ++i) ASSERT_EQ(queue.get(), i);
  expect_end(child);
}

TEST_P(PutGetTest, AContextMakesQueues) {
  const auto ctx = mp::get_context(GetParam());
  const mp::Queue<int> queue = ctx.Queue<int>(1);
  const mp::JoinableQueue<int> joinable = ctx.JoinableQueue<int>();
  const mp::SimpleQueue<int> simple = ctx.SimpleQueue<int>();
  queue.put(1);
  EXPECT_FALSE(queue.try_put(2));
  EXPECT_TRUE(joinable.empty());
  EXPECT_TRUE(simple.empty());
}

TEST(QueueSizeTest, HoldsMoreThanAMillionSmallMessages) {
  const mp::Queue<int> queue;
  for (int i = 0; i < 1'200'000; ++i) queue.put(i);
  EXPECT_EQ(queue.qsize(), 1'200'000U);
  for (int i = 0; i < 1'200'000; ++i) ASSERT_EQ(queue.get(), i);
}

}  // namespace
}  // namespace queues_test
