// Kills at every fail point and at random: the others go on, and no message is torn or doubled.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/asymmetric_fence.hpp"
#include "base/fail_point.hpp"
#include "storm.hpp"
#include "support/fail_points.hpp"
#include "support/watchdog.hpp"

namespace queues_test {
namespace {

using arena_test::Child;
using Flat = mp::Queue<FlatMessage>;
using Rich = mp::JoinableQueue<RichMessage>;

/// Every fail point in the sources of queues, and those of the arena where a holder of a queue's
/// lock may die.
std::set<std::string> points() {
  std::set<std::string> names{"arena.lock.taken",         "arena.lock.before_release",
                              "arena.lock.after_release", "arena.ledger.after_intent",
                              "arena.ledger.after_count", "arena.ledger.after_make",
                              "arena.ledger.before_end",  "arena.ledger.before_free",
                              "arena.claim.after_name",   "arena.free.after_word"};
  names.merge(test_support::fail_points_in(QUEUES_SOURCES));
  return names;
}

/// Three workers that survive, beside whom others are killed.
template <class Queue>
class Scene {
 public:
  explicit Scene(const Queue& queue) : storm_(queue) {
    auto* steps = storm_.board().steps;
    others_.emplace_back([&] { return storm_.produce(&steps[0]); });
    others_.emplace_back([&] { return storm_.consume(&steps[1]); });
    others_.emplace_back([&] { return storm_.produce(&steps[2]); });
  }

  /// Has a producer or a consumer die when it comes by the point for the nth time, if it does.
  void kill_one_at(const std::string& point, unsigned nth, bool producer, bool settled) {
    Child victim{[&] {
      mp::detail::arm_fail_point(point, nth);
      return producer ? storm_.produce(nullptr, 300) : storm_.consume(nullptr, 300);
    }};
    killed_ += (settled ? victim.join() : victim.join_unsettled()) == -SIGKILL ? 1 : 0;
    wait_for_progress();
  }

  /// Each of the others goes on by some steps; the watchdog ends a test that waits in vain.
  void wait_for_progress() {
    auto* steps = storm_.board().steps;
    std::uint64_t before[3];
    std::copy(steps, steps + 3, before);
    for (int i = 0; i < 3; ++i)
      while (steps[i] < before[i] + 3) usleep(100);
  }

  void end() {
    storm_.board().stop = true;
    for (Child& each : others_) EXPECT_EQ(each.join(), 0);
    // Producers may give up a message when they are told to stop.
    storm_.expect_sound(static_cast<std::uint64_t>(killed_) + others_.size());
  }

  [[nodiscard]] int killed() const { return killed_; }
  [[nodiscard]] Storm<Queue>& storm() { return storm_; }

