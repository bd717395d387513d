// Workers whose successors are there before they leave.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "pool_suite.hpp"
#include "support/asked.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class SuccessorTest : public PoolTest {};
FOR_EVERY_START_METHOD(SuccessorTest);

// Which of the counters says what.
enum Place : std::size_t { begun, gate, ended, tasks };

void begin(const Counters& counters) { counters.raise(begun); }

int await_another(const Counters& counters, unsigned workers) {
  counters.wait_for(workers, begun);
  return getpid();
}

TEST_P(SuccessorTest, ItIsReadyBeforeTheLastTaskOfTheOneBeforeHasEnded) {
  const Counters counters;
  mp::Pool pool({.processes = 1, .maxtasksperchild = 2}, begin, counters);
  std::set<int> pids;
  for (unsigned life = 1; life < 4; ++life) {
    pids.insert(pool.apply(await_another, counters, life));
    pids.insert(pool.apply(await_another, counters, life + 1));
    EXPECT_EQ(pids.size(), life);
  }
  wait_until([&] { return pool.workers().size() == 1; });
}

TEST_P(SuccessorTest, ItIsReadyBeforeTheLastChunkOfAMapHasEnded) {
  const Counters counters;
  mp::Pool pool({.processes = 1, .maxtasksperchild = 1}, begin, counters);
  const auto task = [](const Counters& c) {
    return await_another(c, static_cast<unsigned>(c.raise(tasks)) + 2);
  };
  const auto pids = pool.map(task, std::vector<Counters>(3, counters), 1);
  EXPECT_EQ(std::set<int>(pids.begin(), pids.end()).size(), 3U);
}

void begin_behind_the_gate(const Counters& counters) {
  if (counters.raise(begun) > 0) counters.wait_for(1, gate);
}

TEST_P(SuccessorTest, AnOldWorkerGoesOnUntilItIsReady) {
  const Counters counters;
  mp::Pool pool({.processes = 1, .max_age = 10ms}, begin_behind_the_gate, counters);
  const pid_t first = pool.apply(getpid);
  counters.wait_for(2, begun);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.apply(getpid), first);
  EXPECT_EQ(pool.stats().restarts, 0U);
  counters.raise(gate);
  wait_until([&] { return pool.apply(getpid) != first; });
}

void end(const Counters& counters) { counters.raise(ended); }

TEST_P(SuccessorTest, APoolThatEndsMeanwhileEndsItToo) {
  enum class How { close, terminate, stop, shrink, forget };
  for (const How how : {How::close, How::terminate, How::stop, How::shrink, How::forget}) {
    const Counters counters;
    mp::Pool pool({.processes = 2, .max_age = 10ms, .at_worker_end = mp::partial(end, counters)},
                  begin_behind_the_gate, counters);
    counters.raise(gate);
    counters.wait_for(4, begun);
    if (how == How::close) pool.close();
    if (how == How::terminate) pool.terminate();
    if (how == How::stop) static_cast<void>(pool.stop(1min));
    if (how == How::shrink) {
      pool.resize(1);
      wait_until([&] { return pool.workers().size() == 1; });
      pool.close();
    }
    if (how == How::forget) continue;
    pool.join();
    if (how == How::close || how == How::shrink) {
      EXPECT_EQ(counters[ended], counters[begun]) << "all have ended well";
    }
  }
}

TEST_P(SuccessorTest, ADeathOfEitherAtAnyPointCostsNoMoreThanItsTask) {
  for (const char* point : {"pool.successor.asked", "pool.successor.ready", "pool.worker.seated"}) {
    SCOPED_TRACE(point);
    const Counters counters;
    mp::Pool pool({.processes = 2, .maxtasksperchild = 3}, arm_first, counters, std::string(point),
                  1U);
    std::vector<mp::AsyncResult<int>> results;
    for (int i = 0; i < 20; ++i)
      results.push_back(pool.apply_async(
          {.retries = 1}, [](int x) { return x * x; }, i));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  }
}

void fail_later(const Counters& counters, bool hangs) {
  if (counters.raise(begun) == 0) return;
  if (!hangs) throw std::domain_error("no more");
  for (;;) pause();
}

TEST_P(SuccessorTest, OneWhoseInitializerFailsBreaksThePool) {
  const Counters counters;
  mp::Pool failing({.processes = 1, .max_age = 10ms}, fail_later, counters, false);
  EXPECT_THROW(for (;;) static_cast<void>(failing.apply(getpid)), mp::BrokenProcessPool);
  const Counters others;
  mp::Pool hanging({.processes = 1, .initializer_timeout = 2s, .max_age = 10ms}, fail_later, others,
                   true);
  EXPECT_THROW(for (;;) static_cast<void>(hanging.apply(getpid)), mp::TimeoutError);
}

int counted(const Counters& runs, int slot) {
  return static_cast<int>(runs.raise(static_cast<std::size_t>(slot)));
}

TEST_P(SuccessorTest, EachTaskOfWorkersForOneTaskRunsOnce) {
  const int count = test_support::asked("MULTIPROCESSING_TEST_RECYCLED", 60);
  const test_support::Watchdog longer(std::chrono::seconds(60 + count / 10));
  constexpr int batch = 200;
  mp::Pool pool({.processes = 3, .maxtasksperchild = 1});
  for (int done = 0; done < count; done += batch) {
    const Counters runs;
    std::vector<mp::AsyncResult<int>> results;
    for (int i = 0; i < batch && done + i < count; ++i)
      results.push_back(pool.apply_async({.retries = 3}, counted, runs, i));
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(results[i].get(), 0);
      EXPECT_EQ(runs[i], 1U);
    }
  }
}

}  // namespace
}  // namespace pool_test
