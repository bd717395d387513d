// Kills at every fail point of the rings, and at random, by every start method: the others go on.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fail_point.hpp"
#include "connection_suite.hpp"
#include "support/asked.hpp"
#include "support/fail_points.hpp"
#include "support/watchdog.hpp"

namespace connection_test {
namespace {

using namespace std::chrono_literals;
using test_support::Counters;

class RingKillTest : public test_support::EveryMethodTest {};
FOR_EVERY_START_METHOD(RingKillTest);

// ---- messages that show what became of them

std::string message(std::uint32_t sender, std::uint32_t number) {
  std::string bytes(8 + number * 997 % 3000, static_cast<char>(number));
  std::memcpy(bytes.data(), &sender, 4);
  std::memcpy(bytes.data() + 4, &number, 4);
  return bytes;
}

/// Whole, and later than what its sender sent before. Counts them by sender.
class Ledger {
 public:
  void add(const mp::Bytes& bytes) {
    std::uint32_t sender = 0;
    std::uint32_t number = 0;
    std::memcpy(&sender, bytes.data(), 4);
    std::memcpy(&number, bytes.data() + 4, 4);
    EXPECT_TRUE(bytes == message(sender, number)) << sender << ' ' << number;
    std::uint32_t& next = next_[sender];
    EXPECT_GE(number, next) << "twice or out of order, of " << sender;
    next = number + 1;
    ++count_[sender];
  }
  [[nodiscard]] std::uint32_t of(std::uint32_t sender) const {
    const auto found = count_.find(sender);
    return found == count_.end() ? 0 : found->second;
  }