 private:
  Storm<Queue> storm_;
  std::vector<Child> others_;
  int killed_ = 0;
};

template <class Queue>
int kill_at(const std::string& point, const Queue& queue, int kills) {
  Scene<Queue> scene{queue};
  for (int i = 0; i < kills; ++i) {
    const unsigned nth = i < 2 ? 1 : 1 + static_cast<unsigned>(i * i * 7) % 40;
    scene.kill_one_at(point, nth, i % 2 == 0, i % 3 == 0);
  }
  scene.end();
  return scene.killed();
}

class EveryFailPointOfQueues : public testing::TestWithParam<std::string> {};

TEST_P(EveryFailPointOfQueues, KilledThereLeavesTheOthersAtWorkAndNothingTorn) {
  const test_support::Watchdog allowed{std::chrono::seconds{900}};
  const int kills = asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 6);
  int killed = kill_at(GetParam(), Flat(16), (kills + 2) / 3);
  killed += kill_at(GetParam(), Rich({.maxsize = 16, .max_bytes = 60'000}), (kills + 2) / 3);
  killed += kill_at(GetParam(), Rich{}, (kills + 2) / 3);
  std::printf("killed %d times\n", killed);
}

std::vector<std::string> every_point() {
  std::set<std::string> names = points();
  // Of calls that the storm does not make, or of processes that mend what another left; below.
  for (const char* other : {"queue.put.mended", "queue.get.mended"}) names.erase(other);
  return {names.begin(), names.end()};
}
INSTANTIATE_TEST_SUITE_P(Queues, EveryFailPointOfQueues, testing::ValuesIn(every_point()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST(QueueKillTest, EveryFailPointIsPassedByTheTestThatKillsThere) {
  const test_support::Watchdog allowed{std::chrono::seconds{300}};
  Scene scene{Rich(16)};
  Child counting{[&] {
    std::set<std::string> missing = points();
    for (const char* other : {"queue.put.mended", "queue.get.mended"}) missing.erase(other);
    mp::detail::count_fail_points(true);
    for (int round = 0; round < 100 && !missing.empty(); ++round) {
      scene.storm().produce(nullptr, 20);
      scene.storm().consume(nullptr, 20);
      Storm own{Rich{}};  // in which nobody else is
      own.produce(nullptr, 150);
      own.consume(nullptr, 150);
      static_cast<void>(own.queue().try_get(20ms));
      own.produce(nullptr, 1);
      for (const std::string& name : mp::detail::fail_points_seen()) missing.erase(name);
    }
    for (const std::string& name : missing) std::fprintf(stderr, "not passed: %s\n", name.c_str());
    return missing.empty() ? 0 : 1;
  }};
  EXPECT_EQ(counting.join(), 0);
  scene.end();
}

TEST(QueueKillTest, WhoMendsWhatTheDeadLeftMayDieToo) {
  struct Case {
    const char* first;
    const char* second;
    bool producer;
  };
  const std::vector<Case> cases{
      {"queue.slot.queued", "queue.put.mended", true},
      {"queue.object.held", "queue.put.mended", true},
      {"queue.put.published", "queue.put.mended", true},
      {"queue.get.copied", "queue.get.mended", false},
      {"queue.get.freed", "queue.get.mended", false},
      {"queue.slot.taken", "queue.get.mended", false},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.first);
    Storm<Rich> storm{Rich({.max_bytes = 1 << 20})};
    Child filler{[&] { return storm.produce(nullptr, 50); }};
    EXPECT_EQ(filler.join(), 0);
    if (each.producer) storm.consume(nullptr, 50);  // the slots are free again
    for (const char* point : {each.first, each.second}) {
      Child victim{[&] {
        mp::detail::arm_fail_point(point);
        return each.producer ? storm.produce(nullptr, 50) : storm.consume(nullptr, 50);
      }};
      EXPECT_EQ(victim.join_unsettled(), -SIGKILL) << point;
    }
    EXPECT_EQ(storm.produce(nullptr, 50), 0);
    EXPECT_EQ(storm.consume(nullptr, 50), 0);
    storm.expect_sound(2);
  }
}

TEST(QueueKillTest, KilledAtAStepThatAQueueTakesOnceOrSeldom) {
  const test_support::Watchdog allowed{std::chrono::seconds{300}};
  const int kills = (asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 6) + 2) / 3;
  for (const char* point :
       {"queue.book.page_given", "queue.put.before_wake", "queue.ring.sealed", "queue.ring.given",
        "queue.slot.given", "queue.slots.given", "queue.wait.before_sleep", "queue.wake.called",
        "queue.wake.cleared", "queue.wake.counted"}) {
    for (int i = 0; i < kills; ++i) {
      Storm<Rich> storm{Rich{}};
      Child victim{[&] {
        mp::detail::arm_fail_point(point);
        storm.produce(nullptr, 100);
        storm.consume(nullptr, 100);
        static_cast<void>(storm.queue().try_get(20ms));
        return storm.produce(nullptr, 1);
      }};
      EXPECT_EQ(i % 2 == 0 ? victim.join() : victim.join_unsettled(), -SIGKILL) << point;
      EXPECT_EQ(storm.produce(nullptr, 20), 0);
      EXPECT_EQ(storm.consume(nullptr, 20), 0);
      storm.expect_sound(1);
    }
  }
}

// A side that one thread alone is at goes by plain stores: killed there, another takes it over.
TEST(QueueKillTest, KilledAsTheOnlyProducerOrConsumerLeavesTheQueueToTheNext) {
  if (!mp::detail::register_light_fences()) GTEST_SKIP() << "membarrier(2) is not there";
  const test_support::Watchdog allowed{std::chrono::seconds{900}};
  const int kills = (asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 6) + 2) / 3;
  struct Case {
    const char* point;
    bool producer;
  };
  for (const Case& each :
       {Case{"arena.bias.entered", true}, Case{"queue.put.filled", true},
        Case{"queue.put.published", true}, Case{"arena.bias.before_leave", true},
        Case{"arena.bias.entered", false}, Case{"queue.get.copied", false},
        Case{"queue.get.freed", false}, Case{"arena.bias.before_leave", false}}) {
    SCOPED_TRACE(each.point);
    Storm<Flat> storm{Flat(16)};
    std::atomic<std::uint64_t>* steps = storm.board().steps;
    Child other{[&] { return each.producer ? storm.consume(steps) : storm.produce(steps); }};
    for (int i = 0; i < kills; ++i) {
      Child victim{[&] {
        const auto work = [&](int most) {
          return each.producer ? storm.produce(nullptr, most) : storm.consume(nullptr, most);
        };
        mp::detail::count_fail_points(true);
        while (mp::detail::fail_point_passes("arena.bias.entered") == 0) work(50);
        mp::detail::count_fail_points(false);
        mp::detail::arm_fail_point(each.point, 1 + static_cast<unsigned>(i * 13) % 40);
        for (;;) work(50);
        return 0;
      }};
      EXPECT_EQ(i % 2 == 0 ? victim.join() : victim.join_unsettled(), -SIGKILL);
      Child next{
          [&] { return each.producer ? storm.produce(nullptr, 50) : storm.consume(nullptr, 50); }};
      EXPECT_EQ(next.join(), 0);
    }
    storm.board().stop = true;
    EXPECT_EQ(other.join(), 0);
    storm.expect_sound(static_cast<std::uint64_t>(kills) + 1);
  }
}

/// Of so many producers and as many consumers kills one after the other, at most `apart`, and
/// starts another each time.
template <class Queue>
void kill_at_random(const Queue& queue, std::size_t pairs, std::chrono::microseconds apart) {
  const int kills = asked("MULTIPROCESSING_TEST_KILLS", 300) / 2;
  const test_support::Watchdog allowed{std::chrono::seconds{120 + kills / 5}};
  Storm<Queue> storm{queue};
  auto start = [&](std::size_t which) {
    return Child{[&, which] {
      auto* steps = &storm.board().steps[which];
      return which < pairs ? storm.produce(steps) : storm.consume(steps);
    }};
  };
  std::vector<Child> workers;
  for (std::size_t i = 0; i < 2 * pairs; ++i) workers.push_back(start(i));
  std::mt19937 random{77};
  for (int i = 0; i < kills; ++i) {
    usleep(static_cast<useconds_t>(random() % apart.count()));
    const std::size_t which = random() % workers.size();
    ::kill(workers[which].pid(), SIGKILL);
    EXPECT_EQ(random() % 2 == 0 ? workers[which].join() : workers[which].join_unsettled(),
              -SIGKILL);
    workers[which] = start(which);
    std::uint64_t before[4];
    std::copy(storm.board().steps, storm.board().steps + workers.size(), before);
    for (std::size_t k = 0; k < workers.size(); ++k)
      while (storm.board().steps[k] == before[k]) usleep(50);
    if (storm.board().next > StormBoard::numbers - 1000) break;
  }
  storm.board().stop = true;
  for (Child& each : workers) EXPECT_EQ(each.join(), 0);
  storm.expect_sound(static_cast<std::uint64_t>(kills) + workers.size());
}

TEST(QueueKillTest, HundredsOfRandomKillsOfSmallMessages) { kill_at_random(Flat(64), 2, 2500us); }

TEST(QueueKillTest, HundredsOfRandomKillsOfMessagesOfEveryKind) {
  kill_at_random(Rich{}, 2, 2500us);
}

// Left alone for long enough, every other victim has the bias and goes a short way, which has no
// fail points.
TEST(QueueKillTest, HundredsOfRandomKillsOfTheOnlyProducerOrConsumer) {
  kill_at_random(Flat(64), 1, 20ms);
}

}  // namespace
}  // namespace queues_test
