// Initializers, starts that fail, and where pools may be.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

class StartTest : public PoolTest {};
FOR_EVERY_START_METHOD(StartTest);

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

// ---- initializers ----

int value_of_initializer = 0;

void initialise(Counters calls, int value) {
  calls.raise();
  value_of_initializer = value;
}

// CPython: TestInitializers.test_pool_initializer
TEST_P(StartTest, TheInitializerRunsInEachWorkerBeforeItsFirstTask) {
  static_assert(!std::is_constructible_v<mp::Pool, int, int>, "an initializer is a callable");
  const Counters calls;
  {
    mp::Pool pool(3, initialise, calls, 7);
    for (int seen : pool.map([](int) { return value_of_initializer; }, numbers(20), 1))
      EXPECT_EQ(seen, 7);
    calls.wait_for(3);
  }
  EXPECT_EQ(calls[0], 3U);
  EXPECT_EQ(value_of_initializer, 0);
}

TEST_P(StartTest, AnInitializerIsGivenItsArgumentsByValueAndTextAsString) {
  mp::Pool pool(
      1,
      [](std::string text, std::vector<int> list) {
        value_of_initializer = static_cast<int>(text.size() + list.size());
      },
      "four", std::vector{1, 2, 3});
  EXPECT_EQ(pool.map([](int) { return value_of_initializer; }, {1}), std::vector{7});
}

TEST_P(StartTest, W16AnInitializerThatThrowsBreaksThePoolOnce) {
  const Counters calls;
  mp::Pool pool(
      2,
      [](const Counters& c) {
        c.raise();
        throw std::runtime_error("no database");
      },
      calls);
  const std::string message = message_of([&] { pool.map(square, numbers(10)); });
  EXPECT_NE(message.find("the initializer failed"), std::string::npos) << message;
  EXPECT_NE(message.find("no database"), std::string::npos) << message;
  EXPECT_THROW(pool.map(square, {1}), mp::BrokenProcessPool);
  pool.join();
  EXPECT_LE(calls[0], 2U);
}

TEST_P(StartTest, W16AnInitializerThatCrashesOrExitsBreaksThePoolAfterAFewTries) {
  for (const bool crashes : {true, false}) {
    const Counters calls;
    mp::Pool pool(
        2,
        [](const Counters& c, bool crash) {
          c.raise();
          if (crash) raise(SIGKILL);
          std::exit(3);
        },
        calls, crashes);
    const std::string message = message_of([&] { pool.map(square, numbers(10)); });
    EXPECT_NE(message.find(crashes ? "SIGKILL" : "exited with code 3"), std::string::npos)
        << message;
    EXPECT_THROW(pool.map(square, {1}), mp::BrokenProcessPool);
    pool.close();
    pool.join();
    EXPECT_LE(calls[0], 20U);
  }
}

TEST_P(StartTest, AnInitializerThatHangsDoesNotKeepThePoolFromEnding) {
  const Counters calls;
  mp::Pool pool(
      2,
      [](const Counters& c) {
        c.raise();
        for (;;) pause();
      },
      calls);
  calls.wait_for(2);
  pool.terminate();
  pool.join();
}

// ---- starts that fail ----

// CPython: TestPoolNotLeakOnFailure.test_release_unused_processes
TEST_P(StartTest, WhenAWorkerCannotBeStartedThoseBeforeItAreEnded) {
  for (const char* point : {"pool.worker.start", "pool.watcher.start"}) {
    mp::detail::arm_fail_point_throw(point, point[5] == 'w' && point[6] == 'o' ? 4 : 1);
    EXPECT_THROW(mp::Pool(6), std::bad_alloc) << point;
    mp::detail::arm_fail_point("");
    EXPECT_TRUE(mp::active_children().empty());
  }
}

TEST_P(StartTest, AWorkerThatCannotBeReplacedAtOnceIsReplacedLater) {
  mp::Pool pool(2);
  const std::set<pid_t> before = pids(pool.workers());
  mp::detail::arm_fail_point_throw("pool.worker.start");
  kill(*before.begin(), SIGKILL);
  wait_until([&] {
    const auto now = pids(pool.workers());
    return now.size() == 2 && !now.contains(*before.begin());
  });
  mp::detail::arm_fail_point("");
  EXPECT_EQ(pool.map(square, {3}), std::vector{9});
}

