// Processes that are killed with a connection in their hands.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "connection_suite.hpp"
#include "support/watchdog.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;
using mp::detail::arm_fail_point;

/// How often, unless the environment says otherwise; tools/soak runs the long forms.
int times(const char* variable, int otherwise) {
  const char* chosen = std::getenv(variable);
  return chosen == nullptr ? otherwise : std::atoi(chosen);
}
int kills() { return times("MULTIPROCESSING_TEST_KILLS", 20); }
int kills_per_point() { return times("MULTIPROCESSING_TEST_KILLS_PER_POINT", 1); }

// Each message says who sends, which one it is, and how it goes on: a torn one is found out.
std::string message(char sender, int number, std::size_t size) {
  std::string text(size + 16, static_cast<char>('a' + number % 26));
  const std::string head = std::to_string(number);
  text.replace(1, head.size() + 1, head + ' ');
  text[0] = sender;
  return text;
}

struct Read {
  char sender;
  int number;
};
Read read_whole(const mp::Bytes& bytes) {
  const Read read{bytes[0], std::stoi(bytes.substr(1))};
  EXPECT_EQ(bytes == message(read.sender, read.number, bytes.size() - 16), true);
  return read;
}

void send_many(mp::Connection end, char sender, std::size_t size, std::string dies_at) {
  if (!dies_at.empty()) arm_fail_point(dies_at, 5);
  try {
    for (int i = 0; i < 20; ++i) end.send_bytes(message(sender, i, size));
  } catch (const mp::BrokenPipeError&) {
    throw mp::Exit{3};  // somebody died amid a message: nobody can go on by this end
  }
}

struct Case {
  const char* point;
  std::size_t size;
  bool by_socket = false;  // where messages go in pieces, so that a death may tear one
};

std::pair<mp::Connection, mp::Connection> pipe_for(const Case& at) {
  auto pipe = mp::Pipe();
  if (at.by_socket) static_cast<void>(pipe.first.fileno());
  return pipe;
}

constexpr std::array sender_cases{
    Case{"connection.send.turn", 100},           Case{"connection.send.begun", 100},
    Case{"connection.send.sent", 100},           Case{"connection.send.turn", 500000},
    Case{"connection.send.begun", 500000},       Case{"connection.send.sent", 500000},
    Case{"connection.ring.filled", 100},         Case{"connection.ring.put", 100},
    Case{"connection.ring.filled", 500000},      Case{"connection.ring.put", 500000},
    Case{"connection.send.begun", 500000, true}, Case{"connection.send.half", 500000, true}};

mp::Process forked(auto target, auto... arguments) {
  return mp::get_context("fork").Process(target, arguments...);
}

void kill_a_sender(const Case& at) {
  auto [reader, writer] = pipe_for(at);
  std::vector<mp::Process> senders;
  senders.push_back(forked(send_many, writer, 'x', at.size, std::string{at.point}));
  for (const char name : {'a', 'b', 'c'})
    senders.push_back(forked(send_many, writer, name, at.size, std::string{}));
  for (auto& sender : senders) sender.start();
  writer.close();
  std::array<int, 128> next{};
  bool reset = false;
  try {
    for (;;) {
      const Read read = read_whole(reader.recv_bytes());
      EXPECT_EQ(read.number, next[static_cast<std::size_t>(read.sender)]++);
    }
  } catch (const mp::ConnectionResetError&) {
    reset = true;
  } catch (const mp::EOFError&) {
  }
  EXPECT_TRUE(!reset || at.by_socket) << at.point << ' ' << at.size;
  reader.close();
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(senders[0].exitcode(), -SIGKILL) << at.point;
  for (const char name : {'a', 'b', 'c'})
    EXPECT_TRUE(at.by_socket || next[static_cast<std::size_t>(name)] == 20) << at.point << name;
}

TEST(KillTest, ASenderThatDiesAnywhereNeitherHangsNorTearsTheOthers) {
  const test_support::Watchdog longer{std::chrono::seconds{60 + kills_per_point() * 10}};
  for (const Case& at : sender_cases)
    for (int i = 0; i < kills_per_point(); ++i) kill_a_sender(at);
}

