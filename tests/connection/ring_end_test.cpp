// What the other end of a pipe with rings finds when one was closed, killed or stopped.
#include <signal.h>

#include <chrono>
#include <string>
#include <thread>

#include "base/fail_point.hpp"
#include "connection_suite.hpp"
#include "support/watchdog.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;

/// A pipe that has been used; its first end is polled from now on.
auto polled_pipe() {
  auto ends = mp::Pipe();
  ends.first.send(1);
  EXPECT_EQ(ends.second.recv<int>(), 1);
  (void)ends.first.fileno();
  return ends;
}

// The first packet rings, and who did not sleep leaves the bell where it is.
TEST(RingEndTest, ABellThatNobodyTookIsNoUnreadMessage) {
  auto [here, there] = polled_pipe();
  there.send(2);
  there.send(3);
  EXPECT_EQ(here.recv<int>(), 2);
  there.close();
  EXPECT_EQ(here.recv<int>(), 3);
  EXPECT_THROW((void)here.recv<int>(), mp::EOFError);
}

TEST(RingEndTest, AMessageByTheSocketThatIsUnreadAtTheClosingIsTold) {
  auto [here, there] = polled_pipe();
  here.send(2);
  there.close();
  EXPECT_THROW((void)here.recv<int>(), mp::ConnectionResetError);
}

// Who finds the dead one first says nothing by the socket here.
TEST(RingEndTest, AMessageWhoseSenderDiedIsOverThoughAnotherHasTakenTheTurnSince) {
  const test_support::Watchdog watchdog{30s};
  auto [here, there] = mp::Pipe();
  static_cast<void>(there.fileno());
  mp::Process sender = mp::get_context("fork").Process(
      [](mp::Connection end) {
        mp::detail::arm_fail_point("connection.send.half", 1);
        end.send_bytes(std::string(1'000'000, 'x'));
      },
      here);
  sender.start();
  sender.join();
  EXPECT_EQ(sender.exitcode(), -SIGKILL);
  EXPECT_THROW(mp::send_handle(here, 0), mp::BrokenPipeError);
  EXPECT_THROW((void)there.recv_bytes(), mp::ConnectionResetError);
}

/// A child that sends the first number back, and then waits for another one.
mp::Process answers_once(const mp::Connection& by) {
  mp::Process child = mp::get_context("fork").Process(
      [](mp::Connection end) {
        end.send(end.recv<int>());
        (void)end.recv<int>();
      },
      by);
  child.start();
  return child;
}

// The ring is sealed, and only who has the turn could go on to the socket.
TEST(RingEndTest, PollKeepsItsTimeWhileAStoppedReceiverHasTheTurn) {
  const test_support::Watchdog watchdog{30s};
  auto [here, there] = mp::Pipe();
  mp::Process receiver = answers_once(there);
  here.send(1);
  EXPECT_EQ(here.recv<int>(), 1);
  const pid_t pid = *receiver.pid();
  wait_until_asleep(pid);  // in its recv
  kill(pid, SIGSTOP);
  wait_until_stopped(pid);
  (void)here.fileno();
  EXPECT_FALSE(there.poll());
  EXPECT_FALSE(there.poll(30ms));
  kill_and_join(receiver);
  here.send(2);
  EXPECT_TRUE(there.poll(10s));
}

// A sender asks now and then whether the other end is there, after its message has gone.
TEST(RingEndTest, AMessageThatWasReceivedBeforeItsEndWasClosedIsSent) {
  for (int round = 0; round < 300; ++round) {
    auto [here, there] = mp::Pipe();
    std::thread receiver{[&there = there] {
      EXPECT_EQ(there.recv<int>(), 1);
      there.close();
    }};
    EXPECT_NO_THROW(here.send(1));
    receiver.join();
    EXPECT_THROW(here.send(2), mp::BrokenPipeError);
  }
}

TEST(RingEndTest, AReceiverThatWasKilledInItsSleepIsNoticedByTheNextSend) {
  auto [here, there] = mp::Pipe();
  mp::Process receiver = answers_once(there);
  there.close();
  here.send(1);
  EXPECT_EQ(here.recv<int>(), 1);
  wait_until_asleep(*receiver.pid());  // in its recv
  kill_and_join(receiver);
  EXPECT_THROW(here.send(2), mp::BrokenPipeError);
  EXPECT_THROW(here.send(3), mp::BrokenPipeError);
  EXPECT_THROW((void)here.recv<int>(), mp::EOFError);
}

/// How many messages go to a receiver that was killed, after so many to it while it lived.
int sends_to_the_dead_after(int sends) {
  auto [here, there] = mp::Pipe();
  mp::Process receiver = answers_once(there);
  there.close();
  for (int i = 0; i < sends; ++i) here.send(i);
  EXPECT_EQ(here.recv<int>(), 0);
  kill_and_join(receiver);
  for (int sent = 0; sent < 100; ++sent) {
    try {
      here.send(sent);
    } catch (const mp::BrokenPipeError&) {
      return sent;
    }
  }
  return 100;
}

TEST(RingEndTest, AReceiverThatWasKilledIsNoticedByTheSixtyFourthSendAtLatest) {
  for (int round = 0; round < 40; ++round) EXPECT_LE(sends_to_the_dead_after(2 + round), 63);
}

}  // namespace
}  // namespace connection_test
