// The good end of a worker, initializers that take too long, and deaths in a row.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class WorkerEndTest : public PoolTest {};
FOR_EVERY_START_METHOD(WorkerEndTest);

template <class E, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "it was not thrown";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

int square(int x) { return x * x; }

// ---- the good end ----

/// Counts its end in the worker; an object of this kind as the worker's state counts in another
/// place.
struct Ending {
  Counters ends;
  void operator()() const {
    ends.raise(0);
    EXPECT_GE(mp::this_worker::index(), 0);
  }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& ends;
  }
};
struct Kept {
  Counters ends;
  explicit Kept(const Counters& counted) : ends(counted) {}
  Kept(Kept&& other) noexcept : ends(other.ends), counts(std::exchange(other.counts, false)) {}
  ~Kept() {
    if (counts) ends.raise(1);
  }
  bool counts = true;
};

TEST_P(WorkerEndTest, WhatIsToBeDoneAtAGoodEndIsDoneAtCloseAndWhenTheTasksAreDone) {
  const Counters ends;
  {
    mp::Pool pool(
        {.processes = 2, .maxtasksperchild = 2, .at_worker_end = Ending{ends}},
        [](const Counters& c) { mp::this_worker::set_state(Kept(c)); }, ends);
    (void)pool.map(square, std::vector<int>(6), 1);
    pool.close();
    pool.join();
  }
  EXPECT_GE(ends[0], 3U);
  EXPECT_EQ(ends[0], ends[1]) << "the state goes after it";
}

TEST_P(WorkerEndTest, ItIsNotDoneInAWorkerThatIsKilled) {
  const Counters ends;
  {
    mp::Pool pool({.processes = 2, .at_worker_end = Ending{ends}});
    EXPECT_THROW(pool.apply([] { raise(SIGKILL); }), mp::WorkerDied);
    pool.terminate();
    pool.join();
  }
  EXPECT_EQ(ends[0], 0U);
}

TEST_P(WorkerEndTest, WhatItThrowsChangesNothing) {
  const Counters ends;
  mp::Pool pool({.processes = 1, .maxtasksperchild = 1, .at_worker_end = [] {
                   throw std::runtime_error("at the end");
                 }});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.apply(square, i), i * i);
  const auto workers = pool.workers();
  pool.close();
  pool.join();
  for (const auto& worker : workers) EXPECT_EQ(worker.exitcode(), 0);
}

// ---- initializers that hang ----

TEST_P(WorkerEndTest, AWorkerWhoseInitializerHangsIsKilledAndThePoolIsBroken) {
  const Counters begun;
  mp::Pool pool(
      {.processes = 2, .initializer_timeout = 300ms},
      [](const Counters& c) {
        if (c.raise() == 0)
          for (;;) pause();
      },
      begun);
  const std::string text = message_of<mp::TimeoutError>([&] {
    for (;;) (void)pool.map(square, {1, 2, 3}, 1);  // the other worker serves
  });
  EXPECT_TRUE(contains(text, "PoolWorker-")) << text;
  EXPECT_TRUE(contains(text, "within 0.3 s")) << text;
  EXPECT_THROW(pool.apply(square, 1), mp::TimeoutError);
  pool.join();
  EXPECT_TRUE(pool.workers().empty());
}

TEST_P(WorkerEndTest, ResultsThatWaitForAnInitializerThatHangsThrowToo) {
  mp::Pool pool({.processes = 1, .initializer_timeout = 100ms}, [] {
    for (;;) pause();
  });
  const auto result = pool.apply_async(square, 1);
  EXPECT_THROW(result.get(), mp::TimeoutError);
}

TEST_P(WorkerEndTest, AnInitializerInTimeMayBeFollowedByWhateverTakesLonger) {
  mp::Pool pool({.processes = 1, .initializer_timeout = 20s}, [] {});
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// ---- deaths in a row ----

TEST_P(WorkerEndTest, APoolWhoseWorkersDieAgainAndAgainIsBrokenWithTheHistory) {
  mp::Pool pool(2);
  try {
    pool.map([](int) { raise(SIGKILL); }, std::vector<int>(1000), {.chunksize = 1});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const mp::BrokenProcessPool& error) {
    EXPECT_TRUE(contains(error.what(), "before they had finished one task")) << error.what();
    ASSERT_EQ(error.history().size(), 102U);
    for (const mp::WorkerDied& death : error.history()) EXPECT_EQ(death.exitcode(), -SIGKILL);
  }
  pool.join();
}

TEST_P(WorkerEndTest, DeathsInInitializersAreInTheHistory) {
  mp::Pool pool(1, [] { std::exit(3); });
  try {
    (void)pool.apply(square, 1);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const mp::BrokenProcessPool& error) {
    ASSERT_EQ(error.history().size(), 9U);
    EXPECT_EQ(error.history().front().exitcode(), 3);
  }
}

TEST_P(WorkerEndTest, IdleWorkersThatAreKilledAreNoneOfThem) {
  const Counters begun;
  mp::Pool pool(
      1, [](const Counters& c) { c.raise(); }, begun);
  for (std::uint32_t i = 1; i <= 12; ++i) {
    begun.wait_for(i);
    for (const auto& worker : pool.workers()) {
      worker.kill();
      worker.join();
    }
  }
  for (;;) {
    try {
      EXPECT_EQ(pool.apply(square, 3), 9);
      break;
    } catch (const mp::WorkerDied&) {  // it was still to be killed
    }
  }
}

}  // namespace
}  // namespace pool_test
