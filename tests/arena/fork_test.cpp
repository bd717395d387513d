// Forks of every kind, by us and by others.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "arena/birth.hpp"
#include "arena/blocks.hpp"
#include "arena/message_handles.hpp"
#include "arena/settle.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/asked.hpp"

namespace {

using namespace arena_test;
using mp::detail::Handle;
using mp::detail::ObjectMaker;

using ForkTest = ArenaTest;

/// 0 when `body` is refused with ProcessError whose text has `part` in it.
template <class Body>
int refused(const char* part, Body body) {
  try {
    body();
  } catch (const mp::ProcessError& error) {
    if (std::strstr(error.what(), part) != nullptr) return 0;
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 1;
}

template <class Body>
pid_t raw_fork(Body body) {
  const pid_t pid = fork();
  if (pid == 0) end_with(body);
  return pid;
}

TEST_F(ForkTest, AChildOfARawForkHoldsWhatItsParentHeld) {
  Handle object = Handle::make(4);
  *object.as<int>() = 3;
  Gate dropped;
  const pid_t pid = raw_fork([&] {
    if (!dropped.wait()) return 1;
    if (*object.as<int>() != 3) return 2;
    const Handle copy = object;
    static_cast<void>(Handle::make(1));
    return copy == object ? 0 : 3;
  });
  object = {};
  EXPECT_EQ(objects(), 1U);
  dropped.open();
  EXPECT_EQ(reap(pid), 0);
  mp::arena_sweep();
  EXPECT_EQ(objects(), 0U);
}

TEST_F(ForkTest, AChildOfARawForkThatDropsAHandleLeavesItsParentsOne) {
  Handle object = Handle::make(4);
  EXPECT_EQ(reap(raw_fork([&] {
              object = {};
              return 0;
            })),
            0);
  mp::arena_sweep();
  EXPECT_EQ(objects(), 1U);
}

TEST_F(ForkTest, AnArgumentBookedToAForkedChildIsHeldOnceMoreOnly) {
  Handle object = Handle::make(4);
  mp::detail::Birth birth = [&] {
    mp::detail::OutgoingHandles arguments;
    arguments.add(object);
    return mp::detail::Birth{arguments};
  }();
  Gate checked;
  const pid_t pid = birth.fork();
  if (pid == 0) {
    object = {};
    checked.open();
    pause();
  }
  EXPECT_TRUE(checked.wait());
  object = {};
  EXPECT_EQ(objects(), 0U);
  kill(pid, SIGKILL);
  reap(pid);
  mp::detail::settle(birth.child());
}

TEST_F(ForkTest, ABirthThatNeverHappensGivesItsArgumentsBack) {
  {
    mp::detail::OutgoingHandles arguments;
    arguments.add(Handle::make(1));
    mp::detail::Birth birth{arguments};
    const mp::detail::Birth moved = std::move(birth);
  }
  EXPECT_EQ(objects(), 0U);
}

TEST_F(ForkTest, TheForkServerOfARequestMakesItsChildAMemberWithItsArguments) {
  mp::detail::OutgoingHandles arguments;
  const Handle object = Handle::make(4);
  arguments.add(object);
  Gate ready;
  const auto place = object.offset();
  mp::detail::Birth birth{arguments};
  // In its own process, which knows nothing of the object.
  Child server{[&] {
    const pid_t pid = mp::detail::fork_for(birth.child());
    if (pid != 0) return reap(pid);
    end_with([&] {
      const mp::detail::BirthHandles adopted;
      if (mp::detail::self() != birth.child()) return 1;
      *Handle::of(place).as<int>() = 5;
      return 0;
    });
  }};
  EXPECT_EQ(server.join(), 0);
  EXPECT_EQ(*object.as<int>(), 5);
  birth.delivered(1);
  mp::detail::settle(birth.child());
}

TEST_F(ForkTest, AForkServerDoesNotForkForAParentThatIsGone) {
  const Shared<mp::detail::Member> child;
  Child parent{[&] {
    *child = (new mp::detail::Birth{})->child();
    return ::raise(SIGKILL);
  }};
  EXPECT_EQ(parent.join(), -SIGKILL);
  mp::arena_sweep();
  EXPECT_EQ(mp::detail::fork_for(*child), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(ForkTest, AChildOfAForkServerThatDiesUnbornIsDeadThoughItsRequesterNeverHeardOfIt) {
  const mp::detail::Birth birth;
  Gate forked;
  Gate asked;
  Child server{[&] {
    mp::detail::arm_fail_point("arena.join.after_lock");
    const pid_t pid = mp::detail::fork_for(birth.child());
    siginfo_t end;
    waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOWAIT);
    forked.open();
    return asked.wait() ? 0 : 1;
  }};
  EXPECT_TRUE(forked.wait());
  EXPECT_FALSE(mp::detail::alive(birth.child()));
  asked.open();
  EXPECT_EQ(server.join(), 0);
}

TEST_F(ForkTest, AChildThatSkipsTheForkHandlersIsRefusedAndNeverWaits) {
  static constexpr ObjectMaker maker{4, nullptr};
  std::atomic<bool> stop{false};
  // Holds the mutexes most of the time, and is not there in the child.
  std::thread busy{[&] {
    while (!stop) static_cast<void>(Handle::make(8));
  }};
  Handle object = Handle::make(8);
  for (int i = 0; i < test_support::fewer(100); ++i) {
    const pid_t pid = i % 2 == 0 ? _Fork() : static_cast<pid_t>(syscall(SYS_fork));
    if (pid == 0) {
      end_with([&] {
        if (mp::detail::self_if_any()) return 9;
        Handle lazy{maker};
        Handle moved = std::move(lazy);
        object = {};
        const pid_t grandchild = fork();
        if (grandchild == 0)
          _exit(refused("outside the family", [] { static_cast<void>(mp::detail::self()); }));
        return reap(grandchild) +
               refused("outside the family", [] { static_cast<void>(Handle::make(1)); }) +
               refused("outside the family", [&] { static_cast<void>(moved.body()); }) +
               refused("outside the family", [] { mp::detail::Block{10}; });
      });
    }
    EXPECT_EQ(reap(pid), 0);
  }
  stop = true;
  busy.join();
}

TEST_F(ForkTest, ThreadsMakeAndDropHandlesWhileOthersFork) {
  std::atomic<bool> stop{false};
  std::vector<Handle> objects;
  for (int i = 0; i < 16; ++i) objects.push_back(Handle::make(8, 1));
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random{t};
      std::vector<Handle> mine;
      while (!stop) {
        mine.push_back(random() % 2 == 0 ? Handle::make(1)
                                         : Handle::of(objects[random() % 16].offset()));
        if (mine.size() > 50) mine.clear();
      }
    });
  for (unsigned t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random{t + 70};
      for (int i = 0; i < test_support::fewer(100); ++i) {
        const pid_t pid = raw_fork([&] {
          for (Handle& each : objects) static_cast<void>(Handle{each});
          objects.clear();
          static_cast<void>(Handle::make(1));
          return 0;
        });
        if (random() % 2 == 0) {
          usleep(static_cast<useconds_t>(random() % 400));  // often in the middle of its birth
          kill(pid, SIGKILL);
        }
        reap(pid);
      }
    });
  for (std::size_t t = 2; t < 5; ++t) threads[t].join();
  stop = true;
  threads[0].join();
  threads[1].join();
}

