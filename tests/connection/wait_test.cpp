// wait().
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "connection_suite.hpp"
#include "support/watchdog.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;
using Numbered = std::pair<int, int>;

void send_ten(mp::Connection w, bool slow) {
  for (int i = 0; i < 10; ++i) {
    if (slow) std::this_thread::sleep_for(std::chrono::milliseconds{(getpid() + i * 7) % 5});
    w.send(Numbered{i, getpid()});
  }
}

void wait_for_forty(bool slow) {
  std::vector<mp::Connection> readers;
  std::vector<mp::Process> writers;
  for (int i = 0; i < 4; ++i) {
    auto [r, w] = mp::Pipe({.duplex = false});
    writers.emplace_back(mp::ProcessOptions{.daemon = true}, send_ten, std::move(w), slow).start();
    readers.push_back(std::move(r));
  }
  std::vector<Numbered> messages;
  while (!readers.empty())
    for (mp::Connection& r : mp::wait(readers)) {
      try {
        messages.push_back(r.recv<Numbered>());
      } catch (const mp::EOFError&) {
        std::erase(readers, r);
      }
    }
  std::vector<Numbered> expected;
  for (auto& writer : writers) {
    for (int i = 0; i < 10; ++i) expected.emplace_back(i, *writer.pid());
    expect_good_end(writer);
  }
  std::ranges::sort(expected);
  std::ranges::sort(messages);
  EXPECT_EQ(messages, expected);
}

// CPython: TestWait.test_wait
TEST_P(ProcessesTest, WaitGivesTheEndsThatHaveSomething) { wait_for_forty(false); }

// CPython: TestWait.test_wait_slow
TEST_P(ProcessesTest, WaitGivesTheEndsOfSlowSendersToo) { wait_for_forty(true); }

void connect_and_write(mp::Address address, bool slow) {
  const mp::Connection conn = mp::Client(address);
  for (int i = 0; i < 10; ++i) {
    if (slow) std::this_thread::sleep_for(std::chrono::milliseconds{(getpid() + i * 3) % 5});
    const char letter = static_cast<char>('0' + i);
    if (write(conn.fileno(), &letter, 1) != 1) return;
  }
}

// Bare sockets, by their descriptors.
void wait_for_sockets(bool slow) {
  const mp::Listener listener{{"localhost", 0}};
  std::vector<mp::Process> writers;
  std::vector<mp::Connection> owners;
  std::vector<int> readers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back(connect_and_write, listener.address(), slow).start();
    EXPECT_EQ(mp::wait({listener}), (std::vector<mp::Waitable>{listener}));
    owners.push_back(listener.accept());
    readers.push_back(owners.back().fileno());
  }
  std::string all;
  while (!readers.empty())
    for (const int fd : mp::wait(readers)) {
      char text[32];
      const ssize_t got = recv(fd, text, sizeof text, 0);
      all.append(text, static_cast<std::size_t>(got));
      if (got == 0) std::erase(readers, fd);
    }
  std::ranges::sort(all);
  EXPECT_EQ(all, "0000111122223333444455556666777788889999");
  for (auto& writer : writers) expect_good_end(writer);
}

// CPython: TestWait.test_wait_socket
TEST_P(ProcessesTest, WaitTakesSockets) { wait_for_sockets(false); }

// CPython: TestWait.test_wait_socket_slow
TEST_P(ProcessesTest, WaitTakesSocketsOfSlowSenders) { wait_for_sockets(true); }

