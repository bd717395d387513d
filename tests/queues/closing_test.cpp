// Ends: close, shutdown, views and the end of all writers, descriptors for poll loops.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "queue_suite.hpp"

namespace queues_test {
namespace {

class ClosingTest : public QueueTest {};
FOR_EVERY_START_METHOD(ClosingTest);

// CPython: _TestQueue.test_closed_queue_empty_exceptions
TEST_P(ClosingTest, EmptyOfAClosedQueueFailsIfItWasUsed) {
  const mp::Queue<int> unused;
  unused.close();
  EXPECT_TRUE(unused.empty());
  const mp::Queue<int> used;
  used.put(1);
  used.close();
  EXPECT_THROW(static_cast<void>(used.empty()), mp::OSError);
  EXPECT_EQ(used.qsize(), 1U) << "works after close";
}

template <class Queue>
void expect_closed(const Queue& queue) {
  queue.close();
  queue.close();
  EXPECT_TRUE(queue.closed());
  try {
    queue.put(1);
    ADD_FAILURE();
  } catch (const mp::ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("is closed"), std::string::npos);
  }
  EXPECT_THROW(queue.get(), mp::ValueError);
  const Queue copy = queue;
  EXPECT_THROW(copy.get(), mp::ValueError) << "it is closed in this process";
}

// CPython: _TestQueue.test_closed_queue_put_get_exceptions
TEST_P(ClosingTest, PutAndGetOfAClosedQueueFail) {
  expect_closed(mp::Queue<int>{});
  expect_closed(mp::JoinableQueue<int>{});
}

TEST_P(ClosingTest, ClosingIsAMatterOfOneProcess) {
  const mp::Queue<int> queue;
  const mp::Queue<int> answers;
  queue.put(3);
  EXPECT_THROW(queue.join_thread(), mp::AssertionError);
  queue.close();
  queue.join_thread();
  queue.cancel_join_thread();
  auto child =
      started([](mp::Queue<int> q, mp::Queue<int> to) { to.put(q.get()); }, queue, answers);
  EXPECT_EQ(answers.get(), 3);
  expect_end(child);
}

TEST_P(ClosingTest, ShutdownLetsGetsDrainAndThenThrow) {
  const mp::Queue<int> queue;
  queue.put_range({1, 2});
  queue.shutdown();
  EXPECT_THROW(queue.put(3), mp::ShutDown);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.get_many(5), std::vector<int>{2});
  EXPECT_THROW(queue.get(), mp::ShutDown);
  EXPECT_THROW(static_cast<void>(queue.try_get()), mp::ShutDown);
  EXPECT_THROW(queue.get_many(5), mp::ShutDown);
}

