// The processes that a process has started, to be ended with it.
#include "process/process_tree.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/death.hpp"
#include "support/family.hpp"

namespace {

namespace detail = multiprocessing::detail;

/// Forks `depth` generations, each of which says its id; none of them ends by itself.
void start_generations(test_support::Counters pids, std::size_t depth) {
  for (std::size_t each = depth;;) {
    pids[each] = static_cast<std::uint32_t>(getpid());
    if (++each == 3 || fork() != 0) break;
  }
  for (;;) pause();
}

bool is_gone(std::uint32_t pid) { return !test_support::exists(static_cast<pid_t>(pid)); }

TEST(ProcessTreeTest, AllGenerationsAreStoppedAndThenEnded) {
  const test_support::Counters pids;
  const pid_t root = fork();
  ASSERT_GE(root, 0);
  if (root == 0) start_generations(pids, 0);
  test_support::wait_until([&] { return pids[2] != 0; });
  const detail::UniqueFd pidfd = detail::open_pidfd(root);
  const detail::ProcessTree tree({{pidfd.get(), root}});
  for (std::size_t i = 0; i < 3; ++i)
    test_support::wait_until([&] { return detail::is_stopped(static_cast<pid_t>(pids[i])); });
  tree.signal_descendants(SIGKILL);
  EXPECT_FALSE(is_gone(pids[0])) << "the root is the caller's";
  ASSERT_EQ(kill(root, SIGKILL), 0);
  ASSERT_EQ(waitpid(root, nullptr, 0), root);
  // They go to the watchdog of the tests, which reaps them.
  test_support::wait_until([&] { return is_gone(pids[1]) && is_gone(pids[2]); });
}

TEST(ProcessTreeTest, OfAProcessThatHasEndedThereIsNone) {
  const pid_t root = fork();
  ASSERT_GE(root, 0);
  if (root == 0) _exit(0);
  const detail::UniqueFd pidfd = detail::open_pidfd(root);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(root), &info, WEXITED | WNOWAIT), 0);
  detail::ProcessTree({{pidfd.get(), root}}).signal_descendants(SIGKILL);
  ASSERT_EQ(waitpid(root, nullptr, 0), root);
}

}  // namespace
