// A process that is stopped in the middle of a put or get: the timed calls of others end with their
// own results meanwhile, and nothing is lost or doubled when it goes on.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "base/fail_point.hpp"
#include "storm.hpp"
#include "support/watchdog.hpp"

namespace queues_test {
namespace {

using arena_test::Child;
using Flat = mp::Queue<FlatMessage>;
using Rich = mp::JoinableQueue<RichMessage>;

/// Every fail point in the sources of queues but one, and those where a side's lock is taken.
std::vector<std::string> points() {
  std::set<std::string> names{"arena.lock.taken", "arena.lock.before_release", "arena.bias.entered",
                              "arena.bias.before_leave"};
  for (const auto& entry : std::filesystem::directory_iterator{QUEUES_SOURCES}) {
    std::ifstream in{entry.path()};
    const std::string call = "fail_point(\"";
    for (std::string line; std::getline(in, line);)
      if (auto at = line.find(call); at != line.npos) {
        at += call.size();
        names.insert(line.substr(at, line.find('"', at) - at));
      }
  }
  // task_done has no time-out: one waits while another process is stopped in it.
  names.erase("queue.task.done");
  return {names.begin(), names.end()};
}

/// Whether the child stands stopped; false when it has ended.
bool wait_for_stop(const Child& child) {
  siginfo_t info{};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WSTOPPED | WEXITED | WNOWAIT), 0);
  return info.si_code == CLD_STOPPED;
}

/// What a process is stopped in, and what others do meanwhile.
template <class Queue>
void stop_at(const std::string& point, const Queue& queue, bool producer) {
  Storm<Queue> storm{queue};
  Child filler{[&] { return storm.produce(nullptr, 4); }};
  EXPECT_EQ(filler.join(), 0);
  Child stopped{[&] {
    mp::detail::arm_fail_point_stop(point);
    return producer ? storm.produce(nullptr, 8) : storm.consume(nullptr, 8);
  }};
  const bool stands = wait_for_stop(stopped);
  EXPECT_EQ(storm.consume(nullptr, 2), 0);
  for (int i = 0; i < 6; ++i) {
    // A message that has found no room is made with the next number again.
    const auto message = Queue::value_type::make(storm.board().next, 7);
    if (i % 2 == 0 ? storm.queue().try_put(message, 5ms) : storm.queue().try_put(message))
      ++storm.board().next;
    static_cast<void>(storm.queue().qsize() + (storm.queue().empty() ? 1 : 0));
  }
  if constexpr (requires { storm.queue().join(5ms); }) static_cast<void>(storm.queue().join(5ms));
  if (stands) {
    EXPECT_TRUE(wait_for_stop(stopped)) << "it went on by itself";
  }
  kill(stopped.pid(), SIGCONT);
  if (producer) storm.consume(nullptr, 60);
  EXPECT_EQ(stopped.join(), 0);
  storm.expect_sound(0);
}

TEST(QueueStopTest, TheDescriptorIsRefusedSoonWhileAProcessIsStoppedAmidAPut) {
  const mp::Queue<int> queue;
  Child stopped{[&] {
    mp::detail::arm_fail_point_stop("queue.put.locked");
    queue.put(1);
    return 0;
  }};
  EXPECT_TRUE(wait_for_stop(stopped));
  EXPECT_THROW((void)queue.fileno(), mp::TimeoutError);
  kill(stopped.pid(), SIGCONT);
  EXPECT_EQ(stopped.join(), 0);
  EXPECT_GE(queue.fileno(), 0);
}

class EveryStopInAQueue : public testing::TestWithParam<std::string> {};

TEST_P(EveryStopInAQueue, LeavesTheTimesOfOthersAsTheyWereAndLosesNothing) {
  const test_support::Watchdog allowed{std::chrono::seconds{120}};
  for (const bool producer : {true, false}) {
    stop_at(GetParam(), Flat(16), producer);
    stop_at(GetParam(), Rich(16), producer);
    stop_at(GetParam(), Rich({.maxsize = 16, .max_bytes = 400'000}), producer);
  }
}

INSTANTIATE_TEST_SUITE_P(Queues, EveryStopInAQueue, testing::ValuesIn(points()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace queues_test
