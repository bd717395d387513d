// Listener and Client.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "connection_suite.hpp"
#include "support/refused_calls.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;

const mp::Bytes key{"secret"};

/// One address of each family.
std::vector<mp::Address> addresses() {
  return {{"localhost", 0},
          mp::arbitrary_address(),
          "@multiprocessing-test-" + std::to_string(getpid()) + "-" +
              std::to_string(std::chrono::steady_clock::now().time_since_epoch().count())};
}

void say_hello(mp::Address address) {
  const mp::Connection conn = mp::Client(address);
  conn.send("hello");
}

// CPython: _TestListenerClient.test_listener_client
TEST_P(ProcessesTest, AClientInAnotherProcessConnectsByEveryFamily) {
  for (const mp::Address& address : addresses()) {
    const mp::Listener listener{address};
    EXPECT_EQ(listener.last_accepted(), std::nullopt);
    mp::Process p{{.daemon = true}, say_hello, listener.address()};
    p.start();
    const mp::Connection conn = listener.accept();
    EXPECT_EQ(conn.recv<std::string>(), "hello");
    EXPECT_EQ(listener.last_accepted()->family(), address.family());
    expect_good_end(p);
  }
}

// CPython: _TestListenerClient.test_issue14725
TEST_P(ProcessesTest, WhatAClientSentIsReadThoughItIsGone) {
  const mp::Listener listener;
  mp::Process p{{.daemon = true}, say_hello, listener.address()};
  p.start();
  p.join();
  const mp::Connection conn = listener.accept();
  EXPECT_EQ(conn.recv<std::string>(), "hello");
  EXPECT_THROW((void)conn.recv<std::string>(), mp::EOFError);
}

// CPython: _TestListenerClient.test_issue16955
TEST(ListenerTest, AnAcceptedEndSendsAndItsClientPolls) {
  for (const mp::Address& address : addresses()) {
    const mp::Listener listener{address};
    const mp::Connection client = mp::Client(listener.address());
    const mp::Connection server = listener.accept();
    server.send_bytes("hello");
    EXPECT_TRUE(client.poll(10s));
  }
}

// CPython: _TestListener.test_multiple_bind
TEST(ListenerTest, AnAddressIsListenedAtOnce) {
  for (const mp::Address& address : addresses()) {
    const mp::Listener listener{address};
    EXPECT_THROW(mp::Listener{listener.address()}, mp::OSError);
  }
}

// CPython: _TestListener.test_context
TEST(ListenerTest, AListenerThatIsClosedAcceptsNobodyAndLeavesNoFile) {
  std::string path;
  {
    mp::Listener listener;
    path = listener.address().path();
    EXPECT_TRUE(std::filesystem::exists(path));
    struct stat folder {};
    ASSERT_EQ(stat(std::filesystem::path{path}.parent_path().c_str(), &folder), 0);
    EXPECT_EQ(folder.st_mode & 0777, 0700U);
    const mp::Connection client = mp::Client(listener.address());
    const mp::Connection server = listener.accept();
    listener.close();
    listener.close();
    EXPECT_THROW((void)listener.accept(), mp::OSError);
    EXPECT_THROW((void)listener.address(), mp::OSError);
    client.send(1729);
    EXPECT_EQ(server.recv<int>(), 1729);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path{path}.parent_path()));
  EXPECT_THROW((void)mp::Client(path), mp::FileNotFoundError);
}

// CPython: _TestListener.test_empty_authkey
TEST(ListenerTest, AnEmptyKeyIsAKey) {
  const mp::Listener listener{{"localhost", 0}, {.authkey = mp::Bytes{}}};
  std::atomic<bool> refused = false;
  std::thread stranger{[&] {
    try {
      (void)mp::Client(listener.address(), {.authkey = mp::Bytes{"abc"}});
    } catch (const mp::AuthenticationError&) {
      refused = true;
    }
  }};
  EXPECT_THROW((void)listener.accept(), mp::AuthenticationError);
  stranger.join();
  EXPECT_TRUE(refused);
  std::thread friendly{
      [&] { mp::Client(listener.address(), {.authkey = mp::Bytes{}}).send(1729); }};
  EXPECT_EQ(listener.accept().recv<int>(), 1729);
  friendly.join();
}

