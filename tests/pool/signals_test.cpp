// Signals that interrupt waits of every kind, and the objects afterwards.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/base/signals.hpp"
#include "multiprocessing/connection.hpp"
#include "multiprocessing/queues.hpp"
#include "waited.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

/// Sends one signal soon; to the thread that waits, or so that the other takes it.
class OneSignalSoon {
 public:
  OneSignalSoon(int round, bool to_waiter) {
    thread_ = std::thread([=, waiter = pthread_self()] {
      std::this_thread::sleep_for(round * 7ms);
      if (to_waiter)
        pthread_kill(waiter, SIGUSR1);
      else
        raise(SIGUSR1);
    });
  }
  ~OneSignalSoon() { thread_.join(); }
  OneSignalSoon(const OneSignalSoon&) = delete;
  OneSignalSoon& operator=(const OneSignalSoon&) = delete;

 private:
  std::thread thread_;
};

class SignalsTest : public PoolTest {};
FOR_EVERY_START_METHOD(SignalsTest);

TEST_P(SignalsTest, EveryKindOfWaitIsInterruptedAndItsObjectWorksAfterwards) {
  auto kinds = waits_for_objects();
  for (const WaitKind& kind : waits_for_connections()) kinds.push_back(kind);
  for (const WaitKind& kind : kinds) {
    for (int round = 0; round < 4; ++round) {
      SCOPED_TRACE(std::string{kind.name} + ", round " + std::to_string(round));
      const auto waited = kind.make();
      {
        mp::Signals caught{SIGUSR1};
        caught.interrupt_waits();
        const OneSignalSoon soon{round, round % 2 == 0};
        EXPECT_THROW(waited->wait(), mp::Interrupted);
        EXPECT_EQ(caught.next(), std::nullopt);
      }
      EXPECT_TRUE(waited->works());
    }
  }
}

TEST_P(SignalsTest, WhoDidNotAskWaitsOn) {
  mp::Signals caught{SIGUSR1};
  mp::Event event;
  const Meanwhile other([&] {
    for (int i = 0; i < 20; ++i) kill(getpid(), SIGUSR1), std::this_thread::sleep_for(1ms);
    event.set();
  });
  event.wait();
  EXPECT_EQ(caught.next(), SIGUSR1);
}

TEST_P(SignalsTest, SignalsAreWaitedForBesideQueuesAndChildren) {
  mp::Signals caught{SIGUSR1};
  mp::Queue<int> queue;
  mp::Event event;
  mp::Process child{wait_at, event};
  child.start();
  EXPECT_TRUE(mp::wait({caught, queue, child}, 0s).empty());
  kill(getpid(), SIGUSR1);
  auto ready = mp::wait({caught, queue, child});
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(ready.front(), mp::Waitable{caught});
  EXPECT_EQ(caught.next(), SIGUSR1);
  event.set();
  ready = mp::wait({caught, queue, child});
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(ready.front(), mp::Waitable{child});
  child.join();
}

}  // namespace
}  // namespace pool_test