// The port of fork_birth.cpp: some forks fail, some children are killed in their birth.
TEST_F(ForkTest, ForksThatFailAreRolledBack) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to become a user with a limit";
  const Handle object = Handle::make(8);
  Child limited{[&] {
    if (setuid(12345) != 0) return 1;
    const int rounds = test_support::fewer(150);
    std::atomic<int> ready{0};
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        std::mt19937 random{t};
        for (++ready; ready < 3;) std::this_thread::yield();  // a limit is one on threads, too
        for (int i = 0; i < rounds; ++i) {
          // How many processes run at once depends on the machine, so the limit moves instead.
          const rlimit most{i % 2 == 0 ? 1U : 64U, 64};
          setrlimit(RLIMIT_NPROC, &most);
          const pid_t pid = raw_fork([] {
            const pid_t stranger = static_cast<pid_t>(syscall(SYS_fork));
            if (stranger == 0) _exit(0);
            if (stranger > 0) reap(stranger);
            return 0;
          });
          if (pid < 0) {
            ++failed;
            usleep(200);
            continue;
          }
          if (random() % 2 == 0) kill(pid, SIGKILL);
          reap(pid);
        }
      });
    for (std::thread& thread : threads) thread.join();
    mp::arena_sweep();
    // No member but this process is left.
    const auto left = mp::arena_usage().processes;
    std::printf("%d of %d forks failed, %lu members left\n", failed.load(), 3 * rounds,
                static_cast<unsigned long>(left));
    std::fflush(stdout);
    return failed > 0 && failed < 3 * rounds && left == members() + 1 ? 0 : 2;
  }};
  EXPECT_EQ(limited.join(), 0);
}

