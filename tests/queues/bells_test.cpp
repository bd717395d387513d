// The descriptor of a queue where what makes it readable cannot be sent.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include "arena/children.hpp"
#include "queue_suite.hpp"
#include "support/refused_sends.hpp"

namespace queues_test {
namespace {

using test_support::refused_sends;

bool is_readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 1;
}

class QueueBellsTest : public testing::Test {
 protected:
  ~QueueBellsTest() override { refused_sends = 0; }

  const mp::Queue<int> queue;
  const int fd = queue.fileno();
};

TEST_F(QueueBellsTest, WhatTheKernelHasNoMemoryForAtFirstIsSentAgain) {
  refused_sends = 3;
  queue.put(1);
  EXPECT_EQ(refused_sends, 0);
  EXPECT_TRUE(is_readable(fd));
}

TEST_F(QueueBellsTest, TheNextPutTellsOfWhatAnEarlierOneCouldNotTellOf) {
  refused_sends = 1'000'000;
  queue.put(1);
  EXPECT_FALSE(is_readable(fd));
  refused_sends = 0;
  queue.put(2);
  EXPECT_TRUE(is_readable(fd));
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.get(), 2);
  EXPECT_EQ(queue.try_get(0ms), std::nullopt);
  EXPECT_FALSE(is_readable(fd));
}

TEST_F(QueueBellsTest, AProducerWithoutDescriptorsLeavesItToTheNextPut) {
  arena_test::Child producer{[&] {
    const rlimit none{0, 0};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    queue.put(1);
    return 0;
  }};
  EXPECT_EQ(producer.join(), 0);
  EXPECT_FALSE(is_readable(fd));
  queue.put(2);
  EXPECT_TRUE(is_readable(fd));
}

}  // namespace
}  // namespace queues_test
