// Connections between processes, by every start method.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "connection_suite.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;

// CPython: _TestConnection.test_connection
TEST_P(ProcessesTest, AChildSendsBackWhatItGets) {
  auto [conn, child_conn] = mp::Pipe();
  mp::Process p{{.daemon = true}, entry::echo, child_conn};
  p.start();
  using Mixed = std::tuple<int, double, std::optional<int>>;
  conn.send(Mixed{1, 2.25, std::nullopt});
  EXPECT_EQ(conn.recv<Mixed>(), (Mixed{1, 2.25, std::nullopt}));
  conn.send_bytes("hello world");
  EXPECT_EQ(conn.recv_bytes(), "hello world");
  std::array<int, 10> buffer{};
  conn.send_bytes(std::array{1, 2, 3, 4});
  EXPECT_EQ(conn.recv_bytes_into(buffer), 4 * sizeof(int));
  EXPECT_EQ(buffer, (std::array{1, 2, 3, 4, 0, 0, 0, 0, 0, 0}));
  conn.send_bytes(std::array{1, 2, 3, 4});
  EXPECT_EQ(conn.recv_bytes_into(buffer, 3 * sizeof(int)), 4 * sizeof(int));
  EXPECT_EQ(buffer, (std::array{1, 2, 3, 1, 2, 3, 4, 0, 0, 0}));
  conn.send_bytes(std::string(100, ' '));
  EXPECT_THROW((void)conn.recv_bytes_into(buffer), mp::BufferTooShort);
  EXPECT_FALSE(conn.poll());
  EXPECT_FALSE(conn.poll(20ms));
  conn.send_bytes("more");
  EXPECT_TRUE(conn.poll(10s));
  EXPECT_EQ(conn.recv_bytes(), "more");
  const std::string really_big(16 << 20, 'X');
  conn.send_bytes(really_big);
  EXPECT_EQ(conn.recv_bytes() == really_big, true);
  conn.send_bytes("");
  child_conn.close();
  EXPECT_TRUE(conn.readable() && conn.writable());
  EXPECT_THROW((void)conn.recv<int>(), mp::EOFError);
  EXPECT_THROW((void)conn.recv_bytes(), mp::EOFError);
  expect_good_end(p);
}

// CPython: _TestConnection.test_spawn_close
TEST_P(ProcessesTest, TheParentMayCloseTheChildsEndAtOnce) {
  auto [conn, child_conn] = mp::Pipe();
  mp::Process p{entry::echo, child_conn};
  p.start();
  child_conn.close();
  conn.send_bytes("hello");
  EXPECT_EQ(conn.recv_bytes(), "hello");
  conn.send_bytes("");
  expect_good_end(p);
}

TEST_P(ProcessesTest, AnEndThatIsMovedIntoAProcessIsGivenAway) {
  auto [conn, child_conn] = mp::Pipe();
  mp::Process p{[](mp::Connection end) { end.send(1); }, std::move(child_conn)};
  p.start();
  EXPECT_TRUE(child_conn.closed());
  EXPECT_EQ(conn.recv<int>(), 1);
  EXPECT_THROW((void)conn.recv<int>(), mp::EOFError);
  expect_good_end(p);
}

// Under fork CPython's children inherit their siblings' ends, and hide end-of-file.
TEST_P(ProcessesTest, SiblingsDoNotHideEndOfFile) {
  std::vector<mp::Connection> ends;
  std::vector<mp::Process> children;
  for (int i = 0; i < 3; ++i) {
    auto [here, there] = mp::Pipe();
    children.emplace_back(entry::hold, std::move(there)).start();
    EXPECT_EQ(here.recv<int>(), 0);
    ends.push_back(std::move(here));
  }
  ends[0].close();  // the later children would have a copy
  expect_good_end(children[0]);
  kill_and_join(children[1]);
  EXPECT_THROW((void)ends[1].recv<int>(), mp::EOFError);
  EXPECT_THROW(ends[1].send(1), mp::BrokenPipeError);
  ends[2].close();
  expect_good_end(children[2]);
}

void write_file(mp::Connection conn) {
  const int fd = mp::recv_handle(conn);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(write(fd, "foo", 3), 3);
  close(fd);
  conn.send(true);
}