// CPython: TestWait.test_wait_timeout
TEST(WaitTest, AWaitInWhichNothingHappensEndsInTime) {
  auto [a, b] = mp::Pipe();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(mp::wait(std::vector{a, b}, 50ms).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  b.send(0);
  EXPECT_EQ(mp::wait(std::vector{a, b}, 20s), std::vector{a});
}

void signal_and_sleep(mp::Connection ready, mp::Connection until) {
  ready.send(0);
  try {
    (void)until.recv<int>();
  } catch (const mp::EOFError&) {
  }
}

// CPython: TestWait.test_wait_integer
TEST_P(ProcessesTest, WaitTakesSentinelsAmongConnections) {
  auto [hear, ready] = mp::Pipe();
  auto [stop, until] = mp::Pipe();
  auto [a, b] = mp::Pipe();
  mp::Process p{signal_and_sleep, std::move(ready), std::move(until)};
  p.start();
  EXPECT_EQ(hear.recv<int>(), 0);
  EXPECT_TRUE(mp::wait({p.sentinel(), a, b}, 20ms).empty());
  stop.close();
  EXPECT_EQ(mp::wait({a, p, b}), (std::vector<mp::Waitable>{p}));
  a.send(0);
  EXPECT_EQ(mp::wait({a, p.sentinel(), b}), (std::vector<mp::Waitable>{p, b}));
  b.send(0);
  EXPECT_EQ(mp::wait({a, p.handle(), b}), (std::vector<mp::Waitable>{a, p.sentinel(), b}));
  expect_good_end(p);
}

/// A range whose end is of another type than its beginning, as that of some views is.
struct FirstTwo {
  std::vector<mp::Connection> all;
  [[nodiscard]] auto begin() const { return std::counted_iterator{all.begin(), 2}; }
  [[nodiscard]] static auto end() { return std::default_sentinel; }
};

TEST_P(ProcessesTest, ProcessesAreToldByTheirHandles) {
  std::vector<mp::Process> processes;
  for (int code = 0; code < 3; ++code)
    processes.emplace_back([](int ends_with) { throw mp::Exit{ends_with}; }, code).start();
  std::vector<pid_t> left;
  for (const mp::Process& process : processes) left.push_back(*process.pid());
  while (!left.empty()) {
    for (const mp::ProcessHandle& ended : mp::wait(processes)) {
      std::erase(left, ended.pid());
      const auto at =
          std::ranges::find(processes, ended.pid(), [](auto& each) { return *each.pid(); });
      ASSERT_NE(at, processes.end());
      at->join();
      processes.erase(at);
    }
  }
  EXPECT_TRUE(processes.empty());
}

TEST(WaitTest, WhatCanOnlyBeMovedIsToldByWhatItCanBeComparedWith) {
  std::vector<mp::Listener> listeners(2);
  EXPECT_TRUE(mp::wait(listeners, 0s).empty());
  const mp::Connection client = mp::Client(listeners[1].address());
  const std::vector<mp::Waitable> ready = mp::wait(listeners);
  EXPECT_EQ(ready, std::vector<mp::Waitable>{listeners[1]});
}

TEST(WaitTest, AnyRangeCanBeWaitedFor) {
  auto [a, b] = mp::Pipe();
  auto [c, d] = mp::Pipe();
  b.send(0);
  d.send(0);
  EXPECT_EQ(mp::wait(FirstTwo{{b, a, c}}), std::vector{a});
}

TEST(WaitTest, AMessageWhoseSenderWasKilledBeforeItRangIsSeen) {
  auto [here, there] = mp::Pipe();
  mp::Process sender = mp::get_context("fork").Process(
      [](mp::Connection end) {
        mp::detail::arm_fail_point("connection.ring.put");
        end.send(1);
      },
      there);
  sender.start();
  sender.join();
  EXPECT_EQ(sender.exitcode(), -SIGKILL);
  EXPECT_EQ(mp::wait({here}, 0s), std::vector<mp::Waitable>{here});
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_TRUE(mp::wait({here}, 0s).empty());
}

// The sender is in its turn when the descriptor is asked for, and puts its message after that.
TEST(WaitTest, AMessageWhoseSenderIsKilledBeforeItRingsIsSeenByWhoSleeps) {
  const test_support::Watchdog watchdog{60s};
  auto [here, there] = mp::Pipe();
  mp::Process sender = mp::get_context("fork").Process(
      [](mp::Connection end) {
        mp::detail::arm_fail_point_stop("connection.ring.filled", "connection.ring.put");
        end.send(1);
      },
      there);
  sender.start();
  const pid_t pid = *sender.pid();
  wait_until_stopped(pid);
  mp::Process waiter = mp::get_context("fork").Process(
      [](const mp::Connection& end) {
        EXPECT_EQ(mp::wait({end}), std::vector<mp::Waitable>{end});
        EXPECT_EQ(end.recv<int>(), 1);
      },
      here);
  waiter.start();
  wait_until_asleep(*waiter.pid());
  kill(pid, SIGCONT);
  expect_good_end(waiter);
  sender.join();
  EXPECT_EQ(sender.exitcode(), -SIGKILL);
}

// CPython: TestWait.test_neg_timeout
TEST(WaitTest, ANegativeTimeoutIsNow) {
  auto [a, b] = mp::Pipe();
  EXPECT_TRUE(mp::wait(std::vector{a}, -1s).empty());
}

TEST(WaitTest, WhatCannotBeWaitedForIsAnError) {
  auto [a, b] = mp::Pipe();
  EXPECT_THROW((void)mp::wait(std::vector{a, a}), mp::KeyError);
  EXPECT_THROW((void)mp::wait(std::vector<mp::Connection>{}), mp::ValueError);
  EXPECT_TRUE(mp::wait(std::vector<mp::Connection>{}, 10ms).empty());
  b.close();
  EXPECT_THROW((void)mp::wait(std::vector{a, b}), mp::OSError);
  EXPECT_THROW((void)mp::wait({44977608}), mp::OSError);
}

/// Of 1,500 connections, whose descriptors go beyond 1,023; 77 where there may not be so many.
int wait_for_thousands() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = 8192;
  if (files.rlim_max < files.rlim_cur || setrlimit(RLIMIT_NOFILE, &files) != 0) return 77;
  std::vector<mp::Connection> here, there;
  for (int i = 0; i < 1500; ++i) {
    auto [one, other] = mp::Pipe();
    here.push_back(std::move(one));
    there.push_back(std::move(other));
  }
  if (!mp::wait(here, 0ms).empty()) return 1;
  for (const std::size_t i : {3, 700, 1499}) there[i].send(i);
  std::vector<std::size_t> found;
  for (const mp::Connection& ready : mp::wait(here)) found.push_back(ready.recv<std::size_t>());
  if (found != std::vector<std::size_t>{3, 700, 1499}) return 2;
  mp::Process child{[](const mp::Connection& end) { end.send(7); }, there[1200]};
  child.start();
  const auto ready = mp::wait(here);
  if (ready.size() != 1 || ready[0].recv<int>() != 7) return 3;
  child.join();
  return *child.exitcode();
}

TEST_P(ProcessesTest, WaitOfThousandsGivesExactlyTheEndsThatHaveSomething) {
  mp::Process waiter{[] { throw mp::Exit{wait_for_thousands()}; }};
  waiter.start();
  waiter.join();
  if (waiter.exitcode() == 77) GTEST_SKIP() << "needs 8,192 descriptors";
  EXPECT_EQ(waiter.exitcode(), 0);
}

}  // namespace
}  // namespace connection_test
