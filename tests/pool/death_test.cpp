// Workers that die: who is told what, and that everything else goes on.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "pool_suite.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

class DeathTest : public PoolTest {};
FOR_EVERY_START_METHOD(DeathTest);

int square(int x) { return x * x; }
std::string text_of(int x) { return std::to_string(x); }

std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}

/// How a map went that workers may have died in.
enum class End { done, worker_died };

template <class F>
End map_to_the_end(mp::Pool& pool, F f, int count, const mp::MapOptions& options) {
  std::vector<decltype(f(0))> expected;
  for (int x : numbers(count)) expected.push_back(f(x));
  try {
    EXPECT_EQ(pool.map(f, numbers(count), options), expected);
    return End::done;
  } catch (const mp::WorkerDied&) {
    return End::worker_died;
  }
}

TEST_P(DeathTest, W10AKilledWorkerFailsItsChunkAndIsReplaced) {
  mp::Pool pool(2);
  const Counters done;
  const auto task = [](Counters c, int x) {
    if (x == 7) raise(SIGKILL);
    c.raise();
    return x;
  };
  const auto before = pool.workers();
  try {
    pool.map(mp::partial(task, done), numbers(100), 5);
    ADD_FAILURE() << "the death went unnoticed";
  } catch (const mp::WorkerDied& error) {
    EXPECT_TRUE(error.pid() == before[0].pid() || error.pid() == before[1].pid());
    EXPECT_EQ(error.exitcode(), -SIGKILL);
    EXPECT_EQ(error.task(), 5U) << "the first element of the chunk";
    EXPECT_EQ(error.what(), "worker " + std::to_string(error.pid()) +
                                " was killed by SIGKILL while it had elements 5 to 9");
  }
  EXPECT_EQ(done[0], 97U) << "all but 7, 8 and 9";
  wait_until([&] { return pool.workers().size() == 2; });
  EXPECT_NE(pool.workers(), before);
  EXPECT_EQ(map_to_the_end(pool, square, 100, {}), End::done);
}

TEST_P(DeathTest, W11AKilledIdleWorkerDoesNotStopTheOthers) {
  mp::Pool pool(2);
  EXPECT_EQ(map_to_the_end(pool, square, 10, {}), End::done);
  for (int round = 0; round < 5; ++round) {
    const auto workers = pool.workers();
    if (workers.empty()) continue;
    workers.front().kill();
    workers.front().join();
    EXPECT_EQ(map_to_the_end(pool, square, 100, {.chunksize = 1}), End::done);
  }
}

TEST_P(DeathTest, W12StdExitInATaskIsTheDeathOfItsWorker) {
  mp::Pool pool(2);
  try {
    pool.map([](int x) { return x == 3 ? std::exit(5), x : x; }, numbers(10), 1);
    ADD_FAILURE();
  } catch (const mp::WorkerDied& error) {
    EXPECT_EQ(error.exitcode(), 5);
    EXPECT_EQ(error.task(), 3U);
  }
  EXPECT_EQ(map_to_the_end(pool, square, 10, {}), End::done);
}

TEST_P(DeathTest, W12PthreadExitInATaskIsTheDeathOfItsWorker) {
  mp::Pool pool(2);
  EXPECT_THROW(pool.map([](int) { pthread_exit(nullptr); }, {1}), mp::WorkerDied);
  EXPECT_EQ(map_to_the_end(pool, square, 10, {}), End::done);
}

TEST_P(DeathTest, ACrashIsReportedWithItsSignal) {
  mp::Pool pool(2);
  for (const int number : {SIGSEGV, SIGABRT, SIGTERM}) {
    try {
      const auto task = [](int signal_number) {
        signal(signal_number, SIG_DFL);  // a sanitizer may have its own
        raise(signal_number);
      };
      pool.map(task, {number});
      ADD_FAILURE();
    } catch (const mp::WorkerDied& error) {
      EXPECT_EQ(error.exitcode(), -number);
    }
  }
}

TEST_P(DeathTest, AnExceptionCountsMoreThanADeathAndAllDeathsAreOneError) {
  mp::Pool pool(2);
  const auto dies_or_throws = [](int x) {
    if (x == 1 || x == 8) raise(SIGKILL);
    if (x == 5) throw std::out_of_range("five");
  };
  EXPECT_THROW(pool.map(dies_or_throws, numbers(10), 1), std::out_of_range);
  try {
    pool.map([](int x) { return x % 3 == 2 ? raise(SIGKILL) : x; }, numbers(12), 1);
    ADD_FAILURE();
  } catch (const mp::WorkerDied& error) {
    EXPECT_EQ(error.task(), 2U) << "the lowest";
  }
}

