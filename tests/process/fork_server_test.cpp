// The fork server: who may use it, and what becomes of its children when it dies.
#include "process/fork_server_client.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process_suite.hpp"
#include "support/asked.hpp"

namespace process_test {
namespace {

using namespace std::chrono_literals;
using multiprocessing::detail::Deadline;
using multiprocessing::detail::fork_server_key;
using multiprocessing::detail::fork_server_pid;
using multiprocessing::detail::open_pidfd;
using multiprocessing::detail::set_fork_server_key;
using multiprocessing::detail::stop_fork_server;
using multiprocessing::detail::UniqueFd;
using multiprocessing::detail::wait_readable;

class ForkServerTest : public testing::Test {
 protected:
  ForkServerTest() {
    mp::set_start_method("forkserver", {.force = true});
    run_in_child(entry::nothing);  // there is a server
  }
  ~ForkServerTest() override {
    mp::set_forkserver_preload(nullptr);
    stop_fork_server();
    run_in_child(entry::nothing);
    mp::set_start_method(std::nullopt, {.force = true});
  }
};

// CPython: _TestProcess.test_forkserver_sigint
TEST_F(ForkServerTest, IgnoresInterrupts) {
  Gate gate;
  mp::Process elder{entry::wait_at, gate};
  elder.start();
  const pid_t server = fork_server_pid();
  kill(server, SIGINT);
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  EXPECT_EQ(fork_server_pid(), server);
  gate.open();
  elder.join();
  EXPECT_EQ(elder.exitcode(), 0);
}

// CPython: _TestProcess.test_forkserver_sigkill
TEST_F(ForkServerTest, IsStartedAgainWhenItWasKilled) {
  Gate gate;
  mp::Process elder{entry::wait_at, gate};
  elder.start();
  const pid_t server = fork_server_pid();
  kill(server, SIGKILL);
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  EXPECT_NE(fork_server_pid(), server);
  EXPECT_TRUE(elder.is_alive());
  gate.open();
  elder.join();
  EXPECT_EQ(elder.exitcode(), 0);
}

// W47: what its children did is known all the same.
TEST_F(ForkServerTest, ExitCodesSurviveItsDeath) {
  Gate gate;
  const auto target = [](Gate g, int code) {
    g.wait();
    if (code < 0) raise(-code);
    throw mp::Exit{code};
  };
  mp::Process leaves{target, gate, 7};
  mp::Process is_killed{target, gate, -SIGKILL};
  leaves.start();
  is_killed.start();
  kill(fork_server_pid(), SIGKILL);
  gate.open();
  leaves.join();
  is_killed.join();
  EXPECT_EQ(leaves.exitcode(), 7);
  EXPECT_EQ(is_killed.exitcode(), code_of_a_killed_child_that_others_reap());
}

// Who joined held up all who asked anything of the process, until it gave up on the server.
TEST_F(ForkServerTest, StandingStillItHoldsUpNobodyButWhoJoins) {
  std::optional<int> code;
  do {
    mp::Process child{entry::wait_for_ever};
    child.start();
    const pid_t server = fork_server_pid();
    kill(server, SIGSTOP);
    child.kill();
    std::atomic<bool> joins = false;
    std::thread joiner{[&] {
      (void)wait_readable(child.sentinel(), Deadline::never());
      joins = true;
      child.join();
    }};
    while (!joins) sched_yield();
    EXPECT_FALSE(child.is_alive());
    kill(server, SIGCONT);
    joiner.join();
    code = child.exitcode();
  } while (code != -SIGKILL);  // else the joiner had given up, or was later than the question
}

TEST_F(ForkServerTest, MayBeKilledAtAnyTimeDuringStarts) {
  std::atomic<bool> stop = false;
  std::atomic<int> started = 0;
  std::thread killer{[&] {
    // A start succeeds between two kills, however slow the machine is.
    for (int seen = -1, round = 0; !stop; ++round) {
      std::this_thread::sleep_for(std::chrono::microseconds{150 * (round % 17)});
      const pid_t server = fork_server_pid();
      if (server > 0 && started != seen) kill(server, SIGKILL), seen = started;
    }
  }};
  const int children = test_support::asked("MULTIPROCESSING_TEST_CHILDREN", 60);
  for (int i = 0; i < children; ++i) {
    mp::Process process{[](int code) { throw mp::Exit{code}; }, i};
    process.start();
    ++started;
    process.join();
    EXPECT_EQ(process.exitcode(), i);
  }
  stop = true;
  killer.join();
}

// CPython: _TestProcess.test_forkserver_auth_is_enabled
// CPython: _TestProcess.test_forkserver_without_auth_fails
TEST_F(ForkServerTest, RefusesWhoDoesNotKnowItsKey) {
  const mp::Bytes key = fork_server_key();
  EXPECT_EQ(key.size(), 32U);
  for (const mp::Bytes& wrong : {mp::Bytes{}, mp::Bytes{std::string(32, 'x')}}) {
    set_fork_server_key(wrong);
    mp::Process process{entry::nothing};
    EXPECT_THROW(process.start(), mp::AuthenticationError);
    EXPECT_EQ(process.pid(), std::nullopt);
  }
  set_fork_server_key(key);
  EXPECT_EQ(run_in_child(entry::nothing), 0);
}

// How many descriptors the epoll instances of a process watch.
int watched_by(pid_t pid) {
  int count = 0;
  const std::filesystem::path folder = "/proc/" + std::to_string(pid) + "/fdinfo";
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream info{entry.path()};
    for (std::string line; std::getline(info, line);) count += line.rfind("tfd:", 0) == 0;
  }
  return count;
}

// It went round without a pause for as long as somebody kept the pidfd of a child that had ended.
TEST_F(ForkServerTest, SleepsWhileThoseWhoseChildrenEndedKeepThem) {
  std::vector<mp::Process> ended;
  for (int i = 0; i < 5; ++i) {
    ended.emplace_back(entry::nothing);
    ended.back().start();
  }
  for (mp::Process& process : ended) process.join();
  // Its report of the last end may be on the way; the watchdog ends this if it never comes.
  while (watched_by(fork_server_pid()) != 1) sched_yield();
}

/// A limit that leaves a process so many numbers for new descriptors.
rlim_t limit_that_leaves(unsigned left, pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd/";
  for (rlim_t limit = 0;; ++limit)
    if (!std::filesystem::is_symlink(folder + std::to_string(limit)) && left-- == 0) return limit;
}

/// Starts a child of the server, which may open so many descriptors more; what it says if it does
/// not make one.
std::string refusal_with(unsigned left, const Mailbox& says) {
  const pid_t server = fork_server_pid();
  while (watched_by(server) != 1) sched_yield();  // it has let go of those that ended
  rlimit before{};
  prlimit(server, RLIMIT_NOFILE, nullptr, &before);
  const rlimit lower{limit_that_leaves(left, server), before.rlim_max};
  prlimit(server, RLIMIT_NOFILE, &lower, nullptr);
  std::string refused;
  mp::Process process{[](Mailbox box) { box.put("I ran"); }, says};
  try {
    process.start();
    process.join();
  } catch (const mp::OSError& error) {
    refused = error.what();
  }
  prlimit(server, RLIMIT_NOFILE, &before, nullptr);
  return refused;
}

// It went over requests that lost descriptors on the way, and was taken for dead.
TEST_F(ForkServerTest, SaysThatItHasTooManyFilesOpenAndRunsNothing) {
  const pid_t server = fork_server_pid();
  Mailbox says;
  unsigned left = 1;  // for the answer
  for (std::string refusal; !(refusal = refusal_with(left, says)).empty(); ++left)
    EXPECT_THAT(refusal, testing::MatchesRegex(
                             "(recvmsg|pidfd_open .*) in the fork server: Too many open files"));
  EXPECT_GT(left, 1U);
  EXPECT_EQ(says.size(), 1U);
  EXPECT_EQ(fork_server_pid(), server);
}

TEST_F(ForkServerTest, EndsWithItsLastUser) {
  const UniqueFd server = open_pidfd(fork_server_pid());
  stop_fork_server();
  EXPECT_TRUE(wait_readable(server.get(), Deadline::never()));
}

TEST_F(ForkServerTest, ServesTheChildrenThatItMadeToo) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    box.put(getppid());
    mp::Process child{[](Mailbox b) { b.put(getppid()); }, box};
    child.start();
    child.join();
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(says.number(0), fork_server_pid());
  EXPECT_EQ(says.number(1), fork_server_pid());
}

int preloaded = 0;
const Mailbox* preload_box = nullptr;

void preload() {
  ++preloaded;
  preload_box = new Mailbox;  // an object in the arena, held by the server
  preload_box->put(getpid());
  std::fputs("", stdout);
}

// CPython: MiscTestCase.test_preload_main
// CPython: TestStartMethod.test_preload_resources
TEST_F(ForkServerTest, LoadsOnceWhatItsChildrenShare) {
  stop_fork_server();
  mp::set_forkserver_preload(preload);
  Mailbox says;
  const auto target = [](Mailbox box) {
    box.put(preloaded);
    box.put(preload_box->number());
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(says.number(0), 1);
  EXPECT_EQ(says.number(2), 1);
  EXPECT_EQ(says.number(1), fork_server_pid());
  EXPECT_EQ(says.number(3), fork_server_pid());
}

TEST_F(ForkServerTest, GoesOnWhenLoadingFails) {
  stop_fork_server();
  mp::set_forkserver_preload([] { throw std::runtime_error{"on purpose: nothing to load"}; });
  EXPECT_EQ(run_in_child(entry::nothing), 0);
}

}  // namespace
}  // namespace process_test