void receive_some(mp::Connection end, mp::Connection tell, std::string dies_at) {
  if (!dies_at.empty()) arm_fail_point(dies_at, 3);
  try {
    for (;;) tell.send(read_whole(end.recv_bytes()).number);
  } catch (const mp::EOFError&) {
  } catch (const mp::ConnectionResetError&) {
    throw mp::Exit{3};
  }
}

constexpr std::array receiver_cases{
    Case{"connection.recv.begun", 100},         Case{"connection.recv.whole", 100},
    Case{"connection.recv.begun", 500000},      Case{"connection.recv.whole", 500000},
    Case{"connection.ring.copied", 100},        Case{"connection.ring.dropped", 100},
    Case{"connection.ring.copied", 500000},     Case{"connection.ring.dropped", 500000},
    Case{"connection.recv.half", 500000, true}, Case{"connection.recv.whole", 500000, true}};

void kill_a_receiver(const Case& at) {
  auto [reader, writer] = pipe_for(at);
  auto [hear, tell] = mp::Pipe();
  std::vector<mp::Process> receivers;
  receivers.push_back(forked(receive_some, reader, tell, std::string{at.point}));
  receivers.push_back(forked(receive_some, reader, tell, std::string{}));
  receivers.push_back(forked(receive_some, reader, tell, std::string{}));
  for (auto& receiver : receivers) receiver.start();
  reader.close();
  tell.close();
  std::size_t sent = 0;
  try {
    for (; sent < 60; ++sent) writer.send_bytes(message('x', static_cast<int>(sent), at.size));
  } catch (const mp::BrokenPipeError&) {
    EXPECT_TRUE(at.by_socket) << at.point;
  }
  writer.close();
  std::size_t received = 0;
  try {
    for (;; ++received) (void)hear.recv<int>();
  } catch (const mp::EOFError&) {
  }
  for (auto& receiver : receivers) receiver.join();
  // It comes to its third message or not: the others may be faster.
  const bool died = receivers[0].exitcode() == -SIGKILL;
  if (!at.by_socket) {
    EXPECT_GE(received + (died ? 1 : 0), sent) << at.point;
    EXPECT_EQ(sent, 60U);
  }
}

TEST(KillTest, AReceiverThatDiesAnywhereLosesOneMessageAtMostAndHangsNobody) {
  const test_support::Watchdog longer{std::chrono::seconds{60 + kills_per_point() * 10}};
  for (const Case& at : receiver_cases)
    for (int i = 0; i < kills_per_point(); ++i) kill_a_receiver(at);
}

void echo_values(mp::Connection end) {
  try {
    for (;;) end.send(end.recv<std::string>());
  } catch (const mp::EOFError&) {
  }
}

void say_and_sleep(mp::Connection end) {
  end.send(0);
  for (;;) pause();
}

void receive_one(mp::Connection end, std::string dies_at) {
  arm_fail_point(dies_at);
  (void)end.recv_bytes();
}
void send_one(mp::Connection end, std::string dies_at) {
  arm_fail_point(dies_at);
  end.send_bytes(std::string(3 << 20, 'x'));
}

// What the dead had in hand fills the window, and no process will empty it.
TEST_P(ProcessesTest, ALargeMessageOfTheDeadHoldsUpNoOther) {
  for (const char* point :
       {"connection.recv.whole", "connection.recv.claimed", "connection.send.begun"}) {
    SCOPED_TRACE(point);
    auto [reader, writer] = mp::Pipe();
    const bool sends = std::string{point} == "connection.send.begun";
    mp::Process victim = sends ? mp::Process{send_one, writer, std::string{point}}
                               : mp::Process{receive_one, reader, std::string{point}};
    if (!sends) writer.send_bytes(std::string(3 << 20, 'x'));
    victim.start();
    victim.join();
    EXPECT_EQ(victim.exitcode(), -SIGKILL);
    for (const char next : {'a', 'b'}) {
      writer.send_bytes(std::string(2 << 20, next));
      EXPECT_EQ(reader.recv_bytes(), mp::Bytes(std::string(2 << 20, next)));
    }
  }
}