TEST_P(StartTest, AWorkerWhoseStartFailsWhenItRunsAlreadyTakesNoTask) {
  const Counters counters;
  mp::Pool pool(2);
  const auto busy = pool.apply_async(
      [](const Counters& c) {
        c.raise(0);
        c.wait_for(1, 1);
        return getpid();
      },
      counters);
  counters.wait_for(1, 0);
  mp::detail::arm_fail_point_throw("pool.worker.started");
  const pid_t first = pool.apply(getpid);
  kill(first, SIGKILL);
  EXPECT_EQ(pool.map(square, {3, 4}, {.chunksize = 1, .retries = 9}), (std::vector{9, 16}));
  wait_until([&] { return mp::active_children().size() == 2; });  // the first try has been killed
  EXPECT_EQ(pool.workers().size(), 2U);
  mp::detail::arm_fail_point("");
  counters.raise(1);
  EXPECT_NE(busy.get(), first);
}

TEST_P(StartTest, WorkersStartWhileAThreadChangesTheEnvironment) {
  std::atomic<bool> over{false};
  std::thread changing([&] {
    while (!over) {
      setenv("MULTIPROCESSING_TEST_CHANGING", "some", 1);
      setenv("MULTIPROCESSING_TEST_CHANGING", "other", 1);
    }
  });
  {
    mp::Pool pool({.processes = 2, .maxtasksperchild = 1});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.apply(square, i), i * i);
  }
  over = true;
  changing.join();
  unsetenv("MULTIPROCESSING_TEST_CHANGING");
}

TEST_P(StartTest, APoolWhoseLastWorkerCannotBeReplacedIsBroken) {
  mp::Pool pool(1);
  mp::detail::arm_fail_point_throw("pool.worker.start");
  kill(pool.workers().front().pid(), SIGKILL);
  wait_until([&] {
    try {
      pool.map(square, {1});
    } catch (const mp::BrokenProcessPool& error) {
      return std::string(error.what()).find("none can be started") != std::string::npos;
    } catch (const mp::WorkerDied&) {
      return false;
    }
    return false;
  });
  mp::detail::arm_fail_point("");
  pool.join();
}

// ---- where a pool may be ----

void pool_in_process(Counters says) {
  mp::Pool pool(4);
  says[0] = static_cast<std::uint32_t>(pool.map(square, {1, 2, 3, 4}).back());
}

// CPython: TestStdinBadfiledescriptor.test_pool_in_process
TEST_P(StartTest, AProcessMayMakeAPool) {
  const Counters says;
  mp::Process process{pool_in_process, says};
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(says[0], 16U);
}

std::optional<mp::Pool> kept;

// CPython: _TestPoolWorkerLifetime.test_worker_finalization_via_atexit_handler_of_multiprocessing
TEST_P(StartTest, APoolThatLivesWhenItsProcessEndsIsEndedWithIt) {
  const Counters says;
  mp::Process process{[](const Counters& c) {
                        kept.emplace(2);
                        c[0] = static_cast<std::uint32_t>(kept->map(square, {7}).front());
                        c[1] = static_cast<std::uint32_t>(kept->workers().front().pid());
                      },
                      says};
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(says[0], 49U);
  wait_until([&] { return !exists(static_cast<pid_t>(says[1])); });
}

void map_and_be_killed(Counters says, std::string point) {
  mp::Pool pool(2);
  const auto workers = pool.workers();
  for (std::size_t i = 0; i < 2; ++i) says[i] = static_cast<std::uint32_t>(workers[i].pid());
  mp::detail::arm_fail_point(point);
  pool.map(square, numbers(100), 1);
}

TEST_P(StartTest, WorkersDoNotOutliveAMakerThatIsKilledInTheMiddleOfACall) {
  for (const char* point : {"pool.post.before_ring", "pool.retire.holding"}) {
    const Counters says;
    mp::Process maker{map_and_be_killed, says, std::string(point)};
    maker.start();
    maker.join();
    EXPECT_EQ(maker.exitcode(), -SIGKILL) << point;
    for (std::size_t i = 0; i < 2; ++i)
      wait_until([&] { return !exists(static_cast<pid_t>(says[i])); });
  }
}