TEST_P(DeathTest, AChunkMayBeRetried) {
  mp::Pool pool(2);
  const Counters tries;
  const auto task = [](Counters c, int x) {
    if (x == 3 && c.raise() < 2) raise(SIGKILL);
    return x;
  };
  EXPECT_EQ(pool.map(mp::partial(task, tries), numbers(20), {.chunksize = 2, .retries = 2}),
            numbers(20));
  EXPECT_EQ(tries[0], 3U);
  tries[0] = 0;
  EXPECT_THROW(pool.map(mp::partial(task, tries), numbers(20), {.retries = 1}), mp::WorkerDied);
}

TEST_P(DeathTest, RetriedChunksWithResultsAsBytesAreWholeAndLeaveNothing) {
  mp::Pool pool(2);
  const auto die_after_results = [](Counters c, int x) {
    // Killed in the middle of a chunk, and at its first element in another try.
    if (x % 7 == 3 && c.raise(static_cast<std::size_t>(x)) < 2) raise(SIGKILL);
    return std::string(static_cast<std::size_t>(x) * 100, 'x');
  };
  std::vector<std::string> expected;
  for (int x : numbers(30)) expected.emplace_back(static_cast<std::size_t>(x) * 100, 'x');
  const Counters tries;
  EXPECT_EQ(
      pool.map(mp::partial(die_after_results, tries), numbers(30), {.chunksize = 4, .retries = 9}),
      expected);
}

TEST_P(DeathTest, AWorkerThatIsReplacedDuringAMapDoesNotKeepTheJobInMemory) {
  mp::Pool pool(2);
  const InUse before = in_use();
  for (int round = 0; round < 5; ++round)
    EXPECT_THROW(pool.map(
                     [](int x) {
                       if (x == 3) raise(SIGKILL);
                       return std::to_string(x);
                     },
                     numbers(50), 1),
                 mp::WorkerDied);
  wait_until([&] { return pool.workers().size() == 2 && in_use().objects <= before.objects; });
}

TEST_P(DeathTest, RecoversWhenAllWorkersAreKilledAtOnce) {
  mp::Pool pool(3);
  for (int round = 0; round < 5; ++round) {
    for (const auto& worker : pool.workers()) worker.kill();
    EXPECT_EQ(map_to_the_end(pool, text_of, 50, {.chunksize = 1, .retries = 3}), End::done);
  }
}

TEST_P(DeathTest, DeathsOfASmallPoolInARowDoNotBreakItWhileItsWorkersServe) {
  mp::Pool pool(1);
  for (int round = 0; round < 15; ++round)
    EXPECT_THROW(pool.map([](int) { raise(SIGKILL); }, {1}), mp::WorkerDied);
  EXPECT_EQ(map_to_the_end(pool, square, 10, {}), End::done);
}

// ---- fail points ----

struct Place {
  const char* point;
  std::vector<unsigned> passes;
  bool loses_work;  // the chunk in hand; at the others nothing can be lost
};

const std::vector<Place> places{
    {"pool.pick.holding", {1, 2}, false},           {"arena.lock.taken", {1, 2}, false},
    {"arena.lock.before_release", {1, 2}, false},   {"arena.lock.after_release", {1}, false},
    {"pool.chunk.after_propose", {1, 2, 7}, false}, {"pool.chunk.after_claim", {1, 2, 7}, true},
    {"pool.result.before_give", {1, 3}, true},      {"pool.error.before_give", {1}, true},
    {"pool.chunk.before_end", {1, 2, 7}, true},     {"pool.chunk.after_end", {1, 2, 7}, false},
};

int throws_now_and_then(int x) {
  if (x % 5 == 4) throw std::runtime_error("now and then");
  return x;
}

void map_with(mp::Pool& pool, const Place& place) {
  for (const int retries : {0, 2}) {
    const mp::MapOptions options{.chunksize = 2, .retries = retries};
    const End flat = map_to_the_end(pool, square, 40, options);
    const End bytes = map_to_the_end(pool, text_of, 40, options);
    if (retries > 0 || !place.loses_work) {
      EXPECT_EQ(flat, End::done) << place.point;
      EXPECT_EQ(bytes, End::done) << place.point;
    }
    EXPECT_THROW(pool.map(throws_now_and_then, numbers(40), options), std::runtime_error);
  }
}

