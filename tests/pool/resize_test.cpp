// Workers that come and go while the pool goes on.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

class ResizeTest : public PoolTest {};
FOR_EVERY_START_METHOD(ResizeTest);

int square(int x) { return x * x; }
std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}
std::set<pid_t> pids(const mp::Pool& pool) {
  std::set<pid_t> found;
  for (const auto& worker : pool.workers()) found.insert(worker.pid());
  return found;
}

TEST_P(ResizeTest, APoolGrowsAndShrinksUnderLoadAndLosesNothing) {
  mp::Pool pool(4);
  std::atomic<bool> over{false};
  std::vector<int> mapped;
  std::thread mapping([&] {
    while (!over) {
      mapped = pool.map(square, numbers(500), 1);
      if (mapped.size() != 500 || mapped.back() != 499 * 499) break;
    }
  });
  std::vector<mp::AsyncResult<int>> results;
  for (const int size : {1, 4, 2, 6, 1}) {
    for (int i = 0; i < 200; ++i) results.push_back(pool.apply_async(square, i));
    pool.resize(size);
    EXPECT_EQ(pool.processes(), size);
    for (int i = 0; i < 200; ++i) results.push_back(pool.apply_async(square, i));
    wait_until([&] { return pids(pool).size() == static_cast<std::size_t>(size); });
  }
  over = true;
  mapping.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto x = static_cast<int>(i % 200);
    EXPECT_EQ(results[i].get(), x * x);
  }
  EXPECT_EQ(mapped.back(), 499 * 499);
}

TEST_P(ResizeTest, ImpossibleSizesAreRefused) {
  mp::Pool pool(1);
  EXPECT_THROW(pool.resize(0), mp::ValueError);
  EXPECT_THROW(pool.resize(-1), mp::ValueError);
  EXPECT_THROW(pool.resize(100'000), mp::ValueError);
  EXPECT_EQ(pool.processes(), 1);
  pool.close();
  EXPECT_THROW(pool.resize(2), mp::ValueError);
  pool.join();
}

TEST_P(ResizeTest, AWorkerThatIsOneTooManyEndsWhatItHas) {
  const Counters places;
  mp::Pool pool(2);
  const auto task = [](Counters c) {
    c.raise(0);
    c.wait_for(1, 1);
    return mp::this_worker::index();
  };
  const auto one = pool.apply_async(task, places);
  const auto other = pool.apply_async(task, places);
  places.wait_for(2);
  pool.resize(1);
  EXPECT_EQ(pids(pool).size(), 2U);
  places.raise(1);
  EXPECT_EQ(one.get() + other.get(), 1);
  wait_until([&] { return pids(pool).size() == 1; });
  EXPECT_EQ(pool.apply([] { return mp::this_worker::index(); }), 0);
}

TEST_P(ResizeTest, IdleWorkersLeaveAndComeBack) {
  const Counters ends;
  mp::Pool pool({.processes = 3, .idle_timeout = 50ms});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(pool.map(square, numbers(20), 1), [] {
      std::vector<int> list = numbers(20);
      for (int& x : list) x *= x;
      return list;
    }());
    wait_until([&] { return pool.workers().empty(); });
    EXPECT_EQ(pool.processes(), 3);
    EXPECT_EQ(pool.apply(square, 5), 25);
    wait_until([&] { return pool.workers().empty(); });
  }
  // As many as are needed at the same time.
  const Counters together;
  const auto meet = [](Counters c) {
    c.raise();
    c.wait_for(3);
    return mp::this_worker::index();
  };
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 3; ++i) results.push_back(pool.apply_async(meet, together));
  std::set<int> indexes;
  for (const auto& result : results) indexes.insert(result.get());
  EXPECT_EQ(indexes, (std::set{0, 1, 2}));
}

TEST_P(ResizeTest, SoManyWorkersStayAlthoughTheyAreIdle) {
  mp::Pool pool({.processes = 4, .idle_timeout = 20ms, .min_processes = 2});
  wait_until([&] { return pool.workers().size() == 2; });
  const std::set<pid_t> stayed = pids(pool);
  const Counters together;
  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 4; ++i)
    results.push_back(pool.apply_async(
        [](Counters c) {
          c.raise();
          c.wait_for(4);
          return mp::this_worker::index();
        },
        together));
  std::set<int> indexes;
  for (const auto& result : results) indexes.insert(result.get());
  EXPECT_EQ(indexes, (std::set{0, 1, 2, 3}));
  wait_until([&] { return pool.workers().size() == 2; });
  EXPECT_EQ(pids(pool), stayed);
}

