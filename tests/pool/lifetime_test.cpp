// How pools begin and end, and their workers with them.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

class LifetimeTest : public PoolTest {};
FOR_EVERY_START_METHOD(LifetimeTest);

int square(int x) { return x * x; }
std::vector<int> numbers(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}
std::set<pid_t> pids(const std::vector<mp::ProcessHandle>& workers) {
  std::set<pid_t> found;
  for (const auto& worker : workers) found.insert(worker.pid());
  return found;
}
template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// CPython: _TestPool.test_make_pool
TEST_P(LifetimeTest, APoolHasAsManyWorkersAsItWasTold) {
  EXPECT_THROW(mp::Pool(-1), mp::ValueError);
  EXPECT_THROW(mp::Pool(0), mp::ValueError);
  mp::Pool pool(3);
  EXPECT_EQ(pool.processes(), 3);
  EXPECT_EQ(pids(pool.workers()).size(), 3U);
  EXPECT_EQ(mp::Pool{}.processes(), mp::cpu_count());
}

TEST_P(LifetimeTest, APoolThatIsAssignedEndsTheOneThatWasThere) {
  mp::Pool pool(1);
  const mp::ProcessHandle before = pool.workers().front();
  pool = mp::Pool(2);
  EXPECT_FALSE(before.is_alive());
  EXPECT_EQ(pool.processes(), 2);
  mp::Pool& same = pool;
  pool = std::move(same);
  EXPECT_EQ(pool.map(square, {3}), std::vector{9});

  mp::Pool other(1);
  std::swap(pool, other);
  EXPECT_EQ(pool.processes(), 1);
  EXPECT_EQ(other.processes(), 2);
  pool = std::move(other);
  EXPECT_THROW((void)other.processes(), mp::ValueError);
}

TEST_P(LifetimeTest, PoolsCanBeReplacedInContainers) {
  std::optional<mp::Pool> later;
  later = mp::Pool(1);
  later = mp::Pool(2);
  std::vector<mp::Pool> pools;
  for (int i = 1; i <= 3; ++i) pools.emplace_back(i);
  pools.erase(pools.begin());
  EXPECT_EQ(pools.front().processes(), 2);
  EXPECT_EQ(pools.back().map(square, {4}), std::vector{16});
  EXPECT_EQ(later->map(square, {5}), std::vector{25});
}

// CPython: _TestPoolWorkerLifetime.test_pool_maxtasksperchild_invalid
TEST_P(LifetimeTest, AnImpossibleMaxtasksperchildIsRefused) {
  EXPECT_THROW(mp::Pool(mp::PoolOptions{.processes = 1, .maxtasksperchild = 0}), mp::ValueError);
  EXPECT_THROW(mp::Pool(mp::PoolOptions{.processes = 1, .maxtasksperchild = -1}), mp::ValueError);
}

using Seen = std::tuple<uid_t, gid_t, mode_t>;

Seen look(int) {
  const mode_t mask = umask(0);
  umask(mask);
  return {getuid(), getgid(), mask};
}

// They are started by a thread of the pool, long after the pool was made.
TEST_P(LifetimeTest, WorkersThatReplaceOthersHaveWhatTheProgramHasNow) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const auto target = [] {
    constexpr uid_t other = 65534;
    mp::Pool pool(mp::PoolOptions{.processes = 1, .maxtasksperchild = 1});
    if (pool.map(look, {1})[0] != look(1)) throw mp::Exit{2};
    umask(027);
    if (setresgid(other, other, other) != 0 || setresuid(other, other, other) != 0)
      throw mp::Exit{77};
    (void)pool.map(look, {1});  // the worker may have been there already
    for (const Seen& seen : pool.map(look, {1, 2, 3}, 1))
      if (seen != Seen{other, other, 027}) throw mp::Exit{3};
  };
  const int code = test_support::run_in_child(target);
  if (code == 77) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(code, 0);
}

