// SimpleQueue.
#include <string>

#include "queue_suite.hpp"

namespace queues_test {
namespace {

class SimpleQueueTest : public QueueTest {};
FOR_EVERY_START_METHOD(SimpleQueueTest);

// CPython: TestSimpleQueue.test_empty_exceptions
TEST_P(SimpleQueueTest, EmptyOfAClosedQueueFails) {
  const mp::SimpleQueue<int> queue;
  queue.close();
  EXPECT_THROW(static_cast<void>(queue.empty()), mp::OSError);
  EXPECT_THROW(queue.put(1), mp::OSError);
  EXPECT_THROW(queue.get(), mp::OSError);
}

// CPython: TestSimpleQueue.test_empty
TEST_P(SimpleQueueTest, IsEmptyInParentAndChildAlike) {
  const mp::SimpleQueue<bool> queue;
  const mp::Queue<int> go;
  auto child = started(
      [](mp::SimpleQueue<bool> q, mp::Queue<int> when) {
        when.get();
        q.put(q.empty());
        q.put(q.empty());
      },
      queue, go);
  EXPECT_TRUE(queue.empty());
  go.put(1);
  expect_end(child);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.get(), true);
  EXPECT_EQ(queue.get(), false);
  EXPECT_TRUE(queue.empty());
}

// CPython: TestSimpleQueue.test_close
TEST_P(SimpleQueueTest, MayBeClosedTwice) {
  const mp::SimpleQueue<int> queue;
  queue.close();
  queue.close();
}

// CPython: TestSimpleQueue.test_closed
TEST_P(SimpleQueueTest, SaysWhetherItIsClosed) {
  const mp::SimpleQueue<std::string> queue;
  EXPECT_FALSE(queue.closed());
  queue.put("x");
  EXPECT_EQ(queue.get(), "x");
  queue.close();
  EXPECT_TRUE(queue.closed());
}

}  // namespace
}  // namespace queues_test
