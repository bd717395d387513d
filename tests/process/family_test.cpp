// Parents, children and strangers: who sees whom, and who ends with whom.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "arena/birth.hpp"
#include "arena/family.hpp"
#include "base/death.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process_suite.hpp"
#include "support/asked.hpp"

namespace process_test {
namespace {

using namespace std::chrono_literals;
using multiprocessing::detail::Deadline;
using multiprocessing::detail::open_pidfd;
using multiprocessing::detail::UniqueFd;
using multiprocessing::detail::wait_readable;

void report_parent(Mailbox says) {
  const auto parent = mp::parent_process();
  says.put(parent->pid());
  says.put(parent->name());
  says.put(parent->is_alive() ? "alive" : "dead");
}

// CPython: _TestProcess.test_parent_process_attributes
TEST_P(ProcessTest, TheChildKnowsItsParentAndTheMainProcessHasNone) {
  EXPECT_EQ(mp::parent_process(), std::nullopt);
  Mailbox says;
  EXPECT_EQ(run_in_child(report_parent, says), 0);
  EXPECT_EQ(says.number(0), getpid());
  EXPECT_EQ(says.get(1), "MainProcess");
  EXPECT_EQ(says.get(2), "alive");
}

void watch_parent(Mailbox says) {
  const auto parent = *mp::parent_process();
  says.put(parent.is_alive() ? "alive" : "not alive");
  parent.join();
  says.put(parent.is_alive() ? "alive" : "not alive");
}

void start_watcher_and_wait(Mailbox says) {
  mp::Process child{{.outlive_parent = true}, watch_parent, says};
  child.start();
  entry::wait_for_ever();
}

// CPython: _TestProcess.test_parent_process
TEST_P(ProcessTest, AGrandchildSeesItsParentEnd) {
  Mailbox says;
  mp::Process child{start_watcher_and_wait, says};
  child.start();
  EXPECT_EQ(says.get(0), "alive");
  child.terminate();
  child.join();
  EXPECT_EQ(says.get(1), "not alive");
}

// W7: a younger sibling, which inherits what its parent holds, does not keep the parent alive in
// the eyes of its elder.
TEST_P(ProcessTest, AChildSeesItsParentEndWhileASiblingLives) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    mp::Process elder{{.outlive_parent = true}, watch_parent, box};
    elder.start();
    mp::Process younger{{.outlive_parent = true},
                        [](Mailbox b) {
                          b.put(getpid());
                          entry::wait_for_ever();
                        },
                        box};
    younger.start();
    (void)box.get(1);
    raise(SIGKILL);
  };
  EXPECT_EQ(run_in_child(target, says), -SIGKILL);
  EXPECT_EQ(says.get(2), "not alive");
  for (unsigned line : {0U, 1U})
    if (const std::string text = says.get(line); text != "alive") kill(std::stoi(text), SIGKILL);
}

void count_down(Mailbox says, std::vector<int> path) {
  std::string text;
  for (int step : path) text += std::to_string(step);
  says.put(text);
  if (path.size() >= 2) return;
  for (int i = 0; i < 2; ++i) {
    std::vector<int> deeper = path;
    deeper.push_back(i);
    mp::Process child{count_down, says, deeper};
    child.start();
    child.join();
  }
}

// CPython: _TestProcess.test_recursion
TEST_P(ProcessTest, ProcessesNest) {
  Mailbox says;
  count_down(says, {});
  std::vector<std::string> lines;
  for (unsigned i = 0; i < 7; ++i) lines.push_back(says.get(i));
  EXPECT_EQ(lines, (std::vector<std::string>{"", "0", "00", "01", "1", "10", "11"}));
}

// W6: a grandchild that lives on does not keep the sentinel of its dead parent from firing.
TEST_P(ProcessTest, TheSentinelFiresWhileAGrandchildLives) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    mp::Process grandchild{{.outlive_parent = true},
                           [](Mailbox b) {
                             b.put(getpid());
                             entry::wait_for_ever();
                           },
                           box};
    grandchild.start();
    (void)box.get();
    _exit(0);
  };
  mp::Process child{target, says};
  child.start();
  EXPECT_TRUE(wait_readable(child.sentinel(), Deadline::never()));
  EXPECT_TRUE(child.join(0s));
  const auto grandchild = static_cast<pid_t>(says.number());
  EXPECT_EQ(kill(grandchild, SIGKILL), 0);  // it lived
}

UniqueFd watch(pid_t pid) { return open_pidfd(pid); }