TEST_P(LifetimeTest, WorkersAreDaemonsAndAreNamedAndNumbered) {
  mp::Pool pool(2);
  const std::string kind = forks() ? "Fork" : GetParam() == "spawn" ? "Spawn" : "ForkServer";
  std::set<std::string> names;
  for (const auto& worker : pool.workers()) {
    names.insert(worker.name());
    EXPECT_TRUE(worker.daemon());
    EXPECT_TRUE(worker.is_alive());
  }
  EXPECT_EQ(names, (std::set<std::string>{kind + "PoolWorker-1", kind + "PoolWorker-2"}));
  for (const std::string& seen :
       pool.map([](int) { return mp::current_process().name(); }, {1, 2, 3}))
    EXPECT_TRUE(names.contains(seen)) << seen;
}

TEST_P(LifetimeTest, AContextMakesPoolsByItsMethod) {
  mp::set_start_method(GetParam() == "spawn" ? "fork" : "spawn", {.force = true});
  const auto context = mp::get_context(GetParam());
  auto pool = context.Pool(2);
  const std::string name = pool.workers().front().name();
  EXPECT_EQ(name.starts_with("Fork"), GetParam() != "spawn") << name;
  EXPECT_EQ(pool.map(square, {3}), std::vector{9});
  auto other = context.Pool(
      mp::PoolOptions{.processes = 1}, [](int) {}, 5);
  EXPECT_EQ(other.map(square, {3}), std::vector{9});
}

// ---- the end ----

// CPython: _TestPool.test_context
TEST_P(LifetimeTest, LeavingTheScopeEndsTheWorkers) {
  std::vector<mp::ProcessHandle> workers;
  {
    mp::Pool pool(3);
    EXPECT_EQ(pool.map(square, {3}), std::vector{9});
    workers = pool.workers();
  }
  for (const auto& worker : workers) EXPECT_FALSE(worker.is_alive());
}

// CPython: _TestPool.test_resource_warning
TEST_P(LifetimeTest, W20APoolThatWasNotClosedIsTerminatedByItsDestructor) {
  const auto workers = mp::Pool(2).workers();
  for (const auto& worker : workers) {
    EXPECT_FALSE(worker.is_alive());
    EXPECT_EQ(worker.exitcode(), -SIGTERM);
  }
}

// CPython: _TestPool.test_enter
TEST_P(LifetimeTest, AfterCloseOrTerminateNothingIsTaken) {
  mp::Pool closed(1);
  closed.close();
  EXPECT_EQ(message_of([&] { closed.map(square, {1}); }), "Pool not running: it was closed");
  EXPECT_THROW(closed.map(square, std::vector<int>{}), mp::ValueError);
  closed.join();
  mp::Pool terminated(1);
  terminated.terminate();
  EXPECT_EQ(message_of([&] { terminated.map(square, {1}); }),
            "Pool not running: it was terminated");
}

TEST_P(LifetimeTest, CloseTerminateAndJoinMayBeRepeatedInAnyOrder) {
  mp::Pool pool(2);
  EXPECT_EQ(message_of([&] { pool.join(); }),
            "Pool is still running: call close() or terminate() before join()");
  pool.close();
  pool.close();
  pool.join();
  pool.join();
  pool.terminate();
  pool.close();
  pool.join();
  EXPECT_TRUE(pool.workers().empty());
  mp::Pool other(2);
  other.terminate();
  other.close();
  other.terminate();
  std::thread also([&] { other.join(); });
  other.join();
  also.join();
}

TEST_P(LifetimeTest, WorkersOfAClosedPoolEndByThemselves) {
  mp::Pool pool(2);
  const auto workers = pool.workers();
  pool.map(square, numbers(100));
  pool.close();
  pool.join();
  for (const auto& worker : workers) EXPECT_EQ(worker.exitcode(), 0);
}

