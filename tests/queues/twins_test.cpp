// Two types of one name: unnamed namespaces of two source files each have a Message.
#include "twins.hpp"

#include <string>
#include <string_view>

#include "queue_suite.hpp"

namespace queues_test {
namespace {

struct Message {
  long count;
  double price;
};

class TwinsTest : public QueueTest {};
FOR_EVERY_START_METHOD(TwinsTest);

void put_twins(mp::Queue<QueueOfTwins> to) { to.put({}); }

TEST_P(TwinsTest, AQueueOfMessagesOfTheSameNameInAnotherFileIsRefused) {
  const mp::Queue<QueueOfTwins> queue;
  mp::Process child = started(put_twins, queue);
  try {
    (void)queue.get();
    ADD_FAILURE() << "a queue of one type was taken for one of another";
  } catch (const mp::SerializationError& error) {
    const std::string_view text = error.what();
    EXPECT_NE(text.find("is another queues_test::(anonymous namespace)::Message"),
              std::string_view::npos)
        << text;
    EXPECT_NE(text.find("a queue of queues_test::(anonymous namespace)::Message was to be"),
              std::string_view::npos)
        << text;
  }
  expect_end(child);
}

}  // namespace

void load_queue_of_twins(mp::InArchive& archive) {
  mp::Queue<Message> queue;
  archive& queue;
}

}  // namespace queues_test
