// Connection and Pipe in one process.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <map>
#include <numeric>
#include <optional>
#include <thread>
#include <unordered_set>
#include <vector>

#include "connection_suite.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::exception& error) { return error.what(); }

TEST(PipeTest, ValuesOfManyTypesArriveAsTheyWere) {
  auto [here, there] = mp::Pipe();
  here.send(7);
  here.send("a literal");
  here.send(std::tuple{1, std::optional<double>{}, std::string{"two"}});
  here.send(std::map<std::string, std::vector<int>>{{"a", {1, 2}}, {"b", {}}});
  EXPECT_EQ(there.recv<int>(), 7);
  EXPECT_EQ(there.recv<std::string>(), "a literal");
  using Mixed = std::tuple<int, std::optional<double>, std::string>;
  EXPECT_EQ(there.recv<Mixed>(), (Mixed{1, std::nullopt, "two"}));
  EXPECT_EQ((there.recv<std::map<std::string, std::vector<int>>>().at("a").size()), 2U);
  there.send(true);
  EXPECT_TRUE(here.recv<bool>());
}

TEST(PipeTest, AContextMakesOneToo) {
  auto [reader, writer] = mp::get_context("spawn").Pipe(mp::PipeOptions{.duplex = false});
  EXPECT_FALSE(reader.writable());
  writer.send(3);
  EXPECT_EQ(reader.recv<int>(), 3);
  auto [here, there] = mp::get_context("fork").Pipe();
  EXPECT_TRUE(here.writable());
}

TEST(PipeTest, AnotherTypeThanWasSentIsAnErrorThatNamesBoth) {
  auto [here, there] = mp::Pipe();
  here.send(7);
  here.send("next");
  try {
    (void)there.recv<std::string>();
    FAIL();
  } catch (const mp::SerializationError& error) {
    EXPECT_NE(text_of(error).find("a int"), std::string::npos) << error.what();
    EXPECT_NE(text_of(error).find("std::string"), std::string::npos) << error.what();
  }
  EXPECT_EQ(there.recv<std::string>(), "next");
}

TEST(PipeTest, BytesReceivedAsAValueAreAnError) {
  auto [here, there] = mp::Pipe();
  here.send_bytes("");
  here.send_bytes("abc");
  here.send_bytes("\1\1\1\1\1\1\1\1");
  for (int i = 0; i < 3; ++i) EXPECT_THROW((void)there.recv<int>(), mp::SerializationError);
}

TEST(PipeTest, WhatCannotBeWrittenIsNotSent) {
  auto [here, there] = mp::Pipe();
  const char* nothing = nullptr;
  EXPECT_THROW(here.send(nothing), mp::SerializationError);
  EXPECT_FALSE(there.poll());
}

// CPython: _TestConnection.test_duplex_false
TEST(PipeTest, EachEndOfASimplexPipeHasOneDirection) {
  auto [reader, writer] = mp::Pipe({.duplex = false});
  writer.send(1);
  EXPECT_EQ(reader.recv<int>(), 1);
  EXPECT_TRUE(reader.readable() && !reader.writable());
  EXPECT_TRUE(!writer.readable() && writer.writable());
  EXPECT_THROW(reader.send(2), mp::OSError);
  EXPECT_THROW((void)writer.recv<int>(), mp::OSError);
  EXPECT_THROW((void)writer.poll(), mp::OSError);
}

// CPython: _TestConnection.test_sendbytes
TEST(PipeTest, OffsetsAndSizesOfBytesAreChecked) {
  auto [here, there] = mp::Pipe();
  const std::string text = "abcdefghijklmnopqrstuvwxyz";
  here.send_bytes(text);
  EXPECT_EQ(there.recv_bytes(), text);
  here.send_bytes(text, 5);
  EXPECT_EQ(there.recv_bytes(), text.substr(5));
  here.send_bytes(text, 7, 8);
  EXPECT_EQ(there.recv_bytes(), text.substr(7, 8));
  for (std::ptrdiff_t at : {26}) {
    here.send_bytes(text, at);
    EXPECT_EQ(there.recv_bytes(), "");
    here.send_bytes(text, at, 0);
    EXPECT_EQ(there.recv_bytes(), "");
  }
  EXPECT_THROW(here.send_bytes(text, 27), mp::ValueError);
  EXPECT_THROW(here.send_bytes(text, 22, 5), mp::ValueError);
  EXPECT_THROW(here.send_bytes(text, 26, 1), mp::ValueError);
  EXPECT_THROW(here.send_bytes(text, -1), mp::ValueError);
  EXPECT_THROW(here.send_bytes(text, 4, -1), mp::ValueError);
  EXPECT_FALSE(there.poll());
}