// W8: who is killed takes its children along.
TEST_P(ProcessTest, DescendantsEndWithAKilledChild) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    mp::Process grandchild{entry::say_and_wait, box, Gate{}};
    grandchild.start();
    entry::wait_for_ever();
  };
  mp::Process child{target, says};
  child.start();
  const UniqueFd grandchild = watch(static_cast<pid_t>(says.number()));
  child.kill();
  EXPECT_TRUE(wait_readable(grandchild.get(), Deadline::never()));
  child.join();
}

// W8: and with a group of its own, those that it started by other means.
TEST_P(ProcessTest, TerminateReachesTheWholeGroupOfAChildThatLeadsOne) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    if (const pid_t pid = fork(); pid == 0)
      entry::wait_for_ever();
    else
      box.put(pid);
    entry::wait_for_ever();
  };
  mp::Process child{{.own_group = true}, target, says};
  child.start();
  const UniqueFd other = watch(static_cast<pid_t>(says.number()));
  EXPECT_EQ(getpgid(static_cast<pid_t>(says.number())), *child.pid());
  child.terminate();
  EXPECT_TRUE(wait_readable(other.get(), Deadline::never()));
  child.join();
  EXPECT_EQ(child.exitcode(), -SIGTERM);
}

// W9: somebody else reaps.
TEST_P(ProcessTest, AChildThatSomebodyElseReapedHasEnded) {
  if (GetParam() == "forkserver") GTEST_SKIP() << "the server reaps";
  mp::Process child{[] { throw mp::Exit{6}; }};
  child.start();
  EXPECT_EQ(waitpid(*child.pid(), nullptr, 0), *child.pid());
  EXPECT_FALSE(child.is_alive());
  child.join();
  EXPECT_EQ(child.exitcode(), 6);
  child.close();
}

TEST_P(ProcessTest, AKilledChildThatSomebodyElseReapedHasEnded) {
  if (GetParam() == "forkserver") GTEST_SKIP() << "the server reaps";
  mp::Process child{entry::wait_for_ever};
  child.start();
  child.kill();
  EXPECT_EQ(waitpid(*child.pid(), nullptr, 0), *child.pid());
  child.join();
  EXPECT_FALSE(child.is_alive());
  EXPECT_EQ(child.exitcode(), code_of_a_killed_child_that_others_reap());
  child.close();
}

TEST_P(ProcessTest, ChildrenThatTheKernelReapsHaveEnded) {
  const auto before = signal(SIGCHLD, SIG_IGN);
  mp::Process child{[] { throw mp::Exit{6}; }};
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 6);
  signal(SIGCHLD, before);
}

TEST_P(ProcessTest, AHandleOutlivesItsProcessObject) {
  std::optional<mp::ProcessHandle> handle;
  {
    mp::Process child{{.name = "Kept"}, [] { throw mp::Exit{5}; }};
    child.start();
    handle = child.handle();
  }
  handle->join();
  EXPECT_EQ(handle->exitcode(), 5);
  EXPECT_FALSE(handle->is_alive());
  EXPECT_EQ(handle->name(), "Kept");
}

void ask_sibling(mp::ProcessHandle sibling, Mailbox says) {
  says.put(sibling.name() + (sibling.is_alive() ? " alive" : " dead"));
  sibling.terminate();
  sibling.join();
  says.put(sibling.is_alive() ? "alive" : "dead");
}

TEST_P(ProcessTest, AHandleCanBeSentToASibling) {
  Mailbox says;
  mp::Process sibling{{.name = "Sibling"}, entry::wait_for_ever};
  sibling.start();
  EXPECT_EQ(run_in_child(ask_sibling, sibling.handle(), says), 0);
  EXPECT_EQ(says.get(0), "Sibling alive");
  EXPECT_EQ(says.get(1), "dead");
  sibling.join();
  EXPECT_EQ(sibling.exitcode(), -SIGTERM);
}

TEST_P(ProcessTest, AHandleThatComesBackIsTheProcessItself) {
  Mailbox says;
  const auto target = [](mp::ProcessHandle parent, Mailbox box) {
    box.put(parent == *mp::parent_process() ? "parent" : "stranger");
    box.put(mp::current_process() == mp::current_process() ? "self" : "other");
    box.put(mp::current_process() == parent ? "mixed up" : "told apart");
  };
  EXPECT_EQ(run_in_child(target, mp::current_process(), says), 0);
  EXPECT_EQ(says.get(0), "parent");
  EXPECT_EQ(says.get(1), "self");
  EXPECT_EQ(says.get(2), "told apart");
}

TEST(ProcessHandleTest, OfNobodyThrows) {
  const mp::ProcessHandle nobody;
  EXPECT_THROW((void)nobody.pid(), mp::ValueError);
  EXPECT_THROW(nobody.join(), mp::ValueError);
  EXPECT_EQ(nobody, mp::ProcessHandle{});
  EXPECT_NE(nobody, mp::current_process());
}

