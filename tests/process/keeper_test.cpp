// The keeper as it is asked: who may, and once. What queues make of it is tested with them.
#include "process/keeper.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_server_client.hpp"
#include "process/keeper_client.hpp"
#include "process_suite.hpp"
#include "support/asked.hpp"

namespace process_test {
namespace {

using namespace mp::detail;
using test_support::wait_until;

bool is_connected(const UniqueFd& channel) {
  return !wait_readable(channel.get(), Deadline{mp::Timeout{std::chrono::milliseconds{0}}});
}

/// A connected pair, of which one is left with the keeper.
struct Left {
  Left() {
    std::scoped_lock guard{fork_gate()};
    auto [a, b] = make_channel();
    here = std::move(a);
    ends.push_back(std::make_shared<EndFd>(std::move(b)));
  }
  [[nodiscard]] Handle leave() {
    Handle ticket = leave_ends(ends, Deadline::never());
    ends.clear();
    return ticket;
  }
  [[nodiscard]] bool has_other_side() const { return is_connected(here); }

  UniqueFd here;
  std::vector<std::shared_ptr<EndFd>> ends;
};

class KeeperTest : public testing::Test {
 protected:
  ~KeeperTest() override {
    wait_until([] { return kept_tickets() == 0; });
  }
};

TEST_F(KeeperTest, WhatWasLeftIsTakenOnce) {
  Left left;
  const Handle ticket = left.leave();
  EXPECT_TRUE(left.has_other_side());
  EXPECT_EQ(take_ends(ticket).size(), 1U);
  wait_until([&] { return !left.has_other_side(); });  // the keeper closes after it has answered
  EXPECT_THROW((void)take_ends(ticket), mp::ProcessError);
}

TEST_F(KeeperTest, WithTheTicketGoesWhatWasLeft) {
  Left left;
  Handle ticket = left.leave();
  Left other;
  Handle kept = other.leave();
  ticket = {};
  wait_until([&] { return !left.has_other_side(); });
  wait_until([] { return kept_tickets() == 1; });
  EXPECT_EQ(take_ends(kept).size(), 1U);
}

// Its fork server makes no children for a process that has become another user, but keeps on.
TEST_F(KeeperTest, WhoBecomesAnotherUserTakesWhatWasLeftAndLeavesMore) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const auto target = [] {
    Left before;
    const Handle ticket = before.leave();
    const Member keeper = keeper_if_any().member;
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
      throw mp::Exit{77};
    if (run_in_child(entry::nothing) != 0) throw mp::Exit{2};  // by a server of its own
    if (!before.has_other_side() || take_ends(ticket).size() != 1) throw mp::Exit{3};
    Left after;
    if (take_ends(after.leave()).size() != 1) throw mp::Exit{4};
    if (keeper_if_any().member != keeper) throw mp::Exit{5};
  };
  const int code = run_in_child(target);
  if (code == 77) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(code, 0);
}

TEST_F(KeeperTest, AnotherObjectIsNoTicket) {
  EXPECT_THROW((void)take_ends(Handle::make(4)), mp::SerializationError);
  EXPECT_THROW((void)take_ends(Handle::make(1000)), mp::SerializationError);
}

/// As a stranger would open one; does not wait for room.
UniqueFd line_to_keeper() {
  const AbstractAddress address{keeper_if_any().name};
  UniqueFd line{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  EXPECT_EQ(connect(line.get(), address.get(), address.size), 0);
  return line;
}

/// Sends so much of it with one end of a channel; the other end.
UniqueFd send_as_stranger(const UniqueFd& line, const KeeperRequest& request, std::size_t size) {
  auto [ours, its] = make_channel();
  const int given = its.get();
  const std::span<const std::byte> bytes = std::as_bytes(std::span{&request, 1});
  EXPECT_TRUE(send_message(line.get(), bytes.first(size), {&given, 1}));
  return std::move(ours);
}

/// What a stranger gets who found the socket: 0 for nothing.
std::size_t answer_with(const KeeperRequest& request, std::size_t size) {
  const UniqueFd channel = send_as_stranger(line_to_keeper(), request, size);
  KeeperAnswer answer{};
  return receive_message(channel.get(), std::as_writable_bytes(std::span{&answer, 1})).size;
}

TEST_F(KeeperTest, WhoDoesNotKnowItsKeyGetsNoAnswer) {
  Left left;
  const Handle ticket = left.leave();
  KeeperRequest request{KeeperRequest::give, keeper_if_any().key, name_of(ticket)};
  EXPECT_EQ(answer_with(request, sizeof request - 1), 0U);
  request.key.back() = static_cast<char>(request.key.back() + 1);
  EXPECT_EQ(answer_with(request, sizeof request), 0U);
  request.key = {};
  EXPECT_EQ(answer_with(request, sizeof request), 0U);
  EXPECT_EQ(take_ends(ticket).size(), 1U);
}

TEST_F(KeeperTest, WhoDoesNotReadItsAnswerHoldsNobodyUp) {
  Left left;
  const Handle ticket = left.leave();
  const auto [ours, its] = make_channel();
  while (::send(its.get(), "", 1, MSG_DONTWAIT) == 1) {
  }
  const KeeperRequest request{KeeperRequest::give, keeper_if_any().key, {}};
  const int given = its.get();
  EXPECT_TRUE(
      send_message(line_to_keeper().get(), std::as_bytes(std::span{&request, 1}), {&given, 1}));
  EXPECT_EQ(take_ends(ticket).size(), 1U);
}

/// While alive, the process takes nothing out of its queues.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) { kill(pid_, SIGSTOP); }
  ~Stopped() { kill(pid_, SIGCONT); }
  Stopped(const Stopped&) = delete;

 private:
  pid_t pid_;
};

TEST_F(KeeperTest, AStrangerNeitherFillsItsQueueNorLeavesDescriptorsInIt) {
  Left left;
  const Handle ticket = left.leave();
  {
    const Stopped stopped{pid_of(keeper_if_any().member)};
    const UniqueFd line = line_to_keeper();
    const KeeperRequest request{KeeperRequest::keep, {}, name_of(ticket)};
    for (int i = 0; i < 1000; ++i)
      ASSERT_FALSE(is_connected(send_as_stranger(line, request, sizeof request)));
  }
  EXPECT_EQ(take_ends(ticket).size(), 1U);
}

/// Of a keeper that nobody waits for but this process, which started it.
void wait_for_end(Member keeper) {
  (void)waitpid(-1, nullptr, __WALL);  // its reaper; a large program, as with a sanitizer, has none
  wait_until([&] { return !alive(keeper); });
}

TEST_F(KeeperTest, ItServesOnForWhatItKeepsAndThenEnds) {
  Left left;
  const Handle ticket = left.leave();
  const Member keeper = keeper_if_any().member;
  EXPECT_EQ(pid_of(keeper), fork_server_pid());
  stop_fork_server();
  EXPECT_TRUE(left.has_other_side());
  EXPECT_EQ(take_ends(ticket).size(), 1U);
  wait_for_end(keeper);
  EXPECT_FALSE(left.has_other_side());
  auto child = mp::get_context("forkserver").Process(entry::nothing);  // there is a server again
  child.start();
  child.join();
}

TEST_F(KeeperTest, OneThatWasDismissedAndStillLivesDoesNotSpeakForTheNext) {
  std::array<Left, 3> left;
  std::vector<Handle> tickets;
  for (Left& each : left) tickets.push_back(each.leave());
  const Member first = keeper_if_any().member;
  stop_fork_server();
  dismiss(first);
  Left other;
  const Handle ticket = other.leave();
  EXPECT_NE(keeper_if_any().member, first);
  EXPECT_EQ(take_ends(tickets.front()).size(), 1U);
  wait_until([&] { return !left.front().has_other_side(); });
  EXPECT_EQ(kept_tickets(), 1U);
  EXPECT_EQ(take_ends(ticket).size(), 1U);
  wait_until([] { return kept_tickets() == 0; });
  for (const Handle& each : {tickets[1], tickets[2]}) EXPECT_EQ(take_ends(each).size(), 1U);
  wait_for_end(first);
}

/// In a child of a raw fork: how many sockets it has of the kind that leads to the keeper.
int lines_inherited() {
  int found = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM) ++found;
  }
  return found;
}

TEST_F(KeeperTest, AChildThatIsForkedWhileAnotherThreadAsksItInheritsNothingOfThat) {
  std::atomic<bool> over = false;
  std::thread asks{[&] {
    while (!over) {
      Left left;
      (void)take_ends(left.leave());
    }
  }};
  wait_until([] { return static_cast<bool>(keeper_if_any().member); });
  const int children = test_support::asked("MULTIPROCESSING_TEST_CHILDREN", 100);
  for (int i = 0; i < children; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(lines_inherited());
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  over = true;
  asks.join();
}

TEST_F(KeeperTest, ChildrenOfTheServerDoNotHaveWhatItKeeps) {
  Gate gate;
  Left left;
  const Handle ticket = left.leave();
  auto child = mp::get_context("forkserver").Process(entry::wait_at, gate);
  child.start();
  (void)take_ends(ticket);
  wait_until([&] { return !left.has_other_side(); });
  gate.open();
  child.join();
}

}  // namespace
}  // namespace process_test
