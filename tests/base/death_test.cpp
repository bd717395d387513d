#include "base/death.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "base/deadline.hpp"
#include "base/forked.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/refused_calls.hpp"

namespace {

using namespace multiprocessing;
using namespace multiprocessing::detail;
using base_test::end_of;
using base_test::forked;
using base_test::result_in_fork;

bool wait_for_end(int pidfd) { return wait_readable(pidfd, Deadline::never()); }

void await_byte(const LifePipe& pipe) {
  (void)wait_readable(pipe.read_end.get(), Deadline::never());
}

Reaped reap_when_ended(pid_t pid) {
  const UniqueFd pidfd = open_pidfd(pid);
  EXPECT_TRUE(wait_for_end(pidfd.get()));
  return reap(pidfd.get(), pid);
}

TEST(ReapTest, TellsTheExitCode) {
  for (const int code : {0, 1, 42, 255}) {
    const Reaped reaped = reap_when_ended(forked([&] { return code; }));
    EXPECT_EQ(reaped.state, Reaped::ended);
    EXPECT_EQ(reaped.exitcode, code);
  }
}

TEST(ReapTest, TellsTheSignalAsANegativeCode) {
  for (const int number : {SIGKILL, SIGTERM, SIGSEGV}) {
    const Reaped reaped = reap_when_ended(forked([&]() -> int {
      signal(number, SIG_DFL);
      raise(number);
      return 0;
    }));
    EXPECT_EQ(reaped.state, Reaped::ended);
    // A sanitizer may have made SIGSEGV an exit.
    if (number != SIGSEGV) {
      EXPECT_EQ(reaped.exitcode, -number);
    }
  }
}

TEST(ReapTest, WaitidSeesTheEndAndLeavesItToBeReaped) {
  const pid_t pid = forked([] {
    for (;;) pause();
    return 0;
  });
  const UniqueFd pidfd = open_pidfd(pid);
  EXPECT_EQ(has_ended_by_waitid(pidfd.get()), false);
  kill(pid, SIGKILL);
  EXPECT_TRUE(wait_for_end(pidfd.get()));
  EXPECT_EQ(has_ended_by_waitid(pidfd.get()), true);
  EXPECT_EQ(has_ended_by_waitid(pidfd.get()), true);
  EXPECT_EQ(end_of(pid), -SIGKILL);
  EXPECT_EQ(has_ended_by_waitid(pidfd.get()), std::nullopt);
}

TEST(KillAndReapTest, EndsAChild) {
  const pid_t pid = forked([] {
    for (;;) pause();
    return 0;
  });
  EXPECT_TRUE(kill_and_reap(pid, Deadline{std::chrono::seconds{0}}));
  EXPECT_EQ(waitpid(pid, nullptr, 0), -1);
}

TEST(KillAndReapTest, DoesNotWaitForAChildThatMayNotBeSignalled) {
  const int code = result_in_fork([] {
    LifePipe life = make_life_pipe();
    const pid_t pid = forked([&] {
      life.write_end.reset();
      (void)wait_readable(life.read_end.get(), Deadline::never());
      return 0;
    });
    if (!test_support::refuse_call(SYS_kill, EPERM)) return 77;
    if (kill_and_reap(pid, Deadline{std::chrono::seconds{0}})) return 1;
    life.write_end.reset();
    return kill_and_reap(pid, Deadline::never()) ? 0 : 2;
  });
  if (code == 77) GTEST_SKIP() << "seccomp is not permitted here";
  EXPECT_EQ(code, 0);
}

TEST(IsStoppedTest, TellsAProcessThatStandsStill) {
  const pid_t pid = forked([] {
    prctl(PR_SET_NAME, "a) T (b");
    raise(SIGSTOP);
    prctl(PR_SET_NAME, "a) T b");
    for (;;) pause();
    return 0;
  });
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  EXPECT_TRUE(is_stopped(pid));
  kill(pid, SIGCONT);
  while (is_stopped(pid)) sched_yield();
  kill(pid, SIGKILL);
  const UniqueFd pidfd = open_pidfd(pid);
  EXPECT_TRUE(wait_for_end(pidfd.get()));
  EXPECT_FALSE(is_stopped(pid));
  EXPECT_EQ(end_of(pid), -SIGKILL);
  EXPECT_FALSE(is_stopped(pid));
}

TEST(ReapTest, AProcessThatRunsIsRunning) {
  LifePipe pipe = make_life_pipe();
  const pid_t pid = forked([&] {
    pipe.write_end.reset();
    await_byte(pipe);
    return 8;
  });
  const UniqueFd pidfd = open_pidfd(pid);
  EXPECT_EQ(reap(pidfd.get(), pid).state, Reaped::running);
  pipe.write_end.reset();
  ASSERT_TRUE(wait_for_end(pidfd.get()));
  const Reaped reaped = reap(pidfd.get(), pid);
  EXPECT_EQ(reaped.state, Reaped::ended);
  EXPECT_EQ(reaped.exitcode, 8);
  EXPECT_EQ(reap(pidfd.get(), pid).state, Reaped::lost);
}

TEST(ReapTest, AChildThatSomebodyElseReapedIsLost) {
  const pid_t pid = forked([] { return 1; });
  const UniqueFd pidfd = open_pidfd(pid);
  EXPECT_EQ(waitpid(-1, nullptr, 0), pid);
  EXPECT_TRUE(wait_for_end(pidfd.get()));
  EXPECT_EQ(reap(pidfd.get(), pid).state, Reaped::lost);
}

TEST(ReapTest, AChildIsLostWhereSigchldIsIgnored) {
  EXPECT_EQ(result_in_fork([] {
              signal(SIGCHLD, SIG_IGN);
              LifePipe pipe = make_life_pipe();
              const pid_t pid = forked([&] {
                pipe.write_end.reset();
                await_byte(pipe);
                return 1;
              });
              const UniqueFd pidfd = open_pidfd(pid);
              pipe.write_end.reset();
              if (!wait_for_end(pidfd.get())) return 1;
              // Readable when it has ended; gone a moment later.
              Reaped reaped = reap(pidfd.get(), pid);
              while (reaped.state == Reaped::running) reaped = reap(pidfd.get(), pid);
              return reaped.state == Reaped::lost ? 0 : 2;
            }),
            0);
}

TEST(OpenPidfdTest, AProcessThatDoesNotExistIsAnError) {
  EXPECT_THROW((void)open_pidfd(0x3ffffff), OSError);
  EXPECT_THROW((void)open_pidfd(-1), OSError);
}

bool kernel_tells_strangers() {
  utsname name{};
  uname(&name);
  int major = 0, minor = 0;
  return std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 15));
}