TEST_P(LifetimeTest, AMapThatRunsWhenThePoolIsClosedIsFinishedByTheWorkersThereAre) {
  const Counters counters;
  mp::Pool pool(3);
  const auto task = [](Counters c, int x) {
    c.raise(0);
    if (x == 0) c.wait_for(1, 1);
    return getpid();
  };
  std::vector<pid_t> done_by;
  std::thread mapping([&] { done_by = pool.map(mp::partial(task, counters), numbers(30), 1); });
  counters.wait_for(30);
  pool.close();
  // Two workers have nothing left to do; they must neither be missed nor be replaced.
  const std::set<pid_t> workers = pids(pool.workers());
  counters.raise(1);
  mapping.join();
  pool.join();
  EXPECT_EQ(done_by.size(), 30U);
  for (const pid_t pid : done_by) EXPECT_TRUE(workers.contains(pid));
}

// CPython: _TestPool.test_terminate
TEST_P(LifetimeTest, W17TerminateEndsAMapThatRunsInAnotherThread) {
  const Counters started;
  mp::Pool pool(3);
  const auto task = [](Counters c, int) {
    c.raise();
    for (;;) pause();
  };
  std::string thrown;
  std::thread mapping([&] {
    try {
      pool.map(mp::partial(task, started), numbers(10'000), 1);
    } catch (const mp::ProcessError& error) {
      thrown = error.what();
    }
  });
  started.wait_for(3);
  pool.terminate();
  mapping.join();
  pool.join();
  EXPECT_EQ(thrown, "the pool was terminated");
}

TEST_P(LifetimeTest, AWorkerThatIgnoresSigtermIsKilled) {
  std::vector<mp::ProcessHandle> workers;
  {
    mp::Pool pool(2);
    const Counters ignoring;
    pool.map(
        [](const Counters& c) {
          signal(SIGTERM, SIG_IGN);
          c.raise();
          c.wait_for(2);
        },
        std::vector<Counters>(2, ignoring), 1);
    const auto task = [](Counters c, int) {
      c.raise();
      for (;;) pause();
    };
    std::thread mapping([&] {
      EXPECT_THROW(pool.map(mp::partial(task, ignoring), {1, 2}, 1), mp::ProcessError);
    });
    ignoring.wait_for(4);
    workers = pool.workers();
    pool.terminate();
    mapping.join();
    pool.join();
  }
  for (const auto& worker : workers) EXPECT_EQ(worker.exitcode(), -SIGKILL);
}

TEST_P(LifetimeTest, APoolCanBeMoved) {
  mp::Pool first(2);
  mp::Pool second = std::move(first);
  EXPECT_EQ(second.map(square, {3}), std::vector{9});
  EXPECT_THROW(first.map(square, {3}), mp::ValueError);
  EXPECT_THROW(first.close(), mp::ValueError);
  EXPECT_THROW(static_cast<void>(first.processes()), mp::ValueError);
}

// ---- maxtasksperchild ----

// CPython: _TestPoolWorkerLifetime.test_pool_worker_lifetime
TEST_P(LifetimeTest, WorkersAreReplacedAfterTheirTasks) {
  mp::Pool pool(mp::PoolOptions{.processes = 3, .maxtasksperchild = 10});
  const std::set<pid_t> before = pids(pool.workers());
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(pool.map(square, numbers(100), 1).back(), 99 * 99);
  // 100 tasks are ten lives; those who took the last ones may still be there.
  wait_until([&] { return pids(pool.workers()).size() == 3; });
  for (const pid_t pid : pids(pool.workers())) EXPECT_FALSE(before.contains(pid));
  pool.close();
  pool.join();
}

// CPython: _TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close
TEST_P(LifetimeTest, CloseWhileWorkersAreBeingReplacedDoesNotHang) {
  const Counters started;
  mp::Pool pool(mp::PoolOptions{.processes = 3, .maxtasksperchild = 1});
  const auto task = [](Counters c, int x) {
    c.raise();
    return x;
  };
  std::vector<int> results;
  std::thread mapping([&] { results = pool.map(mp::partial(task, started), numbers(6), 1); });
  started.wait_for(1);
  pool.close();
  pool.join();
  mapping.join();
  EXPECT_EQ(results, numbers(6));
}

}  // namespace
}  // namespace pool_test
