// Connections to a live CPython, in both directions: the system's python3, and those that
// MULTIPROCESSING_TEST_PYTHONS names, separated by blanks.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>
#include <vector>

#include "connection_suite.hpp"
#include "multiprocessing/pickle.hpp"
#include "support/child_process.hpp"

namespace connection_test {
namespace {

using test_support::ChildProgram;

std::vector<std::string> interpreters() {
  const char* more = std::getenv("MULTIPROCESSING_TEST_PYTHONS");
  std::istringstream words{std::string{"python3 "} + (more == nullptr ? "" : more)};
  std::vector<std::string> found;
  for (std::string name; words >> name;)
    if (test_support::run_program({"env", name, "-c", "import multiprocessing"}).exitcode == 0)
      found.push_back(name);
  return found;
}

std::vector<std::string> peer(const std::string& python, const char* program,
                              std::vector<std::string> arguments) {
  std::vector<std::string> command{"env", python,
                                   std::string{CONNECTION_TESTS} + "/peers/" + program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::string spelled(const mp::Address& address) {
  if (mp::address_type(address) == "AF_INET") return "tcp:" + to_string(address);
  if (address.is_abstract()) return "abstract:" + address.path().substr(1);
  return "unix:" + address.path();
}

/// Not an arbitrary_address(), whose folder this process would keep to its end.
std::string path_for_python() {
  return std::filesystem::temp_directory_path() / ("python-test-" + std::to_string(getpid()));
}

/// One address of each family, for who listens.
std::vector<mp::Address> addresses() {
  return {{"127.0.0.1", 0},
          path_for_python(),
          "@multiprocessing-python-test-" + std::to_string(getpid())};
}

class PythonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (pythons_.empty()) GTEST_SKIP() << "there is no python3 here";
  }
  const std::vector<std::string> pythons_ = interpreters();
};

TEST_F(PythonTest, IsServedByAListener) {
  for (const std::string& python : pythons_)
    for (const bool with_key : {true, false})
      for (const mp::Address& address : addresses()) {
        mp::ListenerOptions options;
        if (with_key) options.authkey = mp::Bytes{"a key"};
        const mp::Listener listener{address, options};
        std::vector<std::string> arguments{"--address", spelled(listener.address()), "--quit"};
        if (with_key) arguments.insert(arguments.end(), {"--authkey", "a key"});
        arguments.insert(arguments.end(), {"--mode", "all"});  // its pickles are bytes to us
        ChildProgram client{peer(python, "echo_client.py", arguments)};
        const mp::Connection conn = listener.accept();
        for (mp::Bytes message = conn.recv_bytes(); message != "#quit"; message = conn.recv_bytes())
          conn.send_bytes(message);
        const auto result = client.finish();
        EXPECT_EQ(result.exitcode, 0) << result.report();
      }
}

TEST_F(PythonTest, ServesAClient) {
  for (const std::string& python : pythons_)
    for (const mp::Address& address : addresses()) {
      ChildProgram server{
          peer(python, "echo_listener.py", {"--address", spelled(address), "--authkey", "a key"})};
      const std::string ready = server.read_line().value_or("");
      ASSERT_TRUE(ready.starts_with("READY ")) << ready;
      const bool inet = mp::address_type(address) == "AF_INET";
      const mp::Address there =
          inet ? mp::Address{"127.0.0.1", static_cast<std::uint16_t>(
                                              std::stoi(ready.substr(ready.rfind(':') + 1)))}
               : address;
      const mp::Connection conn = mp::Client(there, {.authkey = mp::Bytes{"a key"}});
      for (const std::size_t size : {0, 1, 4, 16383, 16384, 16385, 65536, 1 << 20}) {
        const std::string text(size, 'x');
        conn.send_bytes(text);
        EXPECT_EQ(conn.recv_bytes() == text, true) << size;
      }
      conn.send(std::vector{1, 2, 3});  // typed messages are bytes to it
      EXPECT_EQ(conn.recv<std::vector<int>>(), (std::vector{1, 2, 3}));
      conn.send_bytes("#quit");
      const auto result = server.finish();
      EXPECT_EQ(result.exitcode, 0) << result.report();
    }
}

TEST_F(PythonTest, ExchangesValues) {
  const mp::Object sent = mp::Object::tuple(
      {mp::None, mp::Object::dict({{"name", "Ada"}, {1, mp::Object::list({1.5, true})}}),
       mp::Bytes{"raw"}, mp::Object::set({7}), mp::Object::integer("100000000000000000000")});
  for (const std::string& python : pythons_) {
    const mp::Address address = path_for_python();
    ChildProgram server{
        peer(python, "echo_listener.py", {"--address", spelled(address), "--mode", "objects"})};
    const std::string ready = server.read_line().value_or("");
    ASSERT_TRUE(ready.starts_with("READY ")) << ready;
    const mp::Connection conn = mp::Client(address);
    conn.send_pickled(sent);  // it unpickles and pickles again
    EXPECT_EQ(conn.recv_pickled(), sent);
    conn.send_pickled(mp::Object::of(std::vector{1, 2, 3}));
    EXPECT_EQ(conn.recv_pickled().as<std::vector<int>>(), (std::vector{1, 2, 3}));
    EXPECT_THROW((void)conn.recv_pickled(std::chrono::milliseconds{10}), mp::TimeoutError);
    conn.send_pickled("#quit");
    const auto result = server.finish();
    EXPECT_EQ(result.exitcode, 0) << result.report();
    const mp::Listener listener;
    ChildProgram client{peer(python, "echo_client.py",
                             {"--address", spelled(listener.address()), "--mode", "objects"})};
    const mp::Connection from = listener.accept();
    for (mp::Object value = from.recv_pickled(); value != mp::Object{"#close"};
         value = from.recv_pickled())
      from.send_pickled(value);
    const auto compared = client.finish();  // it compares types, too
    EXPECT_EQ(compared.exitcode, 0) << compared.report();
  }
}

TEST_F(PythonTest, AMessageThatIsNoPickleIsAnErrorAndTheNextIsReceived) {
  const auto [here, there] = mp::Pipe();
  here.send_bytes("cos\nsystem\n.");
  here.send_pickled("next");
  EXPECT_THROW((void)there.recv_pickled(), mp::SerializationError);
  EXPECT_EQ(there.recv_pickled({.max_values = 1}), mp::Object{"next"});
}

TEST_F(PythonTest, WithAnotherKeyIsRefusedOnBothSides) {
  for (const std::string& python : pythons_) {
    const mp::Listener listener{{"127.0.0.1", 0}, {.authkey = mp::Bytes{"a key"}}};
    ChildProgram client{peer(python, "echo_client.py",
                             {"--address", spelled(listener.address()), "--authkey", "another",
                              "--expect-auth-failure"})};
    EXPECT_THROW((void)listener.accept(), mp::AuthenticationError);
    EXPECT_EQ(client.finish().exitcode, 0);
    const mp::Address address = path_for_python();
    ChildProgram server{
        peer(python, "echo_listener.py",
             {"--address", spelled(address), "--authkey", "another", "--expect-auth-failure"})};
    (void)server.read_line();
    EXPECT_THROW((void)mp::Client(address, {.authkey = mp::Bytes{"a key"}}),
                 mp::AuthenticationError);
    EXPECT_EQ(server.finish().exitcode, 0);
  }
}

TEST_F(PythonTest, TakesAnOpenFileBySendHandle) {
  constexpr const char* program =
      "import os, sys\n"
      "from multiprocessing import connection, reduction\n"
      "c = connection.Client(sys.argv[1])\n"
      "fd = reduction.recv_handle(c)\n"
      "os.write(fd, b'foo')\n"
      "reduction.send_handle(c, fd, 0)\n";
  for (const std::string& python : pythons_) {
    const mp::Listener listener;
    ChildProgram client{{"env", python, "-c", program, listener.address().path()}};
    const mp::Connection conn = listener.accept();
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    mp::send_handle(conn, ends[1]);
    char text[4] = {};
    EXPECT_EQ(read(ends[0], text, 3), 3);
    EXPECT_STREQ(text, "foo");
    const int back = mp::recv_handle(conn);
    EXPECT_EQ(write(back, "bar", 3), 3);
    for (const int fd : {back, ends[0], ends[1]}) close(fd);
    EXPECT_EQ(client.finish().exitcode, 0);
  }
}

}  // namespace
}  // namespace connection_test