TEST_F(ForkTest, VforkPosixSpawnSystemAndPopenAreHarmless) {
  const Handle object = Handle::make(8);
  char text[] = "true";
  char* arguments[] = {text, nullptr};
  pid_t pid = 0;
  EXPECT_EQ(posix_spawnp(&pid, "true", nullptr, nullptr, arguments, environ), 0);
  EXPECT_EQ(reap(pid), 0);
  EXPECT_EQ(std::system("true"), 0);
  FILE* pipe = popen("true", "r");
  EXPECT_EQ(pclose(pipe), 0);
  pid = vfork();
  if (pid == 0) _exit(0);
  EXPECT_EQ(reap(pid), 0);
  EXPECT_TRUE(mp::detail::alive(mp::detail::self()));
  *Handle{object}.as<int>() = 1;
}

TEST_F(ForkTest, AChildThatClosesAllDescriptorsIsRefusedOnceTheOthersTookItForDead) {
  const Handle object = Handle::make(8);
  Gate closed;
  Gate noticed;
  Child child{[&] {
    mp::detail::Block block{100};
    const Handle mine = object;
    // All but the gates.
    for (int fd = 64; fd < 1024; ++fd) close(fd);
    closed.open();
    if (!noticed.wait()) return 10;
    return refused("closed descriptors", [&] { static_cast<void>(Handle::make(1)); }) +
           refused("closed descriptors", [&] { static_cast<void>(mp::detail::self()); });
  }};
  EXPECT_TRUE(closed.wait());
  EXPECT_FALSE(mp::detail::alive(child.member()));
  mp::arena_sweep();
  noticed.open();
  EXPECT_EQ(child.join_unsettled(), 0);
}

// Under the same numbers it may then have opened files of its own.
TEST_F(ForkTest, AChildThatReusesOurDescriptorsNeitherBuriesTheLivingNorTouchesItsFiles) {
  char path[] = "/tmp/arena_testXXXXXX";
  const int file = mkstemp(path);
  ASSERT_GE(file, 0);
  unlink(path);
  ASSERT_EQ(ftruncate(file, 32 << 20), 0);
  const std::string text(8192, 'x');
  for (off_t at = 0; at < 32 << 20; at += 65536)
    ASSERT_EQ(pwrite(file, text.data(), text.size(), at), 8192);
  const mp::detail::Member parent = mp::detail::self();
  Child child{[&] {
    const mp::detail::Block large{200'000};
    for (int fd = 64; fd < 80; ++fd) dup2(file, fd);
    if (!mp::detail::alive(parent)) return 1;
    mp::arena_sweep();
    return refused("closed by somebody", [] { mp::detail::Block{5 << 20}; });
  }};
  EXPECT_EQ(child.join(), 0);
  std::string seen(8192, ' ');
  for (off_t at = 0; at < 32 << 20; at += 65536) {
    ASSERT_EQ(pread(file, seen.data(), seen.size(), at), 8192);
    ASSERT_EQ(seen, text) << at;
  }
  struct stat status {};
  fstat(file, &status);
  EXPECT_EQ(status.st_size, 32 << 20);
  close(file);
}

TEST_F(ForkTest, AFullTableRefusesABirthAndLeavesRawForksOutside) {
  std::vector<mp::detail::Birth> births;
  EXPECT_THROW(
      {
        for (;;) births.emplace_back();
      },
      mp::ProcessError);
  EXPECT_EQ(births.size(), 4095 - members());
  EXPECT_EQ(reap(raw_fork([] {
              return refused("outside the family", [] { static_cast<void>(Handle::make(1)); });
            })),
            0);
  births.clear();
  EXPECT_EQ(Child{[] { return 0; }}.join(), 0);
}

TEST_F(ForkTest, MemoryThatRunsOutWhileAChildIsBookedLeavesNothingBehind) {
  std::vector<Handle> handles;
  for (int i = 0; i < 40; ++i) handles.push_back(Handle::make(1));
  // The page of links for the child is what runs out.
  Child parent{[&] {
    mp::detail::arm_fail_point_throw("arena.claim.counted");
    return reap(raw_fork(
        [] { return refused("outside the family", [] { static_cast<void>(Handle::make(1)); }); }));
  }};
  EXPECT_EQ(parent.join(), 0);
}

}  // namespace
