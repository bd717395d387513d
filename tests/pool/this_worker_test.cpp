// What workers and tasks may ask about themselves.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class ThisWorkerTest : public PoolTest {};
FOR_EVERY_START_METHOD(ThisWorkerTest);

using Seeds = std::vector<std::uint64_t>;

std::uint64_t seed_of_task(int) { return mp::this_task::seed(); }

/// Comes back when as many workers are in it.
std::pair<int, std::uint64_t> who(Counters together, std::size_t round, std::uint32_t workers) {
  together.raise(round);
  together.wait_for(workers, round);
  return {mp::this_worker::index(), mp::this_worker::seed()};
}

std::vector<std::pair<int, std::uint64_t>> all_workers(mp::Pool& pool, Counters together,
                                                       std::size_t round) {
  std::vector<mp::AsyncResult<std::pair<int, std::uint64_t>>> results;
  for (int i = 0; i < pool.processes(); ++i)
    results.push_back(pool.apply_async({.retries = 20}, who, together, round,
                                       static_cast<std::uint32_t>(pool.processes())));
  std::vector<std::pair<int, std::uint64_t>> found;
  for (const auto& result : results) found.push_back(result.get());
  std::ranges::sort(found);
  return found;
}

TEST_P(ThisWorkerTest, IndexesAreStableOverDeathsAndSeedsAreNot) {
  const Counters together;
  std::set<std::uint64_t> seeds;
  mp::Pool pool(3);
  for (std::size_t round = 0; round < 4; ++round) {
    const auto found = all_workers(pool, together, round);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(found[static_cast<std::size_t>(i)].first, i);
      seeds.insert(found[static_cast<std::size_t>(i)].second);
    }
    for (const auto& worker : pool.workers()) {
      worker.kill();
      worker.join();
    }
  }
  EXPECT_EQ(seeds.size(), 12U);
}

TEST_P(ThisWorkerTest, EachElementAndEachCallHasASeedOfItsOwn) {
  const std::vector<int> items(20);
  std::set<std::uint64_t> seeds;
  const auto add = [&seeds](const auto& some) { seeds.insert(some.begin(), some.end()); };
  for (int round = 0; round < 2; ++round) {
    mp::Pool pool(2);
    add(pool.map(seed_of_task, items, 3));
    add(pool.map_async(seed_of_task, items, 3).get());
    for (const std::uint64_t seed : pool.imap(seed_of_task, items, 3)) seeds.insert(seed);
    for (int i = 0; i < 3; ++i) seeds.insert(pool.apply(seed_of_task, i));
  }
  EXPECT_EQ(seeds.size(), 2U * 63U);
}

Seeds seeds_in_process(int workers, int chunksize) {
  mp::Pool pool(workers);
  const std::vector<int> items(20);
  Seeds seeds = pool.map(seed_of_task, items, chunksize);
  const Seeds later = pool.map_async(seed_of_task, items, chunksize).get();
  seeds.insert(seeds.end(), later.begin(), later.end());
  seeds.push_back(pool.apply(seed_of_task, 1));
  return seeds;
}

std::uint32_t folded(const Seeds& seeds) {
  std::uint64_t sum = 0;
  for (const std::uint64_t seed : seeds) sum = sum * 31 + seed;
  return static_cast<std::uint32_t>(sum);
}

TEST_P(ThisWorkerTest, SeedsAreTheSameInEveryRunWithAnyNumberOfWorkers) {
  const Counters says;
  std::size_t place = 0;
  for (const auto& [workers, chunksize] : {std::pair{1, 1}, std::pair{3, 7}}) {
    mp::Process run{mp::ProcessOptions{.name = "run"},
                    [](const Counters& c, std::size_t at, int number, int size) {
                      c[at] = folded(seeds_in_process(number, size));
                    },
                    says,
                    place++,
                    workers,
                    chunksize};
    run.start();
    run.join();
    EXPECT_EQ(run.exitcode(), 0);
  }
  EXPECT_NE(says[0], 0U);
  EXPECT_EQ(says[0], says[1]);
}

TEST_P(ThisWorkerTest, ATaskThatIsTriedAgainHasTheSameIndexAndSeed) {
  const Counters tries;
  const auto task = [](Counters c, std::size_t element) {
    const auto half = static_cast<std::uint32_t>(mp::this_task::seed());
    if (element != mp::this_task::index()) return false;
    if (element != 5) return true;
    if (c.raise() == 0) {
      c[1] = half;
      raise(SIGKILL);
    }
    return c[1] == half;
  };
  std::vector<std::size_t> elements(12);
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = i;
  mp::Pool pool(2);
  EXPECT_EQ(pool.map(mp::partial(task, tries), elements, {.chunksize = 4, .retries = 1}),
            std::vector<bool>(12, true));
  tries[0] = 0;
  EXPECT_EQ(
      pool.map_async(mp::partial(task, tries), elements, {.chunksize = 4, .retries = 1}).get(),
      std::vector<bool>(12, true));
}

TEST_P(ThisWorkerTest, OutsideOfWorkersAndTasksThereIsNothingToAsk) {
  EXPECT_THROW(static_cast<void>(mp::this_worker::index()), mp::AssertionError);
  EXPECT_THROW(static_cast<void>(mp::this_worker::seed()), mp::AssertionError);
  EXPECT_THROW(static_cast<void>(mp::this_task::seed()), mp::AssertionError);
  EXPECT_THROW(mp::this_worker::set_state(1), mp::AssertionError);
  mp::Pool pool(1, [] {
    static_cast<void>(mp::this_worker::index());
    try {
      static_cast<void>(mp::this_task::index());
    } catch (const mp::AssertionError&) {
      return;
    }
    throw std::runtime_error("an initializer is no task");
  });
  EXPECT_EQ(pool.apply(mp::this_task::index), 0U);
}

struct Connection {  // moves only
  std::unique_ptr<std::string> to;
};

TEST_P(ThisWorkerTest, TheInitializersStateReachesTheTasksAlsoInAReplacement) {
  mp::Pool pool(
      1,
      [](std::string to) {
        mp::this_worker::set_state(Connection{std::make_unique<std::string>(std::move(to))});
      },
      "server");
  const auto add = [](std::string text) {
    std::string& to = *mp::this_worker::state<Connection>().to;
    to += text;
    return to;
  };
  EXPECT_EQ(pool.apply(add, "+"), "server+");
  EXPECT_EQ(pool.apply(add, "+"), "server++");
  pool.workers().front().kill();
  while (true) {
    try {
      EXPECT_EQ(pool.apply(add, "-"), "server-");
      break;
    } catch (const mp::WorkerDied&) {  // it was still to be killed
    }
  }
  EXPECT_THROW(pool.apply([] { return mp::this_worker::state<int>(); }), mp::ValueError);
  mp::Pool none(1);
  EXPECT_THROW(none.apply([] { return mp::this_worker::state<int>(); }), mp::ValueError);
}

}  // namespace
}  // namespace pool_test
