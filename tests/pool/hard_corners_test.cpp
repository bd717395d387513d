// Tasks that do what a task should not: with their process, their descriptors, their exceptions.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/arena/usage.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

class HardCornersTest : public PoolTest {};
FOR_EVERY_START_METHOD(HardCornersTest);

int square(int x) { return x * x; }

// ---- what a task does with its process ----

int fork_and_leave_the_child(Counters says) {
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    says[0] = static_cast<std::uint32_t>(getpid());
    says.raise(1);
    for (;;) pause();
  }
  says.wait_for(1, 1);
  return 7;
}

TEST_P(HardCornersTest, ATaskThatLeavesAChildBehindIsDoneWithoutIt) {
  const Counters says;
  {
    mp::Pool pool(1);
    EXPECT_EQ(pool.apply(fork_and_leave_the_child, says), 7);
    EXPECT_EQ(pool.apply(square, 3), 9);
    pool.close();
    pool.join();  // does not wait for it
  }
  EXPECT_TRUE(exists(static_cast<pid_t>(says[0])));
  kill(static_cast<pid_t>(says[0]), SIGKILL);
  wait_until([&] { return !exists(static_cast<pid_t>(says[0])); });
}

/// As daemon(3) does, and with no descriptor left.
int leave_a_daemon(Counters says) {
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    says[0] = static_cast<std::uint32_t>(getpid());
    says.raise(1);
    for (;;) pause();
  }
  wait(nullptr);
  says.wait_for(1, 1);
  return 7;
}

TEST_P(HardCornersTest, ATaskThatLeavesADaemonBehindIsDoneWithoutIt) {
  const Counters says;
  {
    mp::Pool pool({.processes = 1, .maxtasksperchild = 1});
    EXPECT_EQ(pool.apply(leave_a_daemon, says), 7);
    EXPECT_EQ(pool.apply(square, 3), 9) << "by the next worker, while the daemon lives";
    pool.close();
    pool.join();
  }
  EXPECT_TRUE(exists(static_cast<pid_t>(says[0])));
  kill(static_cast<pid_t>(says[0]), SIGKILL);
  wait_until([&] { return !exists(static_cast<pid_t>(says[0])); });
}

