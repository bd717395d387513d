// Listener and Client.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "connection/socket_files.hpp"
#include "connection_suite.hpp"
#include "multiprocessing/arena/usage.hpp"
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

TEST(AddressTest, AddressesTellWhatTheyAre) {
  const mp::Address inet{"localhost", 6000};
  EXPECT_EQ(mp::address_type(inet), "AF_INET");
  EXPECT_EQ(to_string(inet), "localhost:6000");
  EXPECT_THROW((void)inet.path(), mp::ValueError);
  const mp::Address path{"/run/x"};
  EXPECT_EQ(mp::address_type(path), "AF_UNIX");
  EXPECT_EQ(to_string(path), "/run/x");
  EXPECT_THROW((void)path.port(), mp::ValueError);
  EXPECT_THROW((void)path.host(), mp::ValueError);
  EXPECT_NE(inet, path);
  EXPECT_EQ(mp::families(), (std::vector<std::string>{"AF_INET", "AF_UNIX"}));
  EXPECT_STREQ(mp::connection::default_family, "AF_UNIX");
}

/// The variable for the rest of the scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Environment(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_P(ProcessesTest, AListenerFindsAFolderWhateverTheVariablesSay) {
  const std::string longest = "/tmp/" + std::string(150, 'x');
  std::filesystem::create_directory(longest);
  for (const std::string& folder : {std::string{"/nowhere/at/all"}, std::string{"/etc/passwd"},
                                    std::string{"/proc"}, longest, std::string{}}) {
    const Environment first{"TMPDIR", folder};
    const Environment second{"TEMP", folder};
    const mp::Listener listener;
    EXPECT_TRUE(listener.address().path().starts_with("/tmp/pymp-")) << folder;
    mp::Process client{say_hello, listener.address()};
    client.start();
    EXPECT_EQ(listener.accept().recv<std::string>(), "hello");
    expect_good_end(client);
  }
  std::filesystem::remove(longest);
}

// By SIGINT, as on Ctrl-C, or by SIGKILL.
TEST_P(ProcessesTest, WhatAKilledListenerLeavesGoesWithTheNextProgramThatStarts) {
  const mp::Listener living;
  for (const int signal : {SIGINT, SIGKILL}) {
    auto [here, there] = mp::Pipe();
    mp::Process doomed{[](mp::Connection tell, int by) {
                         const mp::Listener listener;
                         tell.send(listener.address());
                         tell.send(mp::arbitrary_address());
                         raise(by);
                       },
                       std::move(there), signal};
    doomed.start();
    const auto used = here.recv<mp::Address>();
    const auto unused = here.recv<mp::Address>();
    doomed.join();
    EXPECT_EQ(doomed.exitcode(), -signal);
    mp::Process next = mp::get_context("spawn").Process([] {});
    next.start();
    expect_good_end(next);
    for (const mp::Address& address : {used, unused})
      EXPECT_FALSE(std::filesystem::exists(std::filesystem::path{address.path()}.parent_path()))
          << address.path();
  }
  mp::Process client{say_hello, living.address()};
  client.start();
  EXPECT_EQ(living.accept().recv<std::string>(), "hello");
  expect_good_end(client);
}

TEST(AddressTest, AFolderThatOthersHavePutSomethingInStays) {
  const std::string left = "/tmp/pymp-cpp-" + std::to_string(getpid());
  std::filesystem::create_directory(left);
  std::ofstream{left + "/mine"} << "text";
  std::filesystem::create_directory(left + "a");
  mp::detail::remove_listener_folders();
  EXPECT_TRUE(std::filesystem::exists(left + "/mine"));
  EXPECT_FALSE(std::filesystem::exists(left + "a"));
  std::filesystem::remove_all(left);
}

TEST(AddressTest, TheFirstUsableFolderIsTakenAndItsPathIsAbsolute) {
  const std::string folder = "/tmp/mp_test_" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path("/tmp");
  {
    const Environment first{"TMPDIR", "/nowhere"};
    const Environment second{"TEMP", std::filesystem::path{folder}.filename().string()};
    const mp::Listener listener;
    EXPECT_TRUE(listener.address().path().starts_with(folder + "/pymp-"))
        << listener.address().path();
  }
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::remove(folder)) << "something was left in it";
}

TEST(AddressTest, WithoutAnyUsableFolderTheErrorNamesThoseThatWereTried) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("TMPDIR", "/nowhere", 1);
    if (!test_support::refuse_call(SYS_mkdir, EROFS)) _exit(77);
    try {
      (void)mp::arbitrary_address();
    } catch (const mp::FileNotFoundError& error) {
      const std::string_view text = error.what();
      const bool named = text.find("/nowhere, /tmp, /var/tmp, ") != std::string_view::npos;
      _exit(named ? 7 : 8);
    }
    _exit(9);
  }
  int status = 0;
  waitpid(child, &status, 0);
  mp::arena_sweep();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "seccomp is not permitted";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

}  // namespace
}  // namespace connection_test
