// A process that is stopped in the middle of a put or get: the timed calls of others end with their
// own results meanwhile, and nothing is lost or doubled when it goes on.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "storm.hpp"
#include "support/fail_points.hpp"

namespace queues_test {
namespace {

using test_support::Counters;
using Flat = mp::Queue<FlatMessage>;
using Rich = mp::JoinableQueue<RichMessage>;

/// Every fail point in the sources of queues but one, and those where a side's lock is taken.
std::vector<std::string> points() {
  std::set<std::string> names{"arena.lock.taken", "arena.lock.before_release", "arena.bias.entered",
                              "arena.bias.before_leave"};
  names.merge(test_support::fail_points_in(QUEUES_SOURCES));
  // task_done has no time-out: one waits while another process is stopped in it.
  names.erase("queue.task.done");
  return {names.begin(), names.end()};
}

/// Until it stands stopped; false when it has ended.
bool wait_for_stop(mp::Process& process) {
  while (!mp::detail::is_stopped(*process.pid()))
    if (!process.is_alive()) return false;
  return true;
}

/// Producers and consumers of one queue, and what became of its messages.
template <class Queue>
struct Play {
  using Message = typename Queue::value_type;
  enum Index : std::size_t { next, torn, twice, first_seen };

  Queue queue;
  Counters counters;

  void produce(int most) const {
    for (int i = 0; i < most; ++i) {
      const Message message = Message::make(counters[next]++, 7);
      while (!queue.try_put(message, 20ms)) continue;
    }
  }
  void consume(int most) const {
    for (int i = 0; i < most; ++i) {
      const auto message = queue.try_get(2ms);
      if (!message) continue;
      note(*message);
      if constexpr (requires { queue.task_done(); }) queue.task_done();
    }
  }
  void note(const Message& message) const {
    if (message.number >= counters[next] || !message.whole())
      ++counters[torn];
    else if (counters[first_seen + message.number]++ != 0)
      ++counters[twice];
  }
  void expect_sound() const {
    while (const auto message = queue.try_get()) note(*message);
    EXPECT_EQ(counters[torn], 0U);
    EXPECT_EQ(counters[twice], 0U);
    for (std::uint32_t i = 0; i < counters[next]; ++i)
      EXPECT_EQ(counters[first_seen + i], 1U) << "message " << i;
  }
};

template <class Queue>
void stop_in_it(Queue queue, Counters counters, std::string point, bool producer) {
  const Play<Queue> play{queue, counters};
  mp::detail::arm_fail_point_stop(point);
  if (producer)
    play.produce(8);
  else
    play.consume(8);
}

/// What a process is stopped in, and what others do meanwhile.
template <class Queue>
void stop_at(const std::string& point, const Queue& queue, bool producer) {
  const Play<Queue> play{queue, {}};
  play.produce(4);
  mp::Process stopped{stop_in_it<Queue>, queue, play.counters, point, producer};
  stopped.start();
  if (!wait_for_stop(stopped)) return;  // it does not come by there
  play.consume(2);
  for (int i = 0; i < 6; ++i) {
    // A message that has found no room is made with the next number again.
    const auto message = Queue::value_type::make(play.counters[play.next], 7);
    if (i % 2 == 0 ? queue.try_put(message, 5ms) : queue.try_put(message))
      ++play.counters[play.next];
    static_cast<void>(queue.qsize() + (queue.empty() ? 1 : 0));
  }
  if constexpr (requires { queue.join(5ms); }) static_cast<void>(queue.join(5ms));
  EXPECT_TRUE(mp::detail::is_stopped(*stopped.pid())) << "it went on by itself";
  kill(*stopped.pid(), SIGCONT);
  while (producer && stopped.is_alive()) play.consume(1);
  expect_end(stopped);
  play.expect_sound();
}

TEST(QueueStopTest, TheDescriptorIsRefusedSoonWhileAProcessIsStoppedAmidAPut) {
  const mp::Queue<int> queue;
  mp::Process stopped = mp::get_context("fork").Process([&] {
    mp::detail::arm_fail_point_stop("queue.put.locked");
    queue.put(1);
  });
  stopped.start();
  EXPECT_TRUE(wait_for_stop(stopped));
  EXPECT_THROW((void)queue.fileno(), mp::TimeoutError);
  kill(*stopped.pid(), SIGCONT);
  expect_end(stopped);
  EXPECT_GE(queue.fileno(), 0);
}

class EveryStopInAQueue : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  EveryStopInAQueue() { mp::set_start_method(std::get<1>(GetParam()), {.force = true}); }
  ~EveryStopInAQueue() override { mp::set_start_method(std::nullopt, {.force = true}); }
};

TEST_P(EveryStopInAQueue, LeavesTheTimesOfOthersAsTheyWereAndLosesNothing) {
  const std::string point = std::get<0>(GetParam());
  for (const bool producer : {true, false}) {
    stop_at(point, Flat(16), producer);
    stop_at(point, Rich(16), producer);
    stop_at(point, Rich({.maxsize = 16, .max_bytes = 400'000}), producer);
  }
}

INSTANTIATE_TEST_SUITE_P(Queues, EveryStopInAQueue,
                         testing::Combine(testing::ValuesIn(points()),
                                          testing::ValuesIn(test_support::every_start_method)),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) + '_' + std::get<1>(info.param);
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace queues_test