TEST_P(HardCornersTest, ATaskMayChangeTheUserOfItsWorker) {
  if (getuid() != 0) GTEST_SKIP() << "only root may";
  constexpr uid_t nobody = 65534;
  mp::Pool pool({.processes = 1, .maxtasksperchild = 3});
  const auto become_nobody = [] { return setuid(nobody); };
  const auto text = [](int size) { return std::string(static_cast<std::size_t>(size), 'x'); };
  EXPECT_EQ(pool.apply(become_nobody), 0);
  EXPECT_EQ(pool.apply(getuid), nobody);
  EXPECT_EQ(pool.apply(text, 100'000).size(), 100'000U) << "the last task of its worker";
  EXPECT_EQ(pool.apply(getuid), uid_t{0}) << "the next worker";
  EXPECT_EQ(pool.apply(become_nobody), 0);
  EXPECT_THROW(pool.apply([] { raise(SIGKILL); }), mp::WorkerDied);
  EXPECT_EQ(pool.apply(getuid), uid_t{0});
  EXPECT_EQ(pool.apply(become_nobody), 0);
  const auto hangs = pool.apply_async([] {
    for (;;) pause();
  });
  pool.terminate();
  pool.join();
  EXPECT_TRUE(hangs.ready());
}

void execute_a_sleep(int) { execlp("sleep", "sleep", "1000", static_cast<char*>(nullptr)); }

TEST_P(HardCornersTest, ATaskThatExecutesAProgramIsLostAtOnceAndTheProgramEnded) {
  mp::Pool pool(1);
  const pid_t worker = pool.workers().front().pid();
  try {
    pool.map(execute_a_sleep, {1});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const mp::WorkerDied& death) {
    EXPECT_EQ(death.pid(), worker);
    EXPECT_NE(std::string(death.what()).find("executed another program"), std::string::npos)
        << death.what();
  }
  EXPECT_FALSE(exists(worker));
  EXPECT_THROW(pool.apply(execute_a_sleep, 1), mp::WorkerDied);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(HardCornersTest, ATaskThatClosesAllDescriptorsCostsItsWorkerAtMost) {
  mp::Pool pool(1);
  for (int i = 0; i < 2; ++i) {
    try {
      pool.apply([] { syscall(SYS_close_range, 3U, ~0U, 0U); });
    } catch (const mp::WorkerDied&) {
    }
    for (int tries = 0;; ++tries) {
      try {
        EXPECT_EQ(pool.apply(square, 3), 9);
        break;
      } catch (const std::exception& error) {
        ASSERT_LT(tries, 20) << error.what();
      }
    }
  }
}

TEST_P(HardCornersTest, SettingsThatATaskChangesAreItsWorkersAlone) {
  mp::Pool pool({.processes = 1, .maxtasksperchild = 2});
  const auto change = [] {
    umask(0777);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (chdir("/") != 0) throw std::runtime_error("chdir");
    return true;
  };
  const auto mask_of = [] {
    const mode_t mask = umask(0);
    umask(mask);
    return mask;
  };
  EXPECT_TRUE(pool.apply(change));
  EXPECT_EQ(pool.apply(mask_of), mode_t{0777});
  EXPECT_NE(pool.apply(mask_of), mode_t{0777}) << "of the next worker";
}

void leave_by_pthread_exit(int) {
  std::thread([] {
    for (;;) pause();
  }).detach();
  pthread_exit(nullptr);
}

TEST_P(HardCornersTest, AWorkerThatLeavesAThreadBehindHasDied) {
  mp::Pool pool(1);
  EXPECT_THROW(pool.apply(leave_by_pthread_exit, 1), mp::WorkerDied);
  EXPECT_THROW(pool.map(leave_by_pthread_exit, {1}), mp::WorkerDied);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// ---- what a task throws ----

struct NotCopyable {
  std::unique_ptr<int> held = std::make_unique<int>(1);
};
struct ThrowsWhenCopied : std::runtime_error {
  ThrowsWhenCopied() : std::runtime_error("thrown") {}
  ThrowsWhenCopied(const ThrowsWhenCopied& other) : std::runtime_error(other) {
    throw std::logic_error("copied");
  }
};

void throw_kind(int kind) {
  switch (kind) {
    case 0:
      throw 42;
    case 1:
      throw NotCopyable{};
    case 2:
      throw ThrowsWhenCopied{};
    case 3:
      throw std::bad_alloc();
    case 4:
      throw mp::Exit{3};
    case 5:
      try {
        throw std::domain_error("inner");
      } catch (...) {
        std::throw_with_nested(std::runtime_error("outer"));
      }
    case 6:
      throw "text";
    default:
      std::rethrow_exception(std::make_exception_ptr(mp::ShutDown("down")));
  }
}

TEST_P(HardCornersTest, WhateverATaskThrowsIsItsExceptionAndTheWorkerLives) {
  mp::Pool pool(1);
  const pid_t worker = pool.apply(getpid);
  for (int kind = 0; kind < 8; ++kind) {
    SCOPED_TRACE(kind);
    try {
      pool.apply(throw_kind, kind);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const mp::WorkerDied& death) {
      ADD_FAILURE() << death.what();
    } catch (const mp::Exit& exit) {
      EXPECT_EQ(kind, 4);
      EXPECT_EQ(exit.code, 3);
    } catch (const std::exception& error) {
      EXPECT_NE(kind, 4) << error.what();
      EXPECT_EQ(kind == 3, dynamic_cast<const std::bad_alloc*>(&error) != nullptr);
      EXPECT_EQ(kind == 5, dynamic_cast<const std::nested_exception*>(&error) != nullptr);
    }
    EXPECT_ANY_THROW(pool.map(throw_kind, {kind}));
  }
  EXPECT_EQ(pool.apply(getpid), worker);
}

std::size_t take_memory(std::size_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_AS, &limit);
  return std::vector<char>(bytes).size();
}

TEST_P(HardCornersTest, MemoryThatALimitRefusesIsBadAllocAndTheWorkerLives) {
  mp::Pool pool(1);
  const pid_t worker = pool.apply(getpid);
  EXPECT_THROW(pool.apply(take_memory, std::size_t{1} << 40), std::bad_alloc);
  EXPECT_EQ(pool.apply(getpid), worker);
}

// ---- forks and exits beside the pool ----

TEST_P(HardCornersTest, TheProgramMayForkWhileItsThreadsSubmit) {
  mp::Pool pool(2);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!over) EXPECT_EQ(pool.apply(square, 3), 9);
    });
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        (void)pool.apply_async(square, 1);
      } catch (const mp::AssertionError&) {
        _exit(0);
      } catch (...) {
      }
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  mp::arena_sweep();
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_P(HardCornersTest, AnInitializerMayForkAndNobodyWaitsForItsChild) {
  const Counters says;
  {
    mp::Pool pool(
        1,
        [](const Counters& c) {
          if (fork() == 0) {
            c[0] = static_cast<std::uint32_t>(getpid());
            c.raise(1);
            for (;;) pause();
          }
        },
        says);
    EXPECT_EQ(pool.apply(square, 3), 9);
    says.wait_for(1, 1);
    pool.close();
    pool.join();
  }
  kill(static_cast<pid_t>(says[0]), SIGKILL);
  wait_until([&] { return !exists(static_cast<pid_t>(says[0])); });
}

}  // namespace
}  // namespace pool_test