int new_file() {
  char path[] = "/tmp/multiprocessing-test-XXXXXX";
  const int fd = mkstemp(path);
  unlink(path);
  return fd;
}

std::string content_of(int fd) {
  std::string text(10, '\0');
  text.resize(static_cast<std::size_t>(pread(fd, text.data(), text.size(), 0)));
  return text;
}

// CPython: _TestConnection.test_fd_transfer, _TestConnection.test_large_fd_transfer
TEST_P(ProcessesTest, AnOpenFileIsSentToAChild) {
  for (const int number : {0, 300}) {
    const int file = new_file();
    const int sent = fcntl(file, F_DUPFD_CLOEXEC, number);
    auto [conn, child_conn] = mp::Pipe();
    mp::Process p{write_file, std::move(child_conn)};
    p.start();
    mp::send_handle(conn, sent);
    EXPECT_TRUE(conn.recv<bool>());
    expect_good_end(p);
    EXPECT_EQ(content_of(file), "foo");
    close(sent);
    close(file);
  }
}

// CPython: _TestConnection.test_missing_fd_transfer
TEST_P(ProcessesTest, AByteWithoutAFileIsAnError) {
  auto [conn, child_conn] = mp::Pipe();
  const auto target = [](mp::Connection end) {
    EXPECT_EQ(write(end.fileno(), "\1", 1), 1);
    end.close();
  };
  mp::Process p{target, std::move(child_conn)};
  p.start();
  EXPECT_THROW((void)mp::recv_handle(conn), std::runtime_error);
  EXPECT_THROW((void)mp::recv_handle(conn), mp::EOFError);
  expect_good_end(p);
}

// CPython: _TestPoll.test_strings
TEST_P(ProcessesTest, MessagesComeInOrderWithPolling) {
  const std::vector<std::string> strings{"hello", "", "a", "b", "", "bye", "", "lop"};
  auto [a, b] = mp::Pipe();
  const auto target = [](mp::Connection end, std::vector<std::string> texts) {
    for (const auto& text : texts) end.send_bytes(text);
    end.close();
  };
  mp::Process p{target, std::move(b), strings};
  p.start();
  for (const auto& text : strings) {
    EXPECT_TRUE(a.poll(10s));
    EXPECT_EQ(a.recv_bytes(), text);
  }
  expect_good_end(p);
}

void poll_and_tell(mp::Connection read_end, mp::Connection tell) {
  tell.send(read_end.poll(10s));
  for (int i = 0; i < 50; ++i) (void)read_end.poll();
}

// CPython: _TestPoll.test_boundaries
TEST_P(ProcessesTest, AnotherProcessThatPollsEatsNothing) {
  auto [reader, writer] = mp::Pipe({.duplex = false});
  auto [hear, tell] = mp::Pipe();
  mp::Process p{poll_and_tell, reader, std::move(tell)};
  p.start();
  writer.send_bytes("first");
  EXPECT_TRUE(hear.recv<bool>());
  writer.send_bytes("second");
  EXPECT_EQ(reader.recv_bytes(), "first");
  EXPECT_EQ(reader.recv_bytes(), "second");
  expect_good_end(p);
}

// In the child: says what it got by each end that it is sent.
void use_ends(mp::Connection control) {
  while (auto end = control.recv<std::optional<mp::Connection>>()) {
    if (end->writable()) end->send("hello");
    if (end->readable()) control.send(end->recv<std::string>());
  }
}

// CPython: _TestPicklingConnections.test_access
TEST_P(ProcessesTest, EndsAreSentByEnds) {
  auto [control, its] = mp::Pipe();
  mp::Process p{use_ends, std::move(its)};
  p.start();
  const auto send_end = [&control = control](mp::Connection end) {
    control.send(std::optional{std::move(end)});
  };
  {
    auto [reader, writer] = mp::Pipe({.duplex = false});
    send_end(std::move(writer));
    EXPECT_EQ(reader.recv<std::string>(), "hello");
    EXPECT_THROW((void)reader.recv<std::string>(), mp::EOFError);  // it keeps none of them
  }
  {
    auto [reader, writer] = mp::Pipe({.duplex = false});
    send_end(std::move(reader));
    writer.send("to you");
    EXPECT_EQ(control.recv<std::string>(), "to you");
  }
  control.send(std::optional<mp::Connection>{});
  expect_good_end(p);
}

