// How messages lie in the stream, beside what CPython puts there.
#include "connection/frame.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/connection.hpp"
#include "vectors.hpp"

namespace connection_test {
namespace {

namespace mp = multiprocessing;
using mp::detail::make_header;
using mp::detail::parse_header;

std::string_view text_of(const mp::detail::FrameHeader& header) {
  return {reinterpret_cast<const char*>(header.bytes.data()), header.size};
}

std::span<const unsigned char> bytes_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

/// A connection, and the other end of it as a bare socket.
struct Bare {
  mp::Connection connection;
  int socket;

  Bare() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    connection = mp::Connection{fds[0]};
    socket = fds[1];
  }
  ~Bare() { hang_up(); }
  Bare(const Bare&) = delete;

  void hang_up() {
    if (socket >= 0) close(socket);
    socket = -1;
  }
  void put(const std::string& bytes) const {
    EXPECT_EQ(write(socket, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
};

TEST(FrameTest, HeadersAreThoseOfPython) {
  unsigned count = 0;
  for (const char* start : {"frame-", "header-"})
    for (const std::string& line : vectors("frames.jsonl", start)) {
      const std::uint64_t length = std::stoull(field(line, "length"));
      const std::string header = from_hex(field(line, "header"));
      EXPECT_EQ(to_hex(text_of(make_header(length))), field(line, "header"));
      const auto parsed = parse_header(bytes_of(header));
      ASSERT_TRUE(parsed);
      EXPECT_EQ(parsed->message_size, length);
      EXPECT_EQ(parsed->header_size, header.size());
      ++count;
    }
  EXPECT_EQ(count, 11U);
}

TEST(FrameTest, StreamsOfPythonAreReadAndWritten) {
  for (const std::string& line : vectors("frames.jsonl", "frame-")) {
    const std::size_t length = std::stoull(field(line, "length"));
    const std::string letter = length == 5 ? "hello" : std::string(length, 'a');
    const std::string stream = from_hex(field(line, "header")) + letter;
    Bare bare;
    std::thread writer{[&] { bare.put(stream); }};
    EXPECT_EQ(bare.connection.recv_bytes(), letter) << length;
    writer.join();
    std::thread sender{[&] { bare.connection.send_bytes(letter); }};
    std::string got(stream.size(), '\0');
    EXPECT_EQ(recv(bare.socket, got.data(), got.size(), MSG_WAITALL),
              static_cast<ssize_t>(got.size()));
    EXPECT_EQ(got == stream, true) << length;
    sender.join();
  }
}

TEST(FrameTest, TheLongFormOfAShortLengthIsAccepted) {
  Bare bare;
  bare.put(from_hex(field(vectors("frames.jsonl", "odd-header-long").at(0), "header")) + "abc");
  EXPECT_EQ(bare.connection.recv_bytes(), "abc");
}

TEST(FrameTest, NegativeLengthsAreRefusedAndEndTheReading) {
  for (const std::string& line : vectors("frames.jsonl", "odd-header-negative")) {
    Bare bare;
    bare.put(from_hex(field(line, "header")) + "abc");
    EXPECT_THROW((void)bare.connection.recv_bytes(), mp::OSError);
    EXPECT_FALSE(bare.connection.readable());
    EXPECT_FALSE(bare.connection.closed());
    bare.connection.send_bytes("still");
  }
}

TEST(FrameTest, AHugeLengthTakesNoMemoryBeforeBytesCome) {
  Bare bare;
  bare.put(from_hex("ffffffff7fffffffffffffff") + std::string(1000, 'x'));
  EXPECT_THROW((void)bare.connection.recv_bytes(std::chrono::milliseconds{20}), mp::TimeoutError);
  bare.hang_up();
  EXPECT_THROW((void)bare.connection.recv_bytes(), mp::ConnectionResetError);
}

TEST(FrameTest, ALengthThatNoMemoryCouldHoldIsRefused) {
  Bare bare;
  bare.put(from_hex("ffffffff8000000000000000"));
  EXPECT_THROW((void)bare.connection.recv_bytes(), mp::OSError);
}

TEST(FrameTest, ALengthBeyondTheLimitOfTheConnectionIsRefusedUnread) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  const mp::Connection limited{fds[0], {.max_message_size = 10}};
  const mp::Connection sender{fds[1]};
  sender.send_bytes("0123456789");
  sender.send_bytes("0123456789a");
  EXPECT_EQ(limited.recv_bytes(), "0123456789");
  EXPECT_THROW((void)limited.recv_bytes(), mp::OSError);
}

TEST(FrameTest, AHalfFrameIsAnErrorWhenItsSenderIsGone) {
  for (const char* half : {"00", "0000", "0000000561", "ffffffff00"}) {
    Bare bare;
    bare.put(from_hex(half));
    bare.hang_up();
    try {
      (void)bare.connection.recv_bytes();
      ADD_FAILURE() << half;
    } catch (const mp::OSError& error) {
      EXPECT_NE(std::string{error.what()}.find("got end of file during message"),
                std::string::npos);
    }
  }
}

TEST(FrameTest, AHeaderThatComesByteByByteIsReadInTheEnd) {
  Bare bare;
  for (const char letter : from_hex("ffffffff0000000000000003616263")) {
    EXPECT_EQ(bare.connection.try_recv_bytes(), std::nullopt);
    bare.put(std::string(1, letter));
  }
  EXPECT_EQ(bare.connection.recv_bytes(), "abc");
}

// CPython's time-outs end with the first byte.
TEST(FrameTest, ADeadlineCoversTheWholeMessageAndWhatCameIsKept) {
  Bare bare;
  bare.put(from_hex("00000003") + "a");
  EXPECT_TRUE(bare.connection.poll());
  EXPECT_THROW((void)bare.connection.recv_bytes(std::chrono::milliseconds{10}), mp::TimeoutError);
  bare.put("b");
  EXPECT_THROW((void)bare.connection.recv_bytes(std::chrono::milliseconds{10}), mp::TimeoutError);
  bare.put("c");
  EXPECT_EQ(bare.connection.recv_bytes(std::chrono::seconds{10}), "abc");
}

}  // namespace
}  // namespace connection_test
