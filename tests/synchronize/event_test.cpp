// Event.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;

class EventTest : public ArenaTest {};
class EventInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(EventInChildrenTest);

// CPython: _TestEvent.test_event
TEST_P(EventInChildrenTest, IsSetClearedAndWaitedFor) {
  const mp::Event event;
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(0s));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(event.wait(20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.wait(0s));
  event.wait();
  event.clear();
  event.clear();
  EXPECT_FALSE(event.is_set());
  mp::Process child{[](mp::Event e) { e.set(); }, event};
  child.start();
  event.wait();
  EXPECT_TRUE(event.is_set());
  child.join();
}

// CPython: _TestEvent.test_repr
TEST_F(EventTest, TheTextTellsWhetherItIsSet) {
  const mp::Event event;
  EXPECT_TRUE(mp::to_string(event).starts_with("<Event at 0x"));
  EXPECT_TRUE(mp::to_string(event).ends_with(" unset>"));
  event.set();
  EXPECT_TRUE(mp::to_string(event).ends_with(" set>"));
}

// W28: in CPython a wait() without time-out gives False when a clear() follows the set() at once,
// and the one that wakes looks at the flag too late.
TEST_P(EventInChildrenTest, W28AClearRightBehindASetIsNotMissed) {
  const mp::Event event;
  const Counters counters;
  mp::Process child{[](mp::Event e, Counters c) {
                      while (c[0] == 0) {
                        e.set();
                        e.clear();
                      }
                    },
                    event, counters};
  child.start();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(event.wait(60s));
  counters.raise();
  child.join();
  EXPECT_FALSE(event.is_set());
}

TEST_P(EventInChildrenTest, WakesAllEvenIfOneOfThemWasKilled) {
  const mp::Event event;
  const Counters counters;
  std::vector<mp::Process> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back(
        [](mp::Event e, Counters c) {
          c.raise(0);
          e.wait();
          c.raise(1);
        },
        event, counters);
    waiters.back().start();
  }
  counters.wait_for(4);
  waiters[1].kill();
  waiters[1].join();
  event.set();
  counters.wait_for(3, 1);
  for (mp::Process& waiter : waiters) waiter.join();
}

const mp::Event* event_of_handler = nullptr;

TEST_F(EventTest, MayBeSetInASignalHandler) {
  const mp::Event event;
  EXPECT_FALSE(event.is_set());  // which makes it, so that the handler need not
  event_of_handler = &event;
  struct sigaction set {};
  struct sigaction before {};
  set.sa_handler = [](int) { event_of_handler->set(); };
  sigaction(SIGUSR1, &set, &before);
  for (int round = 0; round < 50; ++round) {
    event.clear();
    std::thread waiter{[&] { event.wait(); }};
    kill(getpid(), SIGUSR1);
    waiter.join();
    EXPECT_TRUE(event.is_set());
  }
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace synchronize_test
