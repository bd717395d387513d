// The ring beside a pipe's socket, and the ways from one to the other.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "connection_suite.hpp"
#include "support/asked.hpp"
#include "support/watchdog.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;

bool is_readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 1;
}

TEST(RingTest, TheDescriptorIsReadableExactlyWhileMessagesAreThere) {
  auto [here, there] = mp::Pipe();
  for (int i = 0; i < 3; ++i) here.send(i);
  EXPECT_EQ(there.recv<int>(), 0);
  const int fd = there.fileno();
  EXPECT_TRUE(is_readable(fd));
  EXPECT_EQ(there.recv<int>(), 1);
  EXPECT_TRUE(is_readable(fd));
  EXPECT_EQ(there.recv<int>(), 2);
  EXPECT_FALSE(is_readable(fd));
  for (int i = 0; i < 3; ++i) {
    here.send(i);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_EQ(there.recv<int>(), i);
    EXPECT_FALSE(is_readable(fd));
  }
  here.close();
  EXPECT_TRUE(is_readable(fd));
  EXPECT_THROW((void)there.recv<int>(), mp::EOFError);
}

TEST(RingTest, TheDescriptorOfADrainedRingIsNotReadable) {
  auto [here, there] = mp::Pipe();
  here.send(1);
  EXPECT_EQ(there.recv<int>(), 1);
  const int fd = there.fileno();
  EXPECT_FALSE(is_readable(fd));
  EXPECT_FALSE(there.poll());
  here.send(2);
  EXPECT_TRUE(is_readable(fd) && there.poll());
  EXPECT_EQ(there.recv<int>(), 2);
  EXPECT_FALSE(there.poll());
}