// CPython: _TestListener.test_abstract_socket
TEST(ListenerTest, AnAbstractNameNeedsNoFile) {
  const std::string name = "multiprocessing-test-name-" + std::to_string(getpid());
  const mp::Listener listener{mp::Address{std::string(1, '\0') + name}};
  EXPECT_EQ(to_string(listener.address()), "@" + name);
  const mp::Connection client = mp::Client("@" + name);
  const mp::Connection server = listener.accept();
  client.send(1729);
  EXPECT_EQ(server.recv<int>(), 1729);
}

// CPython: TestIgnoreEINTR.test_ignore_listener
TEST(ListenerTest, SignalsDoNotInterruptAccepting) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  const mp::Listener listener;
  std::thread acceptor{[&] { listener.accept().send("welcome"); }};
  for (int i = 0; i < 20; ++i) pthread_kill(acceptor.native_handle(), SIGUSR1);
  EXPECT_EQ(mp::Client(listener.address()).recv<std::string>(), "welcome");
  acceptor.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST(ListenerTest, AcceptEndsInTime) {
  const mp::Listener listener;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW((void)listener.accept(50ms), mp::TimeoutError);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
}

TEST(ListenerTest, ClosingEndsAnAcceptOfAnotherThread) {
  const mp::Listener listener;
  std::thread acceptor{[&] { EXPECT_THROW((void)listener.accept(), mp::OSError); }};
  EXPECT_THROW((void)listener.accept(20ms), mp::TimeoutError);  // it is in there
  listener.close();
  acceptor.join();
}

TEST(ListenerTest, NobodyListensWhereNobodyListens) {
  std::uint16_t port = 0;
  {
    const mp::Listener listener{{"localhost", 0}};
    port = listener.address().port();
  }
  EXPECT_THROW((void)mp::Client({"localhost", port}), mp::ConnectionRefusedError);
  EXPECT_THROW((void)mp::Client("/nonexistent/socket"), mp::FileNotFoundError);
  EXPECT_THROW((void)mp::Client(std::string(200, 'x')), mp::OSError);
  EXPECT_THROW((void)mp::arbitrary_address("AF_PIPE"), mp::ValueError);
}

TEST(ListenerTest, AListenerThatNeverAcceptsDoesNotHoldAClientForEver) {
  const mp::Listener listener{mp::arbitrary_address(), {.authkey = key, .backlog = 0}};
  const mp::ClientOptions hasty{.authkey = key, .timeout = 30ms};
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW((void)mp::Client(listener.address(), hasty), mp::TimeoutError);
}

TEST(ListenerTest, AClientThatGoesAwayAmidTheProofIsTold) {
  const mp::Listener listener{{"localhost", 0}, {.authkey = key}};
  { const mp::Connection gone = mp::Client(listener.address()); }
  EXPECT_THROW((void)listener.accept(), mp::EOFError);
  std::thread friendly{[&] { mp::Client(listener.address(), {.authkey = key}).send(1); }};
  EXPECT_EQ(listener.accept().recv<int>(), 1);
  friendly.join();
}

// In CPython one silent client blocks all others.
TEST(ListenerTest, AHundredClientsGetInWhileTwentySilentOnesHoldConnections) {
  for (const mp::Address& address : addresses()) {
    const mp::Listener listener{address, {.authkey = key}};
    std::vector<mp::Connection> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(mp::Client(listener.address()));
    std::vector<std::thread> clients;
    for (int t = 0; t < 4; ++t)
      clients.emplace_back([&listener, t] {
        for (int i = 0; i < 25; ++i)
          mp::Client(listener.address(), {.authkey = key}).send(t * 25 + i);
      });
    std::vector<bool> seen(100);
    for (int i = 0; i < 100; ++i)
      seen[static_cast<std::size_t>(listener.accept().recv<int>())] = true;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 100);
    for (auto& client : clients) client.join();
  }
}