void send_big(mp::Connection end) { end.send_bytes(std::string(8 << 20, 'x')); }

// Through the socket, in pieces. In CPython the reader would wait for the rest for ever, since
// another process has the end too.
TEST_P(ProcessesTest, NobodyWaitsForTheRestOfAMessageWhoseSenderWasKilled) {
  auto [here, there] = mp::Pipe();
  static_cast<void>(here.fileno());
  mp::Process p{send_big, there};
  p.start();
  EXPECT_TRUE(here.poll(mp::Timeout::forever));  // amid it: it does not fit into the pipe
  kill_and_join(p);
  EXPECT_THROW((void)here.recv_bytes(), mp::ConnectionResetError);
  EXPECT_THROW((void)here.recv_bytes(), mp::ConnectionResetError);
  EXPECT_THROW(there.send(1), mp::BrokenPipeError);
}

// Waits of each kind, whose other side is killed.
TEST_P(ProcessesTest, EveryWaitEndsWhenTheOtherSideIsKilled) {
  const auto with_killed = [](auto wait) {
    auto [here, there] = mp::Pipe();
    mp::Process p{say_and_sleep, std::move(there)};
    p.start();
    EXPECT_EQ(here.recv<int>(), 0);
    std::thread killer{[&p] { kill_and_join(p); }};
    wait(here);
    killer.join();
  };
  with_killed([](mp::Connection& c) { EXPECT_THROW((void)c.recv<int>(), mp::EOFError); });
  with_killed([](mp::Connection& c) { EXPECT_THROW((void)c.recv_bytes(60s), mp::EOFError); });
  with_killed([](mp::Connection& c) { EXPECT_TRUE(c.poll(mp::Timeout::forever)); });
  with_killed([](mp::Connection& c) { EXPECT_EQ(mp::wait(std::vector{c}).size(), 1U); });
  with_killed([](mp::Connection& c) { EXPECT_THROW((void)mp::recv_handle(c), mp::EOFError); });
  with_killed([](mp::Connection& c) {
    EXPECT_THROW(for (;;) c.send_bytes(std::string(1 << 20, 'x')), mp::BrokenPipeError);
  });
}

TEST_P(ProcessesTest, AChildThatIsKilledAtAnyMomentLeavesWholeMessages) {
  std::mt19937 random{7};
  const test_support::Watchdog longer{std::chrono::seconds{60 + kills() / 10}};
  for (int round = 0; round < kills(); ++round) {
    auto [here, there] = mp::Pipe();
    mp::Process p{echo_values, std::move(there)};
    p.start();
    here.send("first");
    EXPECT_EQ(here.recv<std::string>(), "first");
    std::thread killer{[&p, delay = random() % 3000] {
      std::this_thread::sleep_for(std::chrono::microseconds{delay});
      kill_and_join(p);
    }};
    try {
      for (int i = 0;; ++i) {
        const std::string text = message('x', i, static_cast<std::size_t>(i) * 997 % 60000);
        here.send(text);
        EXPECT_EQ(here.recv<std::string>() == text, true);
      }
    } catch (const mp::EOFError&) {
    } catch (const mp::BrokenPipeError&) {
    } catch (const mp::ConnectionResetError&) {
    }
    killer.join();
  }
}

TEST(KillTest, AReceiverOfSharedObjectsThatDiesDoesNotKeepThem) {
  const auto word = mp::detail::Handle::make(8);
  for (int round = 0; round < 40; ++round) {
    static mp::Connection here, there;  // one pipe for all rounds: its links must not run out
    if (round == 0) std::tie(here, there) = mp::Pipe();
    auto child = forked(
        [](mp::Connection end) {
          arm_fail_point("connection.recv.whole", 2);
          for (;;) (void)end.recv<mp::detail::Handle>();
        },
        there);
    child.start();
    here.send(word);
    here.send(word);
    child.join();
    EXPECT_EQ(child.exitcode(), -SIGKILL);
    if (round == 39) here = there = {};
  }
}

}  // namespace
}  // namespace connection_test
