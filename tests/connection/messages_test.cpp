// Connection::messages: a loop that ends when the other side is gone, in whichever way.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "connection_suite.hpp"

namespace {

using namespace connection_test;
using namespace std::chrono_literals;

class MessagesTest : public ProcessesTest {};
FOR_EVERY_START_METHOD(MessagesTest);

void send_three(mp::Connection end) {
  for (int i = 0; i < 3; ++i) end.send(i);
}

void send_three_and_wait(mp::Connection end) {
  send_three(end);
  for (;;) pause();
}

// Sends what the other side never reads, and counts what comes after that has been closed.
void count_after_close(mp::Connection end, mp::Connection report) {
  end.send("never read");
  report.send("sent");
  int count = 0;
  for (const int number : end.messages<int>()) count += number;
  report.send(count);
}

TEST_P(MessagesTest, TheLoopEndsWhenTheSenderHasEnded) {
  auto [here, there] = mp::Pipe();
  mp::Process sender{send_three, std::move(there)};
  sender.start();
  std::vector<int> got;
  for (const int number : here.messages<int>()) got.push_back(number);
  EXPECT_EQ(got, (std::vector{0, 1, 2}));
  expect_good_end(sender);
}

TEST_P(MessagesTest, TheLoopEndsWhenTheSenderIsKilled) {
  auto [here, there] = mp::Pipe();
  mp::Process sender{send_three_and_wait, std::move(there)};
  sender.start();
  int got = 0;
  for (const int number : here.messages<int>()) {
    EXPECT_EQ(number, got++);
    if (got == 3) kill_and_join(sender);
  }
  EXPECT_EQ(got, 3);
}

TEST_P(MessagesTest, TheLoopEndsWhenTheOtherSideClosesWithMessagesUnread) {
  auto [here, there] = mp::Pipe();
  auto [report, reports] = mp::Pipe({.duplex = false});
  mp::Process child{count_after_close, std::move(there), std::move(reports)};
  child.start();
  EXPECT_EQ(report.recv<std::string>(), "sent");
  here.close();
  EXPECT_EQ(report.recv<int>(), 0);
  expect_good_end(child);
}

TEST(MessagesInOneProcessTest, AResetEndsTheLoopAndAnErrorOfTheMessageComesOutOfIt) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  mp::Connection here{fds[0]};
  mp::Connection there{fds[1]};
  here.send_bytes("never read");
  there.close();  // with a message unread: a reset
  EXPECT_THROW((void)here.recv_bytes(), mp::ConnectionError);
  int got = 0;
  for (const mp::Bytes& bytes : here.bytes_messages()) got += bytes.empty() ? 0 : 1;
  EXPECT_EQ(got, 0);

  auto [left, right] = mp::Pipe();
  right.send(std::string{"text"});
  const auto read_numbers = [&left = left] {
    for (const int number : left.messages<int>()) FAIL() << number;
  };
  EXPECT_THROW(read_numbers(), mp::SerializationError);
  left.close();
  EXPECT_THROW(read_numbers(), mp::OSError);  // closed by this process: no peer has gone
}

}  // namespace