TEST_P(ClosingTest, AnImmediateShutdownDropsWhatIsLeft) {
  const mp::JoinableQueue<std::string> queue;
  for (int i = 0; i < 30; ++i) queue.put(std::string(10'000, 'x'));
  queue.put("small");
  queue.shutdown({.immediate = true});
  EXPECT_THROW(queue.get(), mp::ShutDown);
  EXPECT_EQ(queue.qsize(), 0U);
  queue.join();  // what was dropped counts as done
  const mp::Queue<int> numbers;
  numbers.put_range({1, 2, 3});
  numbers.shutdown({.immediate = true});
  EXPECT_EQ(numbers.qsize(), 0U);
}

TEST_P(ClosingTest, ShutdownWakesWhoWaits) {
  const mp::Queue<int> empty;
  const mp::Queue<int> full(1);
  full.put(1);
  const mp::Queue<int> ready;
  auto getter = started(
      [](mp::Queue<int> q, mp::Queue<int> to) {
        to.put(1);
        try {
          q.get();
        } catch (const mp::ShutDown&) {
          throw mp::Exit{7};
        }
      },
      empty, ready);
  auto putter = started(
      [](mp::Queue<int> q, mp::Queue<int> to) {
        to.put(1);
        try {
          q.put(2);
        } catch (const mp::ShutDown&) {
          throw mp::Exit{8};
        }
      },
      full, ready);
  EXPECT_EQ(ready.get() + ready.get(), 2);
  empty.shutdown();
  full.shutdown();
  expect_end(getter, 7);
  expect_end(putter, 8);
}

// ---- readers and writers ----

TEST_P(ClosingTest, W5AReaderSeesTheEndOfAllWriters) {
  const mp::Queue<int> queue;
  const mp::QueueReader<int> reader = queue.reader();
  std::vector<mp::Process> writers;
  for (int i = 0; i < 3; ++i) {
    writers.push_back(started(
        [](mp::QueueWriter<int> w, int from) {
          for (int k = 0; k < 10; ++k) w.put(from + k);
        },
        queue.writer(), 10 * i));
  }
  int sum = 0;
  for (const int number : reader) sum += number;
  EXPECT_EQ(sum, 435);
  EXPECT_THROW(reader.get(), mp::EOFError);
  EXPECT_THROW(static_cast<void>(reader.try_get()), mp::EOFError);
  for (auto& each : writers) expect_end(each);
}

TEST_P(ClosingTest, W5AReaderSeesThatTheLastWriterWasKilled) {
  const mp::Queue<int> queue;
  auto writer = started(
      [](mp::QueueWriter<int> w) {
        w.put(1);
        for (;;) pause();
      },
      queue.writer());
  const mp::QueueReader<int> reader = queue.reader();
  EXPECT_EQ(reader.get(), 1);
  EXPECT_EQ(reader.try_get(), std::nullopt) << "it lives";
  writer.kill();
  EXPECT_THROW(reader.get(), mp::EOFError);
  writer.join();
}

class Writes : public mp::ProcessOf<Writes> {
 public:
  Writes() = default;
  explicit Writes(mp::QueueWriter<int> writer) : writer_(std::move(writer)) {}
  void run() override { writer_.put(1); }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& writer_;
  }

 private:
  mp::QueueWriter<int> writer_;
};

TEST_P(ClosingTest, AWriterThatIsAMemberGoesToTheChildWithItsObject) {
  const mp::Queue<int> queue;
  Writes writes{queue.writer()};
  writes.start();
  int sum = 0;
  for (const int number : queue.reader()) sum += number;
  EXPECT_EQ(sum, 1);
  expect_end(writes);
}

TEST_P(ClosingTest, AReaderInAChildIsNotKeptByItself) {
  const mp::Queue<int> queue;
  const mp::Queue<int> sums;
  const auto read = [](mp::QueueReader<int> r, mp::Queue<int> to) {
    int sum = 0;
    for (const int number : r) sum += number;
    to.put(sum);
  };
  mp::QueueWriter<int> here = queue.writer();
  auto child = started(read, queue.reader(), sums);  // by fork it inherits `here`
  here.put_range(std::vector<int>{1, 2, 3});
  here.close();
  EXPECT_THROW(here.put(4), mp::ValueError);
  EXPECT_EQ(sums.get(), 6);
  expect_end(child);
}

TEST_P(ClosingTest, AReaderWaitsForTheFirstWriterAndForOneInAMessage) {
  const mp::Queue<int> queue;
  const mp::QueueReader<int> reader = queue.reader();
  EXPECT_EQ(reader.try_get(), std::nullopt) << "there has been none yet";
  const mp::Queue<mp::QueueWriter<int>> post;
  post.put(queue.writer());
  EXPECT_EQ(reader.try_get(20ms), std::nullopt) << "one is on its way";
  post.get().put(5);
  EXPECT_EQ(reader.get(), 5);
  EXPECT_THROW(reader.get(), mp::EOFError);
}

// ---- descriptors ----

bool readable(int fd, int milliseconds) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, milliseconds) == 1;
}

TEST_P(ClosingTest, ADescriptorIsReadableWhileThereAreMessages) {
  const mp::Queue<int> queue;
  const mp::Queue<int> go;
  auto child = started(
      [](mp::Queue<int> q, mp::Queue<int> when) {
        for (int i = 0; i < 2000; ++i) {
          if (i % 500 == 0) when.get();
          q.put(i);
        }
      },
      queue, go);  // before anybody thinks of polling
  const int fd = queue.fileno();
  EXPECT_EQ(queue.fileno(), fd);
  EXPECT_FALSE(readable(fd, 0));
  int next = 0;
  for (int round = 0; round < 4; ++round) {
    go.put(1);
    while (next < 500 * (round + 1)) {
      ASSERT_TRUE(readable(fd, -1));
      while (const auto number = queue.try_get()) ASSERT_EQ(*number, next++);
    }
    EXPECT_FALSE(readable(fd, 0)) << "it was drained";
  }
  expect_end(child);
  queue.put(1);
  queue.put(2);
  EXPECT_TRUE(readable(fd, 0));
  queue.get();
  EXPECT_TRUE(readable(fd, 0)) << "one is left";
  queue.get();
  EXPECT_FALSE(readable(fd, 0));
  queue.shutdown();
  EXPECT_TRUE(readable(fd, 0)) << "whoever polls is told";
}

TEST_P(ClosingTest, APollerThatWasKilledLeavesItsPlaceToOthers) {
  const mp::Queue<int> queue;
  const mp::Queue<int> ready;
  for (int round = 0; round < 10; ++round) {
    auto poller = started(
        [](mp::Queue<int> q, mp::Queue<int> to) {
          to.put(q.fileno());
          for (;;) pause();
        },
        queue, ready);
    EXPECT_GE(ready.get(), 0);
    poller.kill();
    poller.join();
    queue.put(round);
    EXPECT_EQ(queue.get(), round);
  }
}

TEST_P(ClosingTest, TheDescriptorClosesWithTheLastHandle) {
  int fd = -1;
  {
    const mp::Queue<int> queue;
    fd = queue.fileno();
    EXPECT_FALSE(readable(fd, 0));
  }
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace queues_test
