// The short ways of puts and gets beside the long ones: batches, other threads, ends of rings, and
// counts that overflow.
#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "queue_suite.hpp"
#include "queues/body.hpp"
#include "support/watchdog.hpp"

namespace queues_test {
namespace {

using mp::detail::Position;
using mp::detail::QueueBody;
using mp::detail::QueueCore;
using mp::detail::QueueKind;

template <class Size>
class StretchTest : public testing::Test {
 public:
  using Message = std::array<std::uint64_t, Size::value>;

  /// A queue whose stream of messages begins at `start`.
  QueueCore made(std::size_t bound, Position start) {
    QueueCore core{mp::detail::queue_shape<Message>(QueueKind::plain, bound)};
    auto& body = *core.handle().template as<QueueBody>();
    body.tail.word = start.packed();
    body.head.word = start.packed();
    body.put.other = start.packed();
    body.get.other = start.packed();
    body.put_stretch.until = start.units;
    body.get_stretch.until = start.units;
    return core;
  }

  Message next_message() {
    Message message;
    for (std::size_t i = 0; i < message.size(); ++i) message[i] = sent_ * 31 + i;
    ++sent_;
    return message;
  }

  void put(const QueueCore& core) {
    const Message message = next_message();
    ASSERT_TRUE(mp::detail::put_value(core, message, mp::Timeout{0ns}));
    held_.push_back(message);
  }

  void put_several(const QueueCore& core, std::size_t count) {
    std::vector<Message> messages(count);
    for (Message& message : messages) message = next_message();
    for (std::size_t done = 0; done < count;) {
      const std::size_t more = core.put_flats(&messages[done], count - done, mp::Timeout{0ns});
      ASSERT_GT(more, 0);
      done += more;
    }
    held_.insert(held_.end(), messages.begin(), messages.end());
  }

  void get(const QueueCore& core) {
    const auto got = mp::detail::get_value<Message>(core, {mp::Timeout{0ns}});
    ASSERT_EQ(got.has_value(), !held_.empty());
    if (!got) return;
    ASSERT_EQ(*got, held_.front());
    held_.pop_front();
  }

  void get_several(const QueueCore& core, std::size_t most) {
    const auto got = mp::detail::get_values<Message>(core, most, {mp::Timeout{0ns}});
    ASSERT_LE(got.size(), most);
    ASSERT_EQ(got.empty(), held_.empty());
    for (const Message& message : got) {
      ASSERT_EQ(message, held_.front());
      held_.pop_front();
    }
  }

  /// One step of many; most by one thread, so that it gets the bias again and again.
  void step(const QueueCore& core, std::size_t bound) {
    const std::size_t room = bound == 0 ? 5000 : bound - held_.size();
    const std::size_t count = 1 + random_() % 300;
    switch (random_() % 16) {
      case 0:
        return put_several(core, std::min(count, room));
      case 1:
        return get_several(core, count);
      case 2:
        return std::jthread{[&] { get(core); }}.join();
      case 3:
        if (room != 0) std::jthread{[&] { put(core); }}.join();
        return;
      default:
        const bool puts = (random_() & 1) != 0;
        for (std::size_t i = 0; i < count; ++i) {
          if (!puts)
            get(core);
          else if (i < room)
            put(core);
        }
    }
  }

  void take_many_steps(std::size_t bound, Position start) {
    const test_support::Watchdog allowed{std::chrono::seconds{300}};
    const QueueCore core = made(bound, start);
    for (int i = 0; i < 2000 && !this->HasFatalFailure(); ++i) step(core, bound);
    while (!held_.empty() && !this->HasFatalFailure()) get(core);
  }

 private:
  std::mt19937 random_{20};  // the same each time
  std::uint64_t sent_ = 0;
  std::deque<Message> held_;
};

template <std::size_t words>
using Words = std::integral_constant<std::size_t, words>;
using Sizes = testing::Types<Words<1>, Words<2>, Words<3>, Words<7>, Words<8>, Words<15>, Words<16>,
                             Words<17>>;
TYPED_TEST_SUITE(StretchTest, Sizes);

TYPED_TEST(StretchTest, MessagesStayInOrderWhicheverWayTheyGo) { this->take_many_steps(0, {}); }

TYPED_TEST(StretchTest, ABoundIsKeptWhicheverWayTheyGo) { this->take_many_steps(500, {}); }

TYPED_TEST(StretchTest, CountsMayOverflow) {
  this->take_many_steps(0, {.items = 0U - 20'000, .units = 0U - 50'000});
}

TYPED_TEST(StretchTest, CountsMayOverflowInTheMiddle) {
  this->take_many_steps(700, {.items = (1U << 31) - 20'000, .units = (1U << 31) - 50'000});
}

TYPED_TEST(StretchTest, WhatTheLongWayDidIsNoPartOfAStretch) {
  const QueueCore core = this->made(0, {});
  const auto& body = *core.handle().template as<QueueBody>();
  const auto ahead = [](std::uint32_t until, Position next) {
    return static_cast<std::int32_t>(until - next.units);
  };
  for (int i = 0; i < 4; ++i) this->put(core);
  for (int i = 0; i < 2; ++i) this->get(core);
  EXPECT_GT(ahead(body.put_stretch.until, body.tail.get()), 0);
  EXPECT_GT(ahead(body.get_stretch.until, body.head.get()), 0);
  this->put_several(core, 3);
  this->get_several(core, 5);
  EXPECT_LE(ahead(body.put_stretch.until, body.tail.get()), 0);
  EXPECT_LE(ahead(body.get_stretch.until, body.head.get()), 0);
}

}  // namespace
}  // namespace queues_test
