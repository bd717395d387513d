// Addresses, and the folders in which those of the family AF_UNIX lie.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection/listener_folder.hpp"
#include "connection_suite.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "support/refused_calls.hpp"

namespace connection_test {
namespace {

void say_hello(mp::Address address) {
  const mp::Connection conn = mp::Client(address);
  conn.send("hello");
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
