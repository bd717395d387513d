// Tests that each do one thing wrong. support_test runs them and sees them fail.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "support/leak_listener.hpp"
#include "support/watchdog.hpp"

namespace {

using test_support::Watchdog;
namespace leak_listener = test_support::leak_listener;

int probed = 0;
const bool probe = leak_listener::register_probe("counter", [] { return std::to_string(probed); });
const bool tolerated = leak_listener::tolerate_new("kept-for-ever");
int warmed_up = -1;
const bool warm = leak_listener::warm_up([] { warmed_up = dup(2); });

// Waits until the other process has ended without reaping it.
void wait_until_ended(pid_t pid) {
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
}

pid_t start_a_sleeper() {
  pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  return pid;
}

TEST(Misbehaving, LeavesADescriptor) { EXPECT_GE(dup(2), 0); }

TEST(Misbehaving, LeavesAZombie) {
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  wait_until_ended(pid);
}

TEST(Misbehaving, LeavesAnOrphan) {
  pid_t pid = fork();
  if (pid == 0) {
    start_a_sleeper();
    _exit(0);
  }
  waitpid(pid, nullptr, 0);
}

TEST(Misbehaving, LeavesASharedMemoryName) {
  int fd = shm_open(("/mp_test_left_" + std::to_string(getpid())).c_str(), O_CREAT | O_RDWR, 0600);
  close(fd);
}

TEST(Misbehaving, ChangesWhatAProbeReads) { ++probed; }

TEST(Misbehaving, HangsWithAChild) {
  Watchdog watchdog{std::chrono::seconds{1}};
  start_a_sleeper();
  pause();
}

TEST(Misbehaving, Crashes) {
  start_a_sleeper();
  raise(SIGKILL);
}

TEST(Misbehaving, FailsInAChild) {
  const pid_t pid = fork();
  if (pid == 0) {
    EXPECT_TRUE(false);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0) << "the child has failed";
}

TEST(Misbehaving, ReturnsInAForkedChild) {
  pid_t pid = fork();
  if (pid > 0) {
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

TEST(WellBehaved, KeepsWhatItWasWarmedUpWith) { EXPECT_GE(warmed_up, 0); }

TEST(WellBehaved, KeepsWhatIsTolerated) {
  EXPECT_GE(memfd_create("kept-for-ever", MFD_CLOEXEC), 0);
}

TEST(WellBehaved, ReplacesAPipeByAnother) {
  static int ends[2] = {-1, -1};
  int fresh[2];
  ASSERT_EQ(pipe(fresh), 0);
  for (int i : {0, 1}) {
    if (ends[i] >= 0) close(ends[i]);
    close(fresh[i]);
  }
}

TEST(WellBehaved, HasTimeOfItsOwnAfterAShortWatchdog) {
  { Watchdog watchdog{std::chrono::seconds{1}}; }
  SUCCEED();
}

}  // namespace