TEST_P(StartTest, InAForkedChildAPoolIsInert) {
  mp::Pool pool(2);
  const pid_t child = fork();
  if (child == 0) {
    int refused = 0;
    const auto refuses = [&](const auto& call) {
      try {
        call();
      } catch (const mp::AssertionError&) {
        ++refused;
      }
    };
    refuses([&] { pool.map(square, {1}); });
    refuses([&] { pool.close(); });
    refuses([&] { pool.terminate(); });
    refuses([&] { pool.join(); });
    refuses([&] { static_cast<void>(pool.workers()); });
    { const mp::Pool destroyed = std::move(pool); }
    _exit(refused);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 5);
  mp::arena_sweep();  // closes what told the child's birth
  EXPECT_EQ(pool.map(square, {3}), std::vector{9});
}

TEST_P(StartTest, AForkedChildMayMakeAPoolOfItsOwn) {
  mp::Pool pool(1);
  const pid_t child = fork();
  if (child == 0) {
    mp::Pool own(1);
    _exit(own.map(square, {3}).front());
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 9);
  mp::arena_sweep();
  EXPECT_EQ(pool.map(square, {3}), std::vector{9});
}

/// Blocks a signal in this thread for as long as it lives.
class Blocked {
 public:
  explicit Blocked(int number) {
    sigemptyset(&set_);
    sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  ~Blocked() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }
  Blocked(const Blocked&) = delete;

 private:
  sigset_t set_;
};

TEST_P(StartTest, WorkersHaveTheSignalMaskOfWhoMadeThePoolAlsoWhenReplaced) {
  const Blocked blocked{SIGUSR1};
  mp::Pool pool(mp::PoolOptions{.processes = 1, .maxtasksperchild = 1});
  const auto is_blocked = [](int number) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, number) == 1;
  };
  for (int life = 0; life < 3; ++life)
    EXPECT_EQ(pool.map(is_blocked, {SIGUSR1, SIGTERM, SIGINT, SIGCHLD}, 4),
              (std::vector<bool>{true, false, false, false}));
}

// Each pool took a second, after which its workers were killed. One of several pools is faster than
// that, however busy the machine.
TEST_P(StartTest, APoolEndsAtOnceWhoseWorkersHaveSigtermBlockedOrIgnored) {
  const auto ends_within_a_second = [](auto&& deafen, auto&& hear) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      deafen();
      mp::Pool pool(2);
      hear();
      const Counters started;
      const auto busy = [](Counters c, int) {
        c.raise();
        for (;;) pause();
      };
      std::thread mapping([&] {
        EXPECT_THROW(pool.map(mp::partial(busy, started), {1, 2}, 1), mp::ProcessError);
      });
      started.wait_for(2);
      const auto workers = pool.workers();
      const auto begin = std::chrono::steady_clock::now();
      pool.terminate();
      pool.join();
      const auto took = std::chrono::steady_clock::now() - begin;
      mapping.join();
      for (const auto& worker : workers) EXPECT_EQ(worker.exitcode(), -SIGKILL);
      if (took < std::chrono::seconds{1}) return true;
    }
    return false;
  };
  sigset_t sigterm;
  sigemptyset(&sigterm);
  sigaddset(&sigterm, SIGTERM);
  EXPECT_TRUE(ends_within_a_second([&] { pthread_sigmask(SIG_BLOCK, &sigterm, nullptr); },
                                   [&] { pthread_sigmask(SIG_UNBLOCK, &sigterm, nullptr); }));
  EXPECT_TRUE(
      ends_within_a_second([] { signal(SIGTERM, SIG_IGN); }, [] { signal(SIGTERM, SIG_DFL); }));
}

// The thread that replaces workers took on the mask of the program for that long.
TEST_P(StartTest, SignalsOfTheProgramReachItsOwnThreadsAloneAlsoWhileWorkersAreReplaced) {
  static std::atomic<int> handled = 0;
  const auto before = signal(SIGUSR1, [](int) { ++handled; });
  mp::Pool pool(mp::PoolOptions{.processes = 1, .maxtasksperchild = 1});
  {
    const Blocked here{SIGUSR1};
    kill(getpid(), SIGUSR1);
    for (int life = 0; life < 3; ++life) pool.map([](int x) { return x; }, {1});
    EXPECT_EQ(handled, 0);
  }
  EXPECT_EQ(handled, 1);
  signal(SIGUSR1, before);
  handled = 0;
}

}  // namespace
}  // namespace pool_test