TEST_P(DeathTest, AWorkerMayBeKilledAtAnyFailPoint) {
  const test_support::Watchdog longer(std::chrono::seconds(240));
  for (const Place& place : places) {
    for (const unsigned pass : passes_asked_for(place.passes)) {
      SCOPED_TRACE(place.point + std::string(" ") + std::to_string(pass));
      const Counters armed;
      mp::Pool pool(2, arm_first, armed, place.point, pass);
      // A third worker takes the place of one that died, however the machine spreads the work.
      do map_with(pool, place);
      while (armed[0] <= 2);
      EXPECT_EQ(map_to_the_end(pool, square, 40, {}), End::done);
    }
  }
}

TEST_P(DeathTest, AWorkerMayBeKilledAroundItsInitializer) {
  if (!forks()) GTEST_SKIP() << "only a forked worker inherits what is armed here";
  for (const char* point : {"pool.worker.begun", "pool.worker.seated"}) {
    SCOPED_TRACE(point);
    mp::detail::arm_fail_point(point);
    mp::Pool pool(2);
    const auto first = pool.workers();
    mp::detail::arm_fail_point("");
    for (const auto& worker : first) {
      worker.join();
      EXPECT_EQ(worker.exitcode(), -SIGKILL);
    }
    EXPECT_EQ(map_to_the_end(pool, square, 40, {}), End::done);
  }
}

TEST_P(DeathTest, EveryWorkerMayBeKilledAgainAndAgain) {
  const test_support::Watchdog longer(std::chrono::seconds(240));
  for (const char* point : {"pool.chunk.after_propose", "pool.chunk.before_end",
                            "pool.pick.holding", "pool.result.before_give"}) {
    SCOPED_TRACE(point);
    const Counters armed;
    mp::Pool pool(2, arm_each, armed, std::string(point), 4U);
    do {
      EXPECT_EQ(map_to_the_end(pool, text_of, 30, {.chunksize = 2, .retries = 100}), End::done);
      EXPECT_EQ(map_to_the_end(pool, square, 30, {.chunksize = 2, .retries = 100}), End::done);
    } while (armed[0] <= 2);
  }
}

TEST_P(DeathTest, AnInitializerMayBeKilledWhileItReportsItsFailure) {
  for (const char* point : {"pool.initializer.before_mark", "arena.lock.before_release"}) {
    SCOPED_TRACE(point);
    const Counters armed;
    mp::Pool pool(
        2,
        [](const Counters& c, const std::string& where) {
          arm_first(c, where, 1);
          throw std::runtime_error("no database");
        },
        armed, std::string(point));
    EXPECT_THROW(pool.map(square, numbers(10)), mp::BrokenProcessPool);
  }
}

// ---- at random ----

/// Kills workers of the pool now and then, until it goes out of scope: two for each map at most,
/// for a pool of workers that never come to serve is broken, and that depends on the machine.
class Killer {
 public:
  explicit Killer(const mp::Pool& pool)
      : thread_([this, &pool] {
          std::mt19937 random{20};
          while (!done_) {
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
            const auto workers = pool.workers();
            if (workers.empty() || kills_ >= 2 * maps_) continue;
            workers[random() % workers.size()].kill();
            ++kills_;
          }
        }) {}
  ~Killer() {
    done_ = true;
    thread_.join();
    EXPECT_GT(kills_, 0);
  }
  Killer(const Killer&) = delete;

  void next_map() { ++maps_; }

 private:
  std::atomic<bool> done_ = false;
  std::atomic<int> maps_ = 0;
  int kills_ = 0;
  std::thread thread_;
};

TEST_P(DeathTest, WorkersMayBeKilledAtRandomDuringMaps) {
  const int maps = rounds_with_kills();
  const test_support::Watchdog longer(std::chrono::seconds(60 + maps));
  mp::Pool pool(3);
  int died = 0;
  {
    Killer killer(pool);
    for (int map = 0; map < maps; ++map) {
      killer.next_map();
      const mp::MapOptions options{.chunksize = 1 + map % 5, .retries = map % 3 == 0 ? 0 : 1000};
      const auto slow_text = [](int x) {
        for (int spin = 0; spin < 20; ++spin) sched_yield();
        return std::to_string(x);
      };
      const End end = map % 2 == 0 ? map_to_the_end(pool, slow_text, 300, options)
                                   : map_to_the_end(pool, square, 5000, options);
      if (options.retries > 0) {
        EXPECT_EQ(end, End::done);
      }
      died += end == End::worker_died ? 1 : 0;
    }
  }
  RecordProperty("maps that lost a worker", died);
  EXPECT_EQ(map_to_the_end(pool, text_of, 100, {}), End::done);
}

}  // namespace
}  // namespace pool_test