TEST_P(ResizeTest, APoolWhoseWorkersHaveLeftCanBeClosedAndTerminated) {
  for (const bool closes : {true, false}) {
    mp::Pool pool({.processes = 2, .idle_timeout = 20ms});
    wait_until([&] { return pool.workers().empty(); });
    if (closes)
      pool.close();
    else
      pool.terminate();
    pool.join();
  }
}

TEST_P(ResizeTest, OldWorkersAreReplacedAlsoIdleOnes) {
  mp::Pool pool({.processes = 1, .max_age = 100ms});
  std::set<pid_t> seen;
  wait_until([&] {
    for (const pid_t pid : pids(pool)) seen.insert(pid);
    return seen.size() >= 3;
  });
  std::set<pid_t> busy;
  for (int i = 0; i < 4000 && busy.size() < 3; ++i) {
    const auto here = pool.map([](int) { return getpid(); }, numbers(20), 1);
    busy.insert(here.begin(), here.end());
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_GE(busy.size(), 3U);
}

std::string ballast;

/// Of this process, in bytes.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST_P(ResizeTest, WorkersThatHaveGrownAreReplaced) {
  const std::size_t limit = 2 * resident() + (std::size_t{16} << 20);
  mp::Pool pool({.processes = 1, .max_rss = limit});
  const auto grow = [](std::size_t bytes) {
    ballast.assign(bytes, 'x');
    return getpid();
  };
  const pid_t first = pool.apply(grow, 1000);
  EXPECT_EQ(pool.apply(grow, 1000), first);
  EXPECT_EQ(pool.apply(grow, limit), first);
  wait_until([&] { return pool.apply(grow, 1000) != first; });  // once another one is ready
}

TEST_P(ResizeTest, ALimitBelowTheSizeOfAFreshWorkerIsOneError) {
  mp::Pool pool({.processes = 2, .max_rss = 1 << 16});
  for (int i = 0; i < 2; ++i) {
    try {
      for (;;) (void)pool.apply(square, 1);
    } catch (const mp::BrokenProcessPool& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("max_rss is 64 KiB, and a fresh worker has"), std::string::npos) << text;
    }
  }
  pool.join();
}

TEST_P(ResizeTest, ImpossibleLimitsAreRefused) {
  EXPECT_THROW(mp::Pool({.processes = 1, .idle_timeout = 0s}), mp::ValueError);
  EXPECT_THROW(mp::Pool({.processes = 1, .max_age = -1s}), mp::ValueError);
  EXPECT_THROW(mp::Pool({.processes = 1, .min_processes = 2}), mp::ValueError);
  EXPECT_THROW(mp::Pool({.processes = 1, .min_processes = -1}), mp::ValueError);
}

/// The one that is called keeps it from the others until both have called.
std::string threads_of_its_libraries(Counters together, std::uint32_t workers) {
  together.raise();
  together.wait_for(workers);
  const char* threads = std::getenv("OMP_NUM_THREADS");
  return std::to_string(mp::this_worker::index()) + ": " + (threads == nullptr ? "" : threads);
}

TEST_P(ResizeTest, LaterWorkersHaveTheShareOfTheNewSize) {
  if (std::getenv("OMP_NUM_THREADS") != nullptr) GTEST_SKIP() << "it is set for this program";
  const int all = mp::cpu_count();
  mp::Pool pool(1);
  EXPECT_EQ(pool.apply(threads_of_its_libraries, Counters{}, 1U), "0: " + std::to_string(all));
  pool.resize(2);
  const Counters together;
  std::set<std::string> found;
  for (const std::string& text :
       pool.map(mp::partial(threads_of_its_libraries, together), {2U, 2U}, 1))
    found.insert(text);
  EXPECT_EQ(found,
            (std::set{"0: " + std::to_string(all), "1: " + std::to_string(std::max(1, all / 2))}));
}

}  // namespace
}  // namespace pool_test