TEST(RingTest, EndsAmongMessagesComeInOrder) {
  auto [here, there] = mp::Pipe();
  auto [a, b] = mp::Pipe();
  for (int i = 0; i < 100; ++i) here.send(i);
  here.send(b);
  here.send(100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(there.recv<int>(), i);
  auto got = there.recv<mp::Connection>();
  EXPECT_EQ(there.recv<int>(), 100);
  a.send(7);
  EXPECT_EQ(got.recv<int>(), 7);
}

// The first look at fileno() comes while somebody sends.
TEST(RingTest, NoMessageIsThereUnseenWhenTheDescriptorIsAskedFor) {
  for (int round = 0; round < 200; ++round) {
    auto [here, there] = mp::Pipe();
    std::thread sender{[&here = here] {
      for (int i = 0; i < 50; ++i) here.send(i);
    }};
    for (int i = 0; i < round % 20; ++i) EXPECT_EQ(there.recv<int>(), i);
    pollfd entry{.fd = there.fileno(), .events = POLLIN, .revents = 0};
    for (int i = round % 20; i < 50; ++i) {
      ASSERT_EQ(::poll(&entry, 1, 10000), 1);
      EXPECT_EQ(there.try_recv<int>(), i);
    }
    sender.join();
    EXPECT_FALSE(is_readable(entry.fd));
  }
}

TEST(RingTest, MessagesWaitAcrossManyRoundsOfTheRing) {
  auto [here, there] = mp::Pipe();
  std::thread sender{[&here = here] {
    for (std::size_t i = 0; i < 3000; ++i) here.send_bytes(std::string(i * 37 % 70000, 'x'));
  }};
  for (std::size_t i = 0; i < 3000; ++i) EXPECT_EQ(there.recv_bytes().size(), i * 37 % 70000);
  sender.join();
}

TEST(RingTest, MessagesThatWaitWhenTheDescriptorIsAskedForComeBeforeThoseThatFollow) {
  auto [here, there] = mp::Pipe();
  for (int i = 0; i < 10; ++i) here.send(i);
  (void)there.fileno();
  for (int i = 10; i < 20; ++i) here.send(i);
  (void)here.fileno();
  for (int i = 20; i < 30; ++i) here.send(i);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(there.recv<int>(), i);
  EXPECT_FALSE(there.poll());
}

/// Of poll, select and an epoll that has had the descriptor from the beginning.
class Watchers {
 public:
  explicit Watchers(int fd) : fd_(fd) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  ~Watchers() { close(epoll_); }
  Watchers(const Watchers&) = delete;

  void expect(bool readable) const {
    EXPECT_EQ(is_readable(fd_), readable);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd_, &set);
    timeval now{};
    EXPECT_EQ(select(fd_ + 1, &set, nullptr, nullptr, &now), readable ? 1 : 0);
    epoll_event event{};
    EXPECT_EQ(epoll_wait(epoll_, &event, 1, 0), readable ? 1 : 0);
  }

 private:
  int fd_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

TEST(RingTest, PollSelectAndEpollAgreeWithWhatIsThere) {
  for (const int before : {0, 1, 5}) {
    auto [here, there] = mp::Pipe();
    for (int i = 0; i < before; ++i) here.send(i);
    const Watchers watchers{there.fileno()};
    for (int i = 0; i < before; ++i) {
      watchers.expect(true);
      EXPECT_EQ(there.recv<int>(), i);
    }
    watchers.expect(false);
    for (int i = 0; i < 3; ++i) {
      here.send(i);
      watchers.expect(true);
      EXPECT_EQ(there.recv<int>(), i);
      watchers.expect(false);
    }
    here.close();
    watchers.expect(true);
  }
}

// By a connection of sockets, an end arrives without what relatives share.
TEST(RingTest, AnEndThatGoesToAStrangerGoesOnByTheSocketAndLosesNothing) {
  mp::Listener listener{mp::Address{"@ring-test-" + std::to_string(getpid())}};
  const mp::Connection client = mp::Client(listener.address());
  const mp::Connection server = listener.accept();
  auto [here, there] = mp::Pipe();
  for (int i = 0; i < 10; ++i) {
    here.send(i);
    there.send(i);
  }
  EXPECT_THROW(client.send(there), mp::SerializationError);  // ten messages would be lost
  for (int i = 0; i < 10; ++i) EXPECT_EQ(there.recv<int>(), i);
  client.send(there);
  auto stranger = server.recv<mp::Connection>();
  there.close();
  for (int i = 10; i < 20; ++i) {
    here.send(i);
    stranger.send(i);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(here.recv<int>(), i);
  for (int i = 10; i < 20; ++i) EXPECT_EQ(stranger.recv<int>(), i);
  stranger.close();
  EXPECT_THROW((void)here.recv<int>(), mp::EOFError);
}

TEST(RingTest, AnEndGoesToAStrangerWhileAnotherThreadReceivesByIt) {
  mp::Listener listener{mp::Address{"@ring-test-2-" + std::to_string(getpid())}};
  const mp::Connection client = mp::Client(listener.address());
  const mp::Connection server = listener.accept();
  auto [here, there] = mp::Pipe();
  here.send(0);
  EXPECT_EQ(there.recv<int>(), 0);
  std::thread receiver{[&there = there] { EXPECT_EQ(there.recv<int>(), 1); }};
  client.send(there);
  here.send(1);
  receiver.join();
  auto stranger = server.recv<mp::Connection>();
  here.send(2);
  EXPECT_EQ(stranger.recv<int>(), 2);
}

void send_where_memory_is_short(mp::Connection end) {
  std::vector<mp::detail::Handle> hog;
  for (std::size_t bytes = std::size_t{1} << 39; bytes >= 4096; bytes /= 2) {
    try {
      for (;;) hog.push_back(mp::detail::Handle::make_sparse(bytes));
    } catch (const mp::OSError&) {
      continue;
    }
  }
  for (int i = 0; i < 10; ++i) end.send_bytes(std::to_string(i));
  hog.clear();
  for (int i = 10; i < 20; ++i) end.send_bytes(std::to_string(i));
}

// MULTIPROCESSING_TEST_HUGE=1, because an arena that was full once is slow to look through.
TEST(RingTest, MessagesGoByTheSocketWhereMemoryIsShort) {
  if (std::getenv("MULTIPROCESSING_TEST_HUGE") == nullptr) GTEST_SKIP() << "fills the arena";
  auto [here, there] = mp::Pipe();
  mp::Process child{send_where_memory_is_short, std::move(there)};
  child.start();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(here.recv_bytes(), std::to_string(i));
  EXPECT_THROW((void)here.recv_bytes(), mp::EOFError);
  expect_good_end(child);
}

void send_letters(mp::Connection end, char first) {
  const auto send = [&end](char letter) {
    for (std::size_t i = 0; i < 200; ++i) end.send_bytes(std::string(1 + i * 1999 % 9000, letter));
  };
  std::thread other{send, first};
  send(static_cast<char>(first + 1));
  other.join();
}

void take_letters(mp::Connection end, mp::Connection tell) {
  const auto take = [&] {
    try {
      for (;;) {
        const mp::Bytes message = end.recv_bytes();
        EXPECT_EQ(message.find_first_not_of(message.front()), message.npos);
        tell.send(message.size());
      }
    } catch (const mp::EOFError&) {
    }
  };
  std::thread other{take};
  take();
  other.join();
}

// W43: in CPython they tear each other's messages.
TEST_P(ProcessesTest, ThreadsAndProcessesOnBothEndsNeitherTearNorLoseMessages) {
  auto [reader, writer] = mp::Pipe();
  auto [hear, tell] = mp::Pipe();
  std::vector<mp::Process> children;
  for (const char first : {'a', 'c'}) children.emplace_back(send_letters, writer, first).start();
  for (int i = 0; i < 2; ++i) children.emplace_back(take_letters, reader, tell).start();
  for (auto& end : {&reader, &writer, &tell}) end->close();
  std::size_t bytes = 0;
  int count = 0;
  try {
    for (;; ++count) bytes += hear.recv<std::size_t>();
  } catch (const mp::EOFError&) {
  }
  std::size_t expected = 0;
  for (std::size_t i = 0; i < 200; ++i) expected += 4 * (1 + i * 1999 % 9000);
  EXPECT_EQ(count, 800);
  EXPECT_EQ(bytes, expected);
  for (auto& child : children) expect_good_end(child);
}

long microseconds_used() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec +
         used.ru_stime.tv_usec;
}

void idle_in_recv(mp::Connection end, mp::Connection tell, std::chrono::milliseconds length) {
  EXPECT_THROW((void)end.recv_bytes(length / 4), mp::TimeoutError);  // started, as all others
  const long before = microseconds_used();
  EXPECT_THROW((void)end.recv_bytes(length), mp::TimeoutError);
  tell.send(microseconds_used() - before);
}

// MULTIPROCESSING_TEST_IDLE=500 to have the share of a processor asserted.
TEST(RingTest, IdleReadersHardlyCost) {
  const test_support::Watchdog allowed{300s};
  const bool whole = std::getenv("MULTIPROCESSING_TEST_IDLE") != nullptr;
  const int idle = test_support::asked("MULTIPROCESSING_TEST_IDLE", 10);
  const std::chrono::milliseconds length{whole ? 20'000 : 1000};
  auto [hear, tell] = mp::Pipe();
  std::vector<std::pair<mp::Connection, mp::Connection>> pipes;
  std::vector<mp::Process> readers;
  for (int i = 0; i < idle; ++i) {
    pipes.push_back(mp::Pipe());
    pipes.back().first.send_bytes("first");  // by the ring
    EXPECT_EQ(pipes.back().second.recv_bytes(), "first");
    readers.push_back(
        mp::get_context("fork").Process(idle_in_recv, pipes.back().second, tell, length));
    readers.back().start();
  }
  tell.close();
  long microseconds = 0;
  for (int i = 0; i < idle; ++i) microseconds += hear.recv<long>();
  for (auto& reader : readers) expect_good_end(reader);
  const double share =
      static_cast<double>(microseconds) / 1e3 / static_cast<double>(length.count());
  std::printf("%d idle readers took %.2f %% of a processor\n", idle, 100 * share);
  if (whole) {
    EXPECT_LE(share, 0.01);
  }
}

}  // namespace
}  // namespace connection_test