// Runs a grandchild that ends as `last_words` does. What the kernel tells this process, which is
// not its parent, before and after its parent has reaped it.
template <class LastWords>
std::pair<std::optional<int>, std::optional<int>> asked_of_grandchild(LastWords last_words) {
  LifePipe news = make_life_pipe(), go = make_life_pipe(), may_reap = make_life_pipe();
  const pid_t middle = forked([&] {
    go.write_end.reset();
    may_reap.write_end.reset();
    const pid_t pid = forked([&] {
      await_byte(go);
      return last_words();
    });
    if (write(news.write_end.get(), &pid, sizeof pid) != sizeof pid) return 1;
    await_byte(may_reap);
    end_of(pid);
    return 0;
  });
  pid_t pid = 0;
  EXPECT_EQ(read(news.read_end.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  const UniqueFd pidfd = open_pidfd(pid);
  go.write_end.reset();
  EXPECT_TRUE(wait_for_end(pidfd.get()));
  const auto before = exit_code_of_stranger(pidfd.get());
  may_reap.write_end.reset();
  EXPECT_EQ(end_of(middle), 0);
  return {before, exit_code_of_stranger(pidfd.get())};
}

TEST(ExitCodeOfStrangerTest, IsKnownOnceTheParentHasReaped) {
  if (!kernel_tells_strangers()) GTEST_SKIP() << "Linux 6.15 tells";
  const auto [before, after] = asked_of_grandchild([] { return 33; });
  EXPECT_FALSE(before);
  EXPECT_EQ(after, 33);
}

TEST(ExitCodeOfStrangerTest, ASignalIsNegative) {
  if (!kernel_tells_strangers()) GTEST_SKIP() << "Linux 6.15 tells";
  EXPECT_EQ(asked_of_grandchild([] { return raise(SIGKILL); }).second, -SIGKILL);
}

TEST(ExitCodeOfStrangerTest, NothingIsKnownOfWhatIsNoProcess) {
  const LifePipe pipe = make_life_pipe();
  EXPECT_FALSE(exit_code_of_stranger(pipe.read_end.get()));
  EXPECT_FALSE(exit_code_of_stranger(-1));
}

// A parent that waits to be killed, and its child, which ties its life to the parent's.
struct Tied {
  pid_t parent = 0;
  UniqueFd child;
};

template <class ChildPart>
Tied start_tied(ChildPart child_part) {
  LifePipe news = make_life_pipe(), never = make_life_pipe();
  const pid_t parent = forked([&] {
    never.write_end = UniqueFd{};  // ours; the test's copy keeps the pipe open
    LifePipe life = make_life_pipe();
    const pid_t child = forked([&] {
      life.write_end.reset();
      child_part(life, news);
      for (;;) pause();
      return 0;
    });
    (void)child;
    for (;;) pause();
    return 0;
  });
  pid_t pid = 0;
  EXPECT_EQ(read(news.read_end.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  return {.parent = parent, .child = open_pidfd(pid)};
}

void tell_pid(const LifePipe& news) {
  const pid_t self = getpid();
  if (write(news.write_end.get(), &self, sizeof self) != sizeof self) _exit(1);
}

TEST(LifePipeTest, TheChildDiesWithAKilledParent) {
  const Tied tied = start_tied([](const LifePipe& life, const LifePipe& news) {
    die_with(life.read_end.get(), SIGKILL);
    tell_pid(news);
  });
  EXPECT_FALSE(wait_readable(tied.child.get(), Deadline{std::chrono::seconds{0}}));
  kill(tied.parent, SIGKILL);
  EXPECT_EQ(end_of(tied.parent), -SIGKILL);
  EXPECT_TRUE(wait_for_end(tied.child.get()));
}

TEST(LifePipeTest, AParentThatIsDeadBeforeTheChildArmsKillsItAtOnce) {
  const Tied tied = start_tied([](const LifePipe& life, const LifePipe& news) {
    tell_pid(news);
    await_byte(life);  // end-of-file: the parent is gone
    die_with(life.read_end.get(), SIGKILL);
  });
  kill(tied.parent, SIGKILL);
  EXPECT_EQ(end_of(tied.parent), -SIGKILL);
  EXPECT_TRUE(wait_for_end(tied.child.get()));
}

TEST(LifePipeTest, AnotherSignalGivesTheChildTimeToTidyUp) {
  LifePipe tidied = make_life_pipe();
  const Tied tied = start_tied([&](const LifePipe& life, const LifePipe& news) {
    static int line = -1;
    line = tidied.write_end.get();
    signal(SIGTERM, [](int) { _exit(write(line, "t", 1) == 1 ? 0 : 1); });
    die_with(life.read_end.get(), SIGTERM);
    tell_pid(news);
  });
  tidied.write_end.reset();
  kill(tied.parent, SIGKILL);
  EXPECT_EQ(end_of(tied.parent), -SIGKILL);
  char letter = 0;
  EXPECT_EQ(read(tidied.read_end.get(), &letter, 1), 1);
  EXPECT_EQ(letter, 't');
  EXPECT_TRUE(wait_for_end(tied.child.get()));
}

TEST(LifePipeTest, AParentThatLivesHarmsNobody) {
  LifePipe life = make_life_pipe();
  EXPECT_EQ(result_in_fork([&] {
              life.write_end = UniqueFd{};
              die_with(life.read_end.get(), SIGKILL);
              return 4;
            }),
            4);
}

TEST(LifePipeTest, BothEndsAreClosedByExec) {
  const LifePipe pipe = make_life_pipe();
  EXPECT_GT(pipe.read_end.get(), 2);
  EXPECT_GT(pipe.write_end.get(), 2);
}

}  // namespace
