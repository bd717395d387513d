// A child is what its starter is at that moment: limits, masks and whatever else a fork hands on,
// however long ago the fork server began.
#include "process/starter.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/death.hpp"
#include "base/waiting.hpp"
#include "process/fork_server_client.hpp"
#include "starter_suite.hpp"
#include "support/processes.hpp"

namespace process_test {
namespace {

using namespace mp::detail;

class StarterTest : public test_support::EveryMethodTest {};
FOR_EVERY_START_METHOD(StarterTest);

TEST_P(StarterTest, HandsOnItsSettingsOfNow) {
  EXPECT_EQ(exitcode_when(change_settings, children_asked_for()), 0);
}

TEST_P(StarterTest, HandsOnAnotherSchedulingPolicy) {
  EXPECT_EQ(exitcode_when([] {
              const sched_param none{};
              require(sched_setscheduler(0, SCHED_BATCH, &none) == 0, "sched_setscheduler");
              require(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6) == 0, "ioprio_set");
            }),
            0);
}

// The first start made all later children block what it blocked and ignore what it ignored.
TEST_P(StarterTest, HandsOnNeitherMaskNorIgnoredSignalsOfTheFirstStart) {
  const auto target = [] {
    stop_fork_server();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    std::thread{[] {
      block(SIGTERM);
      if (strangers_among(1) != 0) _exit(2);
    }}.join();
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    if (strangers_among(1) != 0) throw mp::Exit{3};
    mp::Process second{entry::wait_for_ever};
    second.start();
    second.terminate();
    second.join();
    throw mp::Exit{second.exitcode() == -SIGTERM ? 0 : 4};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

void add_filter() {
  set_no_new_privs();
  sock_filter let_all_through{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog filter{1, &let_all_through};
  require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "seccomp");
}

TEST_P(StarterTest, HandsOnNoNewPrivileges) {
  EXPECT_EQ(
      exitcode_when([] { require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs"); }),
      0);
}

// That there are some was so before: they are counted.
TEST_P(StarterTest, HandsOnAFilterOfSystemCallsThatCameLater) {
  const auto target = [] {
    add_filter();
    throw mp::Exit{before_and_after(add_filter, 1)};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

TEST_P(StarterTest, HandsOnFiltersOfTheThreadThatStarts) {
  const auto target = [] {
    add_filter();
    int strangers = 0;
    for (int i = 0; i < 2; ++i)  // as many filters in both threads, but others
      std::thread{[&] {
        add_filter();
        strangers += strangers_among(1);
        const auto begun = fork_server_pid();
        strangers += strangers_among(1);
        strangers += begun != fork_server_pid();
      }}.join();
    throw mp::Exit{strangers};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

TEST_P(StarterTest, KnowsHowChildrenEndThatItHadBefore) {
  const auto target = [] {
    Gate gate;
    mp::Process leaves{[](Gate g) { g.wait(), throw mp::Exit{7}; }, gate};
    mp::Process is_killed{entry::wait_for_ever};
    leaves.start();
    is_killed.start();
    set_no_new_privs();
    if (strangers_among(1) != 0) throw mp::Exit{2};
    gate.open();
    is_killed.kill();
    leaves.join();
    is_killed.join();
    throw mp::Exit{leaves.exitcode() == 7 && is_killed.exitcode() == -SIGKILL ? 0 : 3};
  };
  EXPECT_EQ(run_in_child(target), 0);
}

std::size_t ended_descendants() {
  const auto all = test_support::descendants_of(getpid());
  return static_cast<std::size_t>(std::ranges::count(all, 'Z', &test_support::ProcessInfo::state));
}

TEST(ServedStarterTest, ReapsTheServersThatItReplaced) {
  const auto target = [] {
    set_no_new_privs();
    for (int i = 0; i < 5; ++i) {
      add_filter();
      if (run_in_child(entry::nothing) != 0) throw mp::Exit{2};
      const UniqueFd server = open_pidfd(fork_server_pid());
      add_filter();
      if (run_in_child(entry::nothing) != 0) throw mp::Exit{3};
      (void)wait_readable(server.get(), Deadline::never());
    }
    stop_fork_server();
    throw mp::Exit{ended_descendants() == 0 ? 0 : 4};
  };
  mp::set_start_method("forkserver", {.force = true});
  EXPECT_EQ(run_in_child(target), 0);
  mp::set_start_method(std::nullopt, {.force = true});
}

TEST(ServedStarterTest, IsNotServedByAProcessThatWouldHaveToRaiseItsLimits) {
  const Starter begun = Starter::calling_thread();
  Starter now = begun;
  EXPECT_TRUE(may_serve(begun, now));
  now.settings.limits[RLIMIT_NOFILE].hard -= 1;
  EXPECT_TRUE(may_serve(begun, now));
  EXPECT_FALSE(may_serve(now, begun));
}

TEST(ServedStarterTest, IsServedByNobodyWhereItsRightsAreNotKnown) {
  Starter now = Starter::calling_thread();
  now.rights.clear();
  EXPECT_FALSE(may_serve(now, now));
}

}  // namespace
}  // namespace process_test