TEST(PipeTest, BytesOfItemsGoAndComeByTheirSize) {
  auto [here, there] = mp::Pipe();
  here.send_bytes(std::array{42, 1729});
  std::array<int, 5> buffer{};
  EXPECT_EQ(there.recv_bytes_into(buffer), 2 * sizeof(int));
  EXPECT_EQ(buffer, (std::array{42, 1729, 0, 0, 0}));
  here.send_bytes(std::array{7});
  EXPECT_EQ(there.recv_bytes_into(buffer, 3 * sizeof(int)), sizeof(int));
  EXPECT_EQ(buffer, (std::array{42, 1729, 0, 7, 0}));
  EXPECT_THROW((void)there.recv_bytes_into(buffer, -1), mp::ValueError);
  EXPECT_THROW((void)there.recv_bytes_into(buffer, 21), mp::ValueError);
}

TEST(PipeTest, AMessageThatDoesNotFitComesWithTheError) {
  auto [here, there] = mp::Pipe();
  here.send_bytes("0123456789");
  std::string buffer(4, '.');
  try {
    (void)there.recv_bytes_into(buffer);
    FAIL();
  } catch (const mp::BufferTooShort& error) {
    EXPECT_EQ(error.message(), "0123456789");
  }
  here.send_bytes("next");
  EXPECT_EQ(there.recv_bytes_into(buffer), 4U);
  EXPECT_EQ(buffer, "next");
}

TEST(PipeTest, AMessageBeyondMaxlengthEndsTheReading) {
  auto [reader, writer] = mp::Pipe({.duplex = false});
  auto [here, there] = mp::Pipe();
  for (const auto& [from, to] : {std::pair{writer, reader}, std::pair{here, there}}) {
    from.send_bytes("0123456789");
    from.send_bytes("0123456789");
    EXPECT_THROW((void)to.recv_bytes(-1), mp::ValueError);
    EXPECT_EQ(to.recv_bytes(10), "0123456789");
    EXPECT_THROW((void)to.recv_bytes(9), mp::OSError);
    EXPECT_THROW((void)to.recv_bytes(), mp::OSError);
  }
  EXPECT_TRUE(reader.closed());
  EXPECT_FALSE(there.closed() || there.readable());
  there.send(1);
  EXPECT_EQ(here.recv<int>(), 1);
}

// CPython: _TestConnection.test_context
TEST(PipeTest, AnEndIsClosedAtTheEndOfItsScope) {
  mp::Connection here;
  {
    auto [a, b] = mp::Pipe();
    a.send(1729);
    here = b;
    EXPECT_EQ(here.recv<int>(), 1729);
    b.close();
    EXPECT_TRUE(here.closed());
  }
  EXPECT_THROW((void)here.recv<int>(), mp::OSError);
  EXPECT_THROW((void)here.fileno(), mp::OSError);
  EXPECT_THROW((void)mp::Connection{}.poll(), mp::OSError);
}

TEST(PipeTest, TheLastCopyDroppedClosesTheEnd) {
  auto [here, there] = mp::Pipe();
  {
    const mp::Connection copy = there;
    there = {};
    here.send(1);
    EXPECT_EQ(copy.recv<int>(), 1);
    EXPECT_EQ(copy, copy);
    EXPECT_NE(copy, here);
    EXPECT_EQ((std::unordered_set<mp::Connection>{copy, copy, here}.size()), 2U);
  }
  EXPECT_THROW((void)here.recv<int>(), mp::EOFError);
  EXPECT_THROW((void)here.recv_bytes(), mp::EOFError);
  EXPECT_THROW(here.send(1), mp::BrokenPipeError);
}

TEST(PipeTest, WhatWasSentBeforeTheEndIsReadBeforeEndOfFile) {
  auto [here, there] = mp::Pipe();
  here.send_bytes("last");
  here.close();
  EXPECT_TRUE(there.poll());
  EXPECT_EQ(there.recv_bytes(), "last");
  EXPECT_TRUE(there.poll());
  EXPECT_THROW((void)there.recv_bytes(), mp::EOFError);
}

TEST(PipeTest, AnEndThatIsClosedWithMessagesUnreadIsAReset) {
  auto [here, there] = mp::Pipe();
  here.send(1);
  there.close();
  EXPECT_THROW((void)here.recv<int>(), mp::ConnectionResetError);
}