 private:
  std::map<std::uint32_t, std::uint32_t> next_;
  std::map<std::uint32_t, std::uint32_t> count_;
};

// ---- who is killed

enum class Role { sends, skips, receives, asks, fills };
struct Case {
  const char* point;
  Role role;
  bool again = false;  // comes by more often than once
};
constexpr std::array cases{Case{"connection.ring.made", Role::sends},
                           Case{"connection.ring.rung", Role::sends},
                           Case{"connection.ring.filled", Role::sends, true},
                           Case{"connection.ring.put", Role::sends, true},
                           Case{"connection.ring.noted", Role::sends, true},
                           Case{"connection.ring.filled", Role::skips},
                           Case{"connection.ring.put", Role::skips},
                           Case{"connection.ring.noted", Role::skips},
                           Case{"connection.ring.cleared", Role::sends, true},
                           Case{"connection.ring.sealed", Role::asks},
                           Case{"connection.ring.seal_wanted", Role::asks},
                           Case{"connection.ring.before_nap", Role::fills},
                           Case{"connection.ring.before_nap", Role::receives},
                           Case{"connection.ring.silenced", Role::receives},
                           Case{"connection.ring.copied", Role::receives, true},
                           Case{"connection.ring.dropped", Role::receives, true}};

constexpr std::uint32_t victim_name = 1000;

// Four go into a ring, and the fifth lies at the beginning again.
const std::string large(31'000, 'x');

/// Works until it is killed; gives up when it does not come by the point.
void be_killed(mp::Connection end, Role role, std::string point, unsigned nth) {
  mp::detail::arm_fail_point(point, nth);
  for (std::uint32_t i = 0; i < 300; ++i) {
    switch (role) {
      case Role::sends:
        end.send_bytes(message(victim_name, i));
        usleep(500);  // who receives sleeps now and then
        break;
      case Role::receives:
        (void)end.recv_bytes();
        break;
      case Role::skips:
      case Role::fills:
        end.send_bytes(large);
        break;
      case Role::asks:
        (void)end.fileno();
    }
  }
}

/// The victim is alone at its end of the pipe, and then others go on there.
void kill_alone(const Case& at, unsigned nth) {
  SCOPED_TRACE(at.point);
  auto [reader, writer] = mp::Pipe();
  const bool reads = at.role == Role::receives;
  mp::Process victim{be_killed, reads ? reader : writer, at.role, std::string{at.point}, nth};
  std::uint32_t sent = 0;
  if (reads)
    for (; sent < 3; ++sent) writer.send_bytes(message(1, sent));
  Ledger ledger;
  std::thread receiver;
  const auto receive_all = [&ledger, &reader = reader] {
    try {
      for (;;) {
        const mp::Bytes bytes = reader.recv_bytes();
        if (bytes.size() != large.size()) ledger.add(bytes);
      }
    } catch (const mp::EOFError&) {
    }
  };
  if (at.role == Role::skips)
    for (int i = 0; i < 4; ++i) writer.send_bytes(large);
  if (at.role == Role::sends || at.role == Role::skips) receiver = std::thread{receive_all};
  victim.start();
  victim.join();
  EXPECT_EQ(victim.exitcode(), -SIGKILL);
  if (!receiver.joinable()) receiver = std::thread{receive_all};
  for (const std::uint32_t end = sent + 20; sent < end; ++sent) writer.send_bytes(message(1, sent));
  writer.close();
  receiver.join();
  const std::uint32_t taken = !reads ? 0 : at.again ? nth : 3;
  EXPECT_GE(ledger.of(1) + taken, sent);
  if (!reads) {
    EXPECT_EQ(ledger.of(1), sent);
  }
}

TEST_P(RingKillTest, KilledAtAnyPointLeavesTheOthersAtWorkAndNothingTorn) {
  const int kills = test_support::asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 2);
  const test_support::Watchdog longer{std::chrono::seconds{60 + kills * 10}};
  for (const Case& at : cases)
    for (int i = 0; i < kills; ++i) kill_alone(at, at.again ? 1 + static_cast<unsigned>(i) % 3 : 1);
}

TEST(RingTest, EveryFailPointOfTheRingsHasACaseThatKillsThere) {
  std::set<std::string> known;
  for (const Case& each : cases) known.insert(each.point);
  for (const std::string& name :
       test_support::fail_points_in(CONNECTION_SOURCES, "connection.ring."))
    EXPECT_TRUE(known.contains(name)) << name;
}

// ---- storm: one pipe on which some live long and others are killed

constexpr std::size_t stop = 0;  // of the counters
constexpr std::size_t taken = 1;
constexpr std::size_t ready = 2;
constexpr std::size_t sent = 3;  // and the next
constexpr std::uint32_t long_lived = 2;

void send_until_stopped(mp::Connection end, std::uint32_t name, Counters counters) {
  for (std::uint32_t i = 0; counters[stop] == 0; ++i) {
    end.send_bytes(message(name, i));
    ++counters[sent + name];
  }
}

void be_killed_in_the_storm(mp::Connection end, bool reads, std::uint32_t name, Counters counters) {
  counters.raise(ready);
  for (std::uint32_t i = 0;; ++i) {
    if (!reads) {
      end.send_bytes(message(name, i));
      continue;
    }
    std::uint32_t sender = 0;
    std::memcpy(&sender, end.recv_bytes().data(), 4);
    if (sender < long_lived) ++counters[taken];
  }
}

TEST_P(RingKillTest, KilledAtRandomLeavesTheOthersAtWorkAndNothingTorn) {
  const int kills = test_support::asked("MULTIPROCESSING_TEST_KILLS", 20);
  const test_support::Watchdog longer{std::chrono::seconds{60 + kills / 5}};
  auto [reader, writer] = mp::Pipe();
  const Counters counters;
  std::atomic<std::uint32_t> received = 0;
  Ledger ledger;
  mp::Process other{send_until_stopped, writer, 0U, counters};
  other.start();
  std::thread sender{send_until_stopped, writer, 1U, counters};
  std::thread receiver{[&, &reader = reader] {
    try {
      for (;; ++received) ledger.add(reader.recv_bytes());
    } catch (const mp::EOFError&) {
    }
  }};
  std::mt19937 random{11};
  std::uint32_t readers = 0;
  for (int i = 0; i < kills; ++i) {
    const bool reads = i % 2 == 0;
    readers += reads ? 1 : 0;
    const auto name = victim_name + static_cast<std::uint32_t>(i);
    mp::Process victim{be_killed_in_the_storm, reads ? reader : writer, reads, name, counters};
    victim.start();
    counters.wait_for(static_cast<std::uint32_t>(i) + 1, ready);
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 3000});
    kill_and_join(victim);
    EXPECT_EQ(victim.exitcode(), -SIGKILL);
    const std::uint32_t seen = received;
    const std::array before{counters[sent].load(), counters[sent + 1].load()};
    test_support::wait_until([&] {
      return received > seen + 2 && counters[sent] > before[0] + 2 &&
             counters[sent + 1] > before[1] + 2;
    });
  }
  counters[stop] = 1;
  sender.join();
  expect_good_end(other);
  writer.close();
  receiver.join();
  const std::uint32_t came = ledger.of(0) + ledger.of(1) + counters[taken];
  EXPECT_LE(came, counters[sent] + counters[sent + 1]);
  EXPECT_GE(came + readers, counters[sent] + counters[sent + 1]);
}

}  // namespace
}  // namespace connection_test
