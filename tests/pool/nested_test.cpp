// Pools in tasks of pools, and what of the machine a worker has.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pool_suite.hpp"
#include "support/watchdog.hpp"

namespace pool_test {
namespace {

class NestedTest : public PoolTest {};
FOR_EVERY_START_METHOD(NestedTest);

std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}
int sum(const std::vector<int>& list) { return std::accumulate(list.begin(), list.end(), 0); }

int leaf(int x) { return x; }
int inner(int x) {
  mp::Pool pool(4);
  std::vector<int> list = numbers(4);
  for (int& each : list) each += 4 * x;
  return sum(pool.map(leaf, list, 1));
}
int outer(int x) {
  mp::Pool pool(4);
  std::vector<int> list = numbers(4);
  for (int& each : list) each += 4 * x;
  return sum(pool.map(inner, list, 1));
}

TEST_P(NestedTest, PoolsInPoolsInPoolsOfAnyGivenSizeAreRight) {
  const test_support::Watchdog longer(std::chrono::seconds(240));
  mp::Pool pool(4);
  EXPECT_EQ(sum(pool.map(outer, numbers(4), 1)), 64 * 63 / 2);
}

/// How many workers the pools have that are made one in the other.
std::vector<int> sizes(int levels) {
  mp::Pool pool;
  std::vector<int> found;
  if (levels > 1) found = pool.apply(sizes, levels - 1);
  found.insert(found.begin(), pool.processes());
  return found;
}

TEST_P(NestedTest, PoolsWithoutANumberShareTheProcessorsAndHaveOneWorkerAtLeast) {
  const std::vector<int> found = sizes(3);
  EXPECT_EQ(found[0], mp::cpu_count());
  EXPECT_EQ(*std::ranges::min_element(found), 1);
  EXPECT_LE(sum(found), mp::cpu_count() + 3);
  mp::Pool one(1);
  EXPECT_EQ(one.apply(sizes, 1), std::vector{std::max(1, mp::cpu_count() - 1)});
}

void tell_and_sleep(Counters says, std::size_t place, int levels) {
  says[place] = static_cast<std::uint32_t>(getpid());
  says.raise(9);
  if (levels == 0)
    for (;;) pause();
  mp::Pool pool(1);
  pool.apply(tell_and_sleep, says, place + 1, levels - 1);
}

TEST_P(NestedTest, AllAreGoneAfterAKillAtTheTop) {
  for (const bool kills : {true, false}) {
    const Counters says;
    {
      mp::Pool pool(1);
      const auto result = pool.apply_async(tell_and_sleep, says, 0, 2);
      says.wait_for(3, 9);
      if (kills) {
        pool.workers().front().kill();
        EXPECT_THROW(result.get(), mp::WorkerDied);
      }
    }
    for (std::size_t i = 0; i < 3; ++i)
      wait_until([&] { return !exists(static_cast<pid_t>(says[i])); });
  }
}

std::optional<mp::Pool> of_the_program;

TEST_P(NestedTest, APoolOfTheProgramSaysInAWorkerWhatToDo) {
  if (!forks()) GTEST_SKIP() << "there the worker has none";
  of_the_program.emplace(1);
  mp::Pool other(1);
  try {
    other.apply([] { return of_the_program->apply(leaf, 1); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const mp::AssertionError& error) {
    EXPECT_NE(std::string(error.what()).find("make one in this process"), std::string::npos);
  }
  of_the_program.reset();
}

TEST_P(NestedTest, ADaemonStillMayNotHaveOtherChildren) {
  mp::Pool pool(1);
  EXPECT_THROW(pool.apply([] {
    mp::Process child{[] {}};
    child.start();
  }),
               mp::AssertionError);
}

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

TEST_P(NestedTest, LibrariesInWorkersAreToldHowManyThreadsAreTheirs) {
  const int alone = mp::cpu_count();
  {
    mp::Pool pool(1);
    for (const char* name :
         {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"})
      EXPECT_EQ(pool.apply(variable, name), std::to_string(alone)) << name;
    EXPECT_EQ(variable("OMP_NUM_THREADS"), "") << "of the workers alone";
    // In a pool of a task it is less again.
    const auto nested = [] {
      mp::Pool inside(mp::cpu_count());
      return inside.apply(variable, "OMP_NUM_THREADS");
    };
    EXPECT_EQ(pool.apply(nested), "1");
  }
  if (GetParam() == "forkserver") return;  // the environment is that of the server's start
  setenv("OMP_NUM_THREADS", "17", 1);
  mp::Pool pool(2);
  EXPECT_EQ(pool.apply(variable, "OMP_NUM_THREADS"), "17");
  EXPECT_EQ(pool.apply(variable, "MKL_NUM_THREADS"), std::to_string(std::max(1, alone / 2)));
  unsetenv("OMP_NUM_THREADS");
}

int pinned_to(Counters together, std::uint32_t workers) {
  together.raise();
  together.wait_for(workers);
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  if (CPU_COUNT(&allowed) != 1) return -1;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(static_cast<std::size_t>(processor), &allowed)) return processor;
  return -1;
}

TEST_P(NestedTest, PinnedWorkersRunOnOneProcessorEach) {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  const int processors = std::min(CPU_COUNT(&allowed), 8);
  const Counters together;
  mp::Pool pool({.processes = processors, .pin = true});
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < processors; ++i)
    results.push_back(
        pool.apply_async(pinned_to, together, static_cast<std::uint32_t>(processors)));
  std::set<int> found;
  for (const auto& result : results) found.insert(result.get());
  EXPECT_EQ(found.size(), static_cast<std::size_t>(processors));
  EXPECT_FALSE(found.contains(-1));
}

}  // namespace
}  // namespace pool_test