TEST(ListenerTest, ASilentClientIsDroppedInTheEnd) {
  const mp::Listener listener{{"localhost", 0}, {.authkey = key, .handshake_timeout = 30ms}};
  const mp::Connection silent = mp::Client(listener.address());
  EXPECT_THROW((void)listener.accept(200ms), mp::TimeoutError);
  (void)silent.recv_bytes();  // the challenge
  EXPECT_THROW((void)silent.recv_bytes(), mp::EOFError);
}

TEST(ListenerTest, TheLongestSilentClientMakesRoom) {
  const mp::Listener listener{{"localhost", 0}, {.authkey = key, .max_handshakes = 4}};
  std::vector<mp::Connection> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(mp::Client(listener.address()));
  std::thread friendly{[&] { mp::Client(listener.address(), {.authkey = key}).send(1); }};
  EXPECT_EQ(listener.accept().recv<int>(), 1);
  friendly.join();
  (void)silent.front().recv_bytes();
  EXPECT_THROW((void)silent.front().recv_bytes(), mp::EOFError);
}

TEST(ListenerTest, SlowClientsThatSendByteByByteDelayNobody) {
  const mp::Listener listener{mp::arbitrary_address(), {.authkey = key}};
  const mp::Connection slow = mp::Client(listener.address());
  std::atomic<bool> done = false;
  // Of a message of 200 bytes, which never is whole.
  ASSERT_EQ(::send(slow.fileno(), "\0\0\0\xc8", 4, MSG_NOSIGNAL), 4);
  std::thread drip{[&] {
    for (int sent = 0; !done && sent < 199; ++sent) {
      if (::send(slow.fileno(), "", 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(1ms);
    }
  }};
  std::thread friendly{[&] { mp::Client(listener.address(), {.authkey = key}).send(1); }};
  EXPECT_EQ(listener.accept().recv<int>(), 1);
  done = true;
  friendly.join();
  drip.join();
}

TEST(ListenerTest, HostileClientsAreRefusedAndHarmNobody) {
  const mp::Listener listener{mp::arbitrary_address(), {.authkey = key}};
  for (const std::string_view text :
       {std::string_view{"\xff\xff\xff\xfe", 4}, std::string_view{"\x7f\xff\xff\xff", 4},
        std::string_view{"\0\0\1\1", 4},
        std::string_view{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
        std::string_view{"\0\0\0\0", 4}, std::string_view{"\0\0\0\3abc", 7}}) {
    const mp::Connection hostile = mp::Client(listener.address());
    EXPECT_EQ(write(hostile.fileno(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_ANY_THROW((void)listener.accept());
  }
  std::thread friendly{[&] { mp::Client(listener.address(), {.authkey = key}).send(1); }};
  EXPECT_EQ(listener.accept().recv<int>(), 1);
  friendly.join();
}

TEST(ListenerTest, BothSidesMayRefuseMd5) {
  const mp::Listener listener{mp::arbitrary_address(), {.authkey = key, .require_sha256 = true}};
  std::thread client{
      [&] { mp::Client(listener.address(), {.authkey = key, .require_sha256 = true}).send(1); }};
  EXPECT_EQ(listener.accept().recv<int>(), 1);
  client.join();
}

TEST(ListenerTest, MessagesBeyondTheLimitAreRefused) {
  const mp::Listener listener{mp::arbitrary_address(), {.max_message_size = 1000}};
  const mp::Connection client = mp::Client(listener.address());
  const mp::Connection server = listener.accept();
  client.send_bytes(std::string(1001, 'x'));
  EXPECT_THROW((void)server.recv_bytes(), mp::OSError);
}

TEST(ListenerTest, AForkedChildThatEndsLeavesTheListenersFile) {
  const mp::Listener listener;
  auto child = mp::get_context("fork").Process([&listener] { listener.close(); });
  child.start();
  expect_good_end(child);
  const mp::Connection client = mp::Client(listener.address());
  EXPECT_FALSE(listener.accept().closed());
}

}  // namespace
}  // namespace connection_test