void serve_one(mp::Connection control) {
  mp::Listener listener;
  control.send(listener.address());
  control.send(listener.accept());
}

// CPython: _TestPicklingConnections.test_pickling
TEST_P(ProcessesTest, AnAcceptedConnectionIsHandedOn) {
  auto [control, its] = mp::Pipe();
  mp::Process p{serve_one, std::move(its)};
  p.start();
  mp::Connection client = mp::Client(control.recv<mp::Address>());
  mp::Connection handed = control.recv<mp::Connection>();
  expect_good_end(p);
  client.send("over a socket");
  EXPECT_EQ(handed.recv<std::string>(), "over a socket");
  int fds[2];  // sockets go as descriptors
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  mp::send_handle(client, fds[0]);
  const int got = mp::recv_handle(handed);
  EXPECT_EQ(write(got, "x", 1), 1);
  char letter = 0;
  EXPECT_EQ(read(fds[1], &letter, 1), 1);
  for (const int fd : {got, fds[0], fds[1]}) close(fd);
}

TEST_P(ProcessesTest, SharedObjectsAreSentByPipes) {
  // What handles do, for modules that have some: two messages' worth of shared words.
  auto [here, there] = mp::Pipe();
  using Word = std::atomic<int>;
  const auto target = [](mp::Connection end) {
    const auto handles = end.recv<std::vector<mp::detail::Handle>>();
    for (const auto& handle : handles) *handle.as<Word>() += 1;
    end.send(handles.front());
  };
  std::vector<mp::detail::Handle> words;
  for (int i = 0; i < 20; ++i) words.push_back(mp::detail::Handle::make(sizeof(Word)));
  here.send(words);
  mp::Process p{target, std::move(there)};
  p.start();
  EXPECT_TRUE(here.recv<mp::detail::Handle>() == words.front());
  for (const auto& word : words) EXPECT_EQ(*word.as<Word>(), 1);
  expect_good_end(p);
}

TEST_P(ProcessesTest, ProcessesThatShareAnEndDoNotMixMessages) {
  constexpr int each = 100;
  auto [here, there] = mp::Pipe();
  const auto target = [](mp::Connection end, char letter) {
    for (int i = 0; i < each; ++i)
      end.send_bytes(std::string(static_cast<std::size_t>(1 + i * 1999 % 60000), letter));
  };
  std::vector<mp::Process> children;
  for (const char letter : {'a', 'b', 'c'}) children.emplace_back(target, there, letter).start();
  there.close();
  int seen = 0;
  try {
    for (;; ++seen) {
      const mp::Bytes message = here.recv_bytes();
      EXPECT_EQ(message.find_first_not_of(message.front()), std::string::npos);
    }
  } catch (const mp::EOFError&) {
  }
  EXPECT_EQ(seen, 3 * each);
  for (auto& child : children) expect_good_end(child);
}

TEST(EndsElsewhereTest, AnEndSaysWhereItCannotGo) {
  auto [here, there] = mp::Pipe();
  mp::detail::Writer writer;
  EXPECT_THROW(mp::detail::write(writer, there), mp::SerializationError);
  mp::Listener listener{{"localhost", 0}};
  const mp::Connection client = mp::Client(listener.address());
  const mp::Connection server = listener.accept();
  EXPECT_THROW(client.send(there), mp::SerializationError);  // TCP carries no descriptors
  EXPECT_THROW(client.send(mp::detail::Handle::make(8)), mp::SerializationError);
  client.send(1);
  EXPECT_EQ(server.recv<int>(), 1);
}

TEST(EndsElsewhereTest, MessagesOfSharedObjectsWaitForTheOnesBefore) {
  auto [here, there] = mp::Pipe();
  const auto word = mp::detail::Handle::make(8);
  std::thread sender{[&, &here = here] {
    for (int i = 0; i < 50; ++i) here.send(word);
  }};
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(there.recv<mp::detail::Handle>() == word);
  sender.join();
  for (int i = 0; i < 16; ++i) here.send(word);
  there.close();
  EXPECT_THROW(here.send(word), mp::BrokenPipeError);
}

}  // namespace
}  // namespace connection_test
