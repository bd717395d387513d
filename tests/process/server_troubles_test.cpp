// The fork server while it is stopped, and where calls that it makes are refused or find no memory.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_server_client.hpp"
#include "process/keeper.hpp"
#include "process/keeper_client.hpp"
#include "process_suite.hpp"
#include "support/refused_calls.hpp"

namespace {

// The next so many calls of recvmsg(2) in this process find no memory.
std::atomic<int> receives_without_memory{0};

}  // namespace

extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
  if (receives_without_memory > 0) {
    --receives_without_memory;
    errno = ENOMEM;
    return -1;
  }
  return syscall(SYS_recvmsg, fd, message, flags);
}

namespace process_test {
namespace {

using namespace mp::detail;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A process that stands still in a scope.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) {
    kill(pid_, SIGSTOP);
    test_support::wait_until([&] { return is_stopped(pid_); });
  }
  ~Stopped() { kill(pid_, SIGCONT); }
  Stopped(const Stopped&) = delete;

 private:
  pid_t pid_;
};

class ServerTroublesTest : public testing::Test {
 protected:
  ServerTroublesTest() {
    mp::set_start_method("forkserver", {.force = true});
    run_in_child(entry::nothing);  // there is a server
  }
  ~ServerTroublesTest() override {
    test_support::wait_until([] { return kept_tickets() == 0; });
    start_anew(nullptr);
    mp::set_start_method(std::nullopt, {.force = true});
  }

  /// With a server that calls `load` first.
  static void start_anew(void (*load)()) {
    mp::set_forkserver_preload(load);
    stop_fork_server();
    if (load == nullptr) run_in_child(entry::nothing);
  }
};

TEST_F(ServerTroublesTest, AnotherOneIsStartedWhileItIsStopped) {
  const pid_t server = fork_server_pid();
  const UniqueFd end = open_pidfd(server);
  {
    const Stopped stopped{server};
    EXPECT_EQ(run_in_child(entry::nothing), 0);
    EXPECT_NE(fork_server_pid(), server);
  }
  EXPECT_TRUE(wait_readable(end.get(), Deadline::never()));  // nobody uses it any more
}

TEST_F(ServerTroublesTest, ItsChildrenStartAnotherOneWhileItIsStopped) {
  const auto target = [](int server) {
    const Stopped stopped{static_cast<pid_t>(server)};
    throw mp::Exit{run_in_child(entry::nothing)};
  };
  EXPECT_EQ(run_in_child(target, static_cast<int>(fork_server_pid())), 0);
}

TEST_F(ServerTroublesTest, OneThatIsStoppedAndGoesOnStartsNothingForWhoGaveItUp) {
  Mailbox says;
  const pid_t server = fork_server_pid();
  const UniqueFd end = open_pidfd(server);
  {
    const Stopped stopped{server};
    mp::Process child{[](Mailbox box) { box.put(1); }, says};
    child.start();
    child.join();
    EXPECT_EQ(child.exitcode(), 0);
  }
  EXPECT_TRUE(wait_readable(end.get(), Deadline::never()));
  EXPECT_EQ(says.size(), 1U);
}

/// An end that is left with the keeper.
Handle leave_one() {
  std::shared_ptr<EndFd> end;
  {
    std::scoped_lock guard{fork_gate()};
    end = std::make_shared<EndFd>(make_channel().first);
  }
  return leave_ends({&end, 1}, Deadline::never());
}

TEST_F(ServerTroublesTest, EndsAreLeftWithAnotherKeeperWhileItIsStopped) {
  Handle before = leave_one();
  const pid_t server = pid_of(keeper_if_any().member);
  const UniqueFd end = open_pidfd(server);
  {
    const Stopped stopped{server};
    const Handle after = leave_one();
    EXPECT_EQ(take_ends(after).size(), 1U);
  }
  EXPECT_EQ(take_ends(before).size(), 1U);
  before = {};
  EXPECT_TRUE(wait_readable(end.get(), Deadline::never()));
}

TEST_F(ServerTroublesTest, EndsThatAStoppedKeeperHasAreWaitedForNoLongerThanTheDeadline) {
  const Handle ticket = leave_one();
  const Stopped stopped{pid_of(keeper_if_any().member)};
  try {
    (void)take_ends(ticket, Deadline{100ms});
    FAIL() << "taken from a process that is stopped";
  } catch (const mp::ProcessError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is stopped"));
  }
}

// Who is slow is waited for, whatever the deadline says: what it keeps would be lost.
TEST_F(ServerTroublesTest, EndsAreTakenBeyondTheDeadlineFromAKeeperThatRuns) {
  const Handle ticket = leave_one();
  EXPECT_EQ(take_ends(ticket, Deadline{0ns}).size(), 1U);
}

std::string refusal() {
  mp::Process child{entry::nothing};
  try {
    child.start();
  } catch (const mp::OSError& error) {
    return error.what();
  }
  child.join();
  return {};
}

TEST_F(ServerTroublesTest, TheCallThatIsRefusedInItIsNamed) {
  start_anew([] {
    if (!test_support::refuse_call(SYS_pidfd_open, EPERM)) _exit(77);
  });
  EXPECT_THAT(refusal(), AllOf(HasSubstr("pidfd_open"), HasSubstr("in the fork server"),
                               HasSubstr("Operation not permitted")));
}

TEST_F(ServerTroublesTest, AChildThatItCanNeitherWatchNorSignalHoldsItNotUp) {
  start_anew([] {
    if (!test_support::refuse_call(SYS_pidfd_open, EPERM) ||
        !test_support::refuse_call(SYS_kill, EPERM))
      _exit(77);
  });
  EXPECT_THAT(refusal(), HasSubstr("pidfd_open"));
  const pid_t server = fork_server_pid();
  EXPECT_THAT(refusal(), HasSubstr("pidfd_open"));  // it goes on to answer
  EXPECT_EQ(fork_server_pid(), server);
}

TEST_F(ServerTroublesTest, ItGoesOnWhenThereIsNoMemoryForAMoment) {
  start_anew([] { receives_without_memory = 20; });
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  const pid_t server = fork_server_pid();
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  EXPECT_EQ(fork_server_pid(), server);
}

TEST_F(ServerTroublesTest, KilledBetweenForkAndAnswerItHoldsUpNoStart) {
  start_anew([] { arm_fail_point("fork_server.forked", 2); });
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  const pid_t server = fork_server_pid();
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  EXPECT_NE(fork_server_pid(), server);
}

TEST_F(ServerTroublesTest, AChildWithoutMemoryToBeginDoesNotEndWell) {
  start_anew([] { arm_fail_point_throw("fork_server.in_child"); });
  EXPECT_EQ(run_in_child(entry::nothing), 1);
}

TEST_F(ServerTroublesTest, AnAnswerIsWaitedForWhenThereIsNoMemoryForAMoment) {
  receives_without_memory = 3;
  EXPECT_EQ(run_in_child(entry::nothing), 0);
  EXPECT_EQ(receives_without_memory, 0);
}

}  // namespace
}  // namespace process_test