TEST(PipeTest, WaitsThatAreNotForEverEnd) {
  auto [here, there] = mp::Pipe();
  EXPECT_FALSE(here.poll());
  EXPECT_FALSE(here.poll(-1s));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(here.poll(50ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  EXPECT_THROW((void)here.recv<int>(10ms), mp::TimeoutError);
  EXPECT_EQ(here.try_recv<int>(), std::nullopt);
  EXPECT_EQ(here.try_recv<int>(10ms), std::nullopt);
  EXPECT_EQ(here.try_recv_bytes(10ms), std::nullopt);
  there.send(3);
  EXPECT_TRUE(here.poll(mp::Timeout::forever));
  EXPECT_EQ(here.try_recv<int>(), 3);
}

TEST(PipeTest, ATimeoutWhileAnotherThreadReceivesIsKept) {
  auto [here, there] = mp::Pipe();
  std::thread receiver{[&here = here] { EXPECT_EQ(here.recv<int>(), 1); }};
  EXPECT_EQ(here.try_recv<int>(20ms), std::nullopt);
  there.send(1);
  receiver.join();
}

// CPython: TestInvalidHandle.test_invalid_handles
TEST(PipeTest, BadDescriptorsAreErrors) {
  const mp::Connection bad{44977608};
  EXPECT_THROW((void)bad.poll(), mp::OSError);
  EXPECT_THROW(bad.send(1), mp::OSError);
  EXPECT_THROW(mp::Connection{-1}, mp::ValueError);
  EXPECT_THROW((mp::Connection{0, {.readable = false, .writable = false}}), mp::ValueError);
}

TEST(PipeTest, PlainPipesWorkToo) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  mp::Connection reader{fds[0], {.writable = false}};
  const mp::Connection writer{fds[1], {.readable = false}};
  const std::string big(300000, 'x');
  std::thread sender{[&] {
    writer.send("small");
    writer.send_bytes("");
    writer.send_bytes(big);
  }};
  EXPECT_EQ(reader.recv<std::string>(), "small");
  EXPECT_EQ(reader.recv_bytes(), "");
  EXPECT_EQ(reader.recv_bytes(10s).size(), big.size());
  sender.join();
  EXPECT_EQ(reader.try_recv<int>(), std::nullopt);
  reader.close();
  EXPECT_THROW(writer.send(1), mp::BrokenPipeError);  // and no SIGPIPE
  EXPECT_THROW(mp::send_handle(writer, 0), mp::OSError);
}

TEST(PipeTest, MessagesOfAllSizesArriveWhole) {
  auto [here, there] = mp::Pipe();
  std::vector<std::size_t> sizes;
  for (const std::size_t size : {4096, 16384, 65536, 1 << 20})
    for (const std::size_t near : {size - 1, size, size + 1}) sizes.push_back(near);
  sizes.insert(sizes.end(), {0, 1, 11, 12, 13, 16 << 20});
  std::thread sender{[&, &here = here] {
    for (const std::size_t size : sizes) here.send_bytes(std::string(size, 'x'));
  }};
  for (const std::size_t size : sizes) {
    const mp::Bytes message = there.recv_bytes();
    EXPECT_EQ(message.size(), size);
    EXPECT_EQ(message.find_first_not_of('x'), std::string::npos);
  }
  sender.join();
}

// In CPython two threads on one end corrupt the stream.
TEST(PipeTest, MessagesOfManyThreadsDoNotMix) {
  constexpr int threads = 4;
  constexpr int each = 200;
  auto [here, there] = mp::Pipe();
  std::vector<std::thread> workers;
  std::array<std::atomic<int>, threads> seen{};
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&here = here, t] {
      for (int i = 0; i < each; ++i)
        here.send_bytes(
            std::string(static_cast<std::size_t>(1 + i * 97 % 40000), static_cast<char>('a' + t)));
    });
    workers.emplace_back([&there = there, &seen] {
      for (int i = 0; i < each; ++i) {
        const mp::Bytes message = there.recv_bytes();
        EXPECT_EQ(message.find_first_not_of(message.front()), std::string::npos);
        ++seen[static_cast<std::size_t>(message.front() - 'a')];
      }
    });
  }
  for (auto& worker : workers) worker.join();
  for (const auto& count : seen) EXPECT_EQ(count, each);
}

// CPython: TestIgnoreEINTR.test_ignore
TEST(PipeTest, SignalsDoNotInterruptSendingAndReceiving) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  auto [here, there] = mp::Pipe();
  std::atomic<bool> received = false;
  std::thread peer{[&, &there = there] {
    EXPECT_EQ(there.recv<int>(), 1);
    EXPECT_EQ(there.recv_bytes().size(), 2U << 20);
    received = true;
  }};
  for (int i = 0; i < 20; ++i) pthread_kill(peer.native_handle(), SIGUSR1);
  here.send(1);
  std::thread sender{[&here = here] { here.send_bytes(std::string(2 << 20, 'x')); }};
  for (int i = 0; i < 20 && !received; ++i) pthread_kill(sender.native_handle(), SIGUSR1);
  sender.join();
  peer.join();
  sigaction(SIGUSR1, &before, nullptr);
}

// CPython: _TestPoll.test_empty_string
TEST(PollTest, AnEmptyMessageIsOneAndPollingTakesNothing) {
  auto [here, there] = mp::Pipe();
  here.send_bytes("");
  EXPECT_TRUE(there.poll());
  EXPECT_TRUE(there.poll());
  EXPECT_EQ(there.recv_bytes(), "");
  EXPECT_FALSE(there.poll());
}

// CPython: _TestPoll.test_dont_merge
TEST(PollTest, MessagesStaySeparate) {
  auto [here, there] = mp::Pipe();
  EXPECT_FALSE(there.poll());
  EXPECT_FALSE(there.poll(10ms));
  for (const char* text : {"a", "b", "c", "d"}) here.send_bytes(text);
  for (const char* text : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(there.poll());
    EXPECT_TRUE(there.poll());
    EXPECT_EQ(there.recv_bytes(), text);
  }
  EXPECT_FALSE(there.poll());
}

}  // namespace
}  // namespace connection_test
