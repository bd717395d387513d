// What messages can be: values that only move, nothing, exceptions, other shared objects.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/fail_point.hpp"
#include "queue_suite.hpp"

namespace queues_test {
namespace {

class MessagesTest : public QueueTest {};
FOR_EVERY_START_METHOD(MessagesTest);

TEST_P(MessagesTest, ValuesThatOnlyMoveArrive) {
  const mp::Queue<std::unique_ptr<std::string>> queue;
  auto child = started(
      [](mp::Queue<std::unique_ptr<std::string>> q) { q.put(std::make_unique<std::string>("x")); },
      queue);
  EXPECT_EQ(*queue.get(), "x");
  expect_end(child);
}

TEST_P(MessagesTest, NothingEndsAWorker) {
  const mp::Queue<std::optional<int>> queue;
  const mp::Queue<int> sums;
  auto child = started(
      [](mp::Queue<std::optional<int>> q, mp::Queue<int> to) {
        int sum = 0;
        while (const auto number = q.get()) sum += *number;
        to.put(sum);
      },
      queue, sums);
  for (int i = 0; i < 10; ++i) queue.put(i);
  queue.put(std::nullopt);
  EXPECT_EQ(sums.get(), 45);
  expect_end(child);
}

TEST_P(MessagesTest, AQueueOfQueues) {
  const mp::Queue<std::tuple<int, mp::Queue<int>>> requests;
  auto server = started(
      [](mp::Queue<std::tuple<int, mp::Queue<int>>> q) {
        for (auto& [number, answer] : q) answer.put(number * number);
      },
      requests);
  for (int i = 0; i < 50; ++i) {
    const mp::Queue<int> answer;
    requests.put({i, answer});
    ASSERT_EQ(answer.get(), i * i);
  }
  requests.shutdown();
  expect_end(server);
}

TEST_P(MessagesTest, AProcessHandleAndOtherKindsOfQueueAreMessagesToo) {
  const mp::Queue<mp::ProcessHandle> handles;
  const mp::Queue<mp::JoinableQueue<int>> joinables;
  const mp::Queue<mp::SimpleQueue<std::string>> simples;
  auto child = started(
      [](mp::Queue<mp::ProcessHandle> h, mp::Queue<mp::JoinableQueue<int>> j,
         mp::Queue<mp::SimpleQueue<std::string>> s) {
        h.put(mp::current_process());
        j.get().put(5);
        s.get().put("five");
      },
      handles, joinables, simples);
  const mp::JoinableQueue<int> joinable;
  const mp::SimpleQueue<std::string> simple;
  joinables.put(joinable);
  simples.put(simple);
  EXPECT_EQ(handles.get().pid(), child.pid());
  EXPECT_EQ(joinable.get(), 5);
  EXPECT_EQ(simple.get(), "five");
  expect_end(child);
}

TEST_P(MessagesTest, WhatAnUnreadQueueHoldsGoesWithIt) {
  const mp::Queue<std::vector<mp::Queue<int>>> outer;
  for (int i = 0; i < 100; ++i) {
    std::vector<mp::Queue<int>> inner(5);
    for (const auto& each : inner) each.put(i);
    outer.put(inner);
  }
  const mp::Queue<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.put(std::string(100'000, 'x'));
}

TEST_P(MessagesTest, AQueueThatHoldsItselfWorks) {
  struct Node {
    std::optional<mp::Queue<std::string>> next;
    int number;
  };
  const mp::Queue<Node> queue;
  queue.put({std::nullopt, 1});
  queue.put({mp::Queue<std::string>{}, 2});
  EXPECT_FALSE(queue.get().next);
  EXPECT_TRUE(queue.get().next);
}

TEST_P(MessagesTest, ASharedBufferIsHandedOverAndNotCopied) {
  const mp::Queue<mp::SharedBuffer<int>> queue;
  const mp::Queue<mp::SharedBuffer<int>> back;
  auto child = started(
      [](mp::Queue<mp::SharedBuffer<int>> q, mp::Queue<mp::SharedBuffer<int>> to) {
        const mp::SharedBuffer<int> buffer = q.get();
        for (int& number : buffer) ++number;
        to.put(buffer);
      },
      queue, back);
  const mp::SharedBuffer<int> buffer(1'000'000);
  for (int& number : buffer) number = 41;
  queue.put(buffer);
  EXPECT_EQ(back.get(), buffer);
  EXPECT_EQ(buffer.at(999'999), 42);
  EXPECT_THROW(static_cast<void>(buffer.at(1'000'000)), mp::IndexError);
  expect_end(child);
}

struct Picky {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (Archive::is_saving::value) {
      if (value < 0) throw std::invalid_argument("cannot be sent");
    }
    archive& value;
    if constexpr (!Archive::is_saving::value) {
      if (value == 13) throw std::domain_error("cannot be received");
    }
  }
};

// CPython: _TestQueue.test_queue_feeder_donot_stop_onexc
// CPython: _TestQueue.test_queue_feeder_on_queue_feeder_error
TEST_P(MessagesTest, W23WhatCannotBeSentThrowsInPutAndTakesNoRoom) {
  const mp::Queue<Picky> queue(1);
  EXPECT_THROW(queue.put({-1}), std::invalid_argument);
  EXPECT_TRUE(queue.empty());
  queue.put({7});
  EXPECT_EQ(queue.get(1s).value, 7);
}

TEST_P(MessagesTest, W23WhatIsChangedAfterwardsIsNotChangedInTheMessage) {
  const mp::Queue<std::vector<int>> queue;
  std::vector<int> list{1, 2, 3};
  queue.put(list);
  list[0] = 99;
  EXPECT_EQ(queue.get(), (std::vector<int>{1, 2, 3}));
}

TEST_P(MessagesTest, WhatCannotBeReceivedThrowsInGetAndTheQueueGoesOn) {
  const mp::Queue<Picky> queue;
  queue.put({13});
  queue.put({14});
  EXPECT_THROW(queue.get(), std::domain_error);
  EXPECT_EQ(queue.get().value, 14);
}

/// Saves a queue of one type and loads it as one of another.
template <class As>
struct Disguised {
  mp::Queue<int> queue;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (Archive::is_saving::value) {
      archive& queue;
    } else {
      As other;
      archive& other;
    }
  }
};

TEST_P(MessagesTest, AQueueOfOtherMessagesIsRefused) {
  const mp::Queue<Disguised<mp::Queue<std::string>>> texts;
  texts.put({});
  EXPECT_THROW(texts.get(), mp::SerializationError);
  const mp::Queue<Disguised<mp::JoinableQueue<int>>> joinables;
  joinables.put({});
  EXPECT_THROW(joinables.get(), mp::SerializationError);
  const mp::Queue<Disguised<mp::Queue<int>>> same;
  same.put({});
  EXPECT_NO_THROW(same.get());
}

TEST_P(MessagesTest, ExceptionsAndFunctionsArrive) {
  const mp::Queue<std::exception_ptr> errors;
  const mp::Queue<int (*)(int)> functions;
  auto child = started(
      [](mp::Queue<std::exception_ptr> e, mp::Queue<int (*)(int)> f) {
        e.put(std::make_exception_ptr(std::out_of_range("from " + std::to_string(f.get()(20)))));
      },
      errors, functions);
  functions.put([](int x) { return x + 1; });
  try {
    std::rethrow_exception(errors.get());
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "from 21");
  }
  expect_end(child);
}

TEST_P(MessagesTest, CopiesAreTheSameQueueAndHashAlike) {
  const mp::Queue<int> queue;
  const mp::Queue<int> copy = queue;  // NOLINT(performance-unnecessary-copy-initialization)
  const mp::Queue<int> other;
  EXPECT_EQ(queue, copy);
  EXPECT_NE(queue, other);
  EXPECT_EQ(std::hash<mp::Queue<int>>{}(queue), std::hash<mp::Queue<int>>{}(copy));
  copy.put(1);
  EXPECT_EQ(queue.get(), 1);
}

}  // namespace
}  // namespace queues_test