TEST(ProcessHandleTest, OnlyTheCallingProcessIsChangedByItsHandle) {
  auto child = mp::get_context("fork").Process(entry::wait_for_ever);
  child.start();
  EXPECT_THROW(child.handle().set_name("x"), mp::AssertionError);
  child.kill();
  child.join();
}

TEST(ForkTest, HandlesOfTheParentAreOfTheSameProcessesInAForkedChild) {
  Mailbox says;
  auto elder = mp::get_context("fork").Process({.name = "Elder"}, entry::wait_for_ever);
  elder.start();
  auto child = mp::get_context("fork").Process([&says, elder = elder.handle(),
                                                parent = mp::current_process()] {
    says.put(parent == *mp::parent_process() && parent != mp::current_process() ? "parent" : "");
    try {
      parent.set_name("x");
    } catch (const mp::AssertionError&) {
      says.put("not to be renamed by me");
    }
    says.put(elder.name() + (elder.is_alive() && !elder.exitcode() ? " alive" : " dead"));
    elder.terminate();
    elder.join();
    says.put(elder.is_alive() ? "alive" : "dead");
  });
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(says.get(0), "parent");
  EXPECT_EQ(says.get(1), "not to be renamed by me");
  EXPECT_EQ(says.get(2), "Elder alive");
  EXPECT_EQ(says.get(3), "dead");
  elder.join();
  EXPECT_EQ(elder.exitcode(), -SIGTERM);
}

// In a forked child the objects of its parent are inert.
TEST(ForkTest, ObjectsOfTheParentAreInertInAForkedChild) {
  Gate gate;
  Mailbox says;
  auto elder = mp::get_context("fork").Process(entry::wait_at, gate);
  elder.start();
  auto child = mp::get_context("fork").Process([&] {
    says.put(mp::active_children().size());
    try {
      (void)elder.is_alive();
    } catch (const mp::AssertionError&) {
      says.put("not my child");
    }
    try {
      elder.terminate();
    } catch (const mp::AssertionError&) {
      says.put("not to be ended by me");
    }
    says.put(elder.exitcode() ? "a code" : "no code");
    mp::Process own{entry::nothing};
    mp::Process unstarted = std::move(own);
  });
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(says.get(0), "0");
  EXPECT_EQ(says.get(1), "not my child");
  EXPECT_EQ(says.get(2), "not to be ended by me");
  EXPECT_EQ(says.get(3), "no code");
  EXPECT_TRUE(elder.is_alive());
  gate.open();
  elder.join();
}

TEST(ForkTest, ARawForkedChildMayLeaveWithoutTouchingItsParentsChildren) {
  Gate gate;
  auto process = mp::get_context("fork").Process(entry::wait_at, gate);
  process.start();
  const pid_t pid = fork();
  if (pid == 0) {
    const bool inert = mp::active_children().empty();
    _exit(inert ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(process.is_alive());
  gate.open();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  (void)multiprocessing::detail::sweep();  // the birth of the raw child is over
}

// CPython: TestForkAwareThreadLock.test_lock
TEST(ForkTest, NothingIsHandedDownThatGrowsWithEachGeneration) {
  static void (*const descend)(int, Mailbox) = [](int left, Mailbox says) {
    if (left == 0) return says.put(open_descriptors().size());
    if (left == 6) says.put(open_descriptors().size());
    auto child = mp::get_context("fork").Process(descend, left - 1, says);
    child.start();
    child.join();
  };
  Mailbox says;
  auto child = mp::get_context("fork").Process(descend, 6, says);
  child.start();
  child.join();
  // Each generation has the read end of its own life pipe, and inherits those of its ancestors.
  EXPECT_LE(says.number(1), says.number(0) + 6);
}

// It waited for ever for a lock that a thread of its parent held when it was forked.
TEST(ForkedChildTest, MayAskForTheNameOfASiblingThatAThreadOfTheParentIsAsking) {
  const mp::Context context = mp::get_context("fork");
  mp::Process sibling = context.Process(entry::nothing);
  std::atomic<bool> enough{false};
  std::thread asking{[&] {
    while (!enough) (void)sibling.name();
  }};
  const int children = test_support::asked("MULTIPROCESSING_TEST_CHILDREN", 200);
  for (int i = 0; i < children; ++i) {
    mp::Process child = context.Process([&sibling] { (void)sibling.name(); });
    child.start();
    child.join();
    EXPECT_EQ(child.exitcode(), 0);
  }
  enough = true;
  asking.join();
}

}  // namespace
}  // namespace process_test
