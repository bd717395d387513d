// Parties of a barrier that are stopped (not dead) amid it: the others' times are over when they
// say.
#include <signal.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;
using mp::detail::is_stopped;

class StoppedPartyTest : public EveryMethodTest {
 protected:
  /// A party that stops at the fail point, once it waits; its exit code is 7 when the barrier
  /// broke.
  void start_party(const char* point) {
    party_.emplace(
        [](mp::Barrier barrier, std::string at) {
          mp::detail::arm_fail_point_stop(at);
          try {
            barrier.wait();
          } catch (const mp::BrokenBarrierError&) {
            throw mp::Exit{7};
          }
        },
        barrier, std::string{point});
    party_->start();
    wait_until([&] { return is_stopped(*party_->pid()); });
  }
  [[nodiscard]] pid_t party() const { return *party_->pid(); }
  int end_of_party() {
    kill(*party_->pid(), SIGCONT);
    party_->join();
    return *party_->exitcode();
  }
  /// The barrier is of use after a reset.
  void expect_to_work() {
    barrier.reset();
    EXPECT_FALSE(barrier.broken());
    std::jthread other{[this] { EXPECT_NO_THROW(barrier.wait()); }};
    EXPECT_NO_THROW(barrier.wait());
  }

  const mp::Barrier barrier{2};

 private:
  std::optional<mp::Process> party_;
};
FOR_EVERY_START_METHOD(StoppedPartyTest);

TEST_P(StoppedPartyTest, ATimedWaitEndsBehindOneThatHasJustArrived) {
  start_party("synchronize.barrier.arrived");
  EXPECT_THROW(barrier.wait(100ms), mp::BrokenBarrierError);
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_THROW(barrier.wait(0s), mp::BrokenBarrierError);
  EXPECT_EQ(end_of_party(), 7);
  EXPECT_TRUE(barrier.broken());
  expect_to_work();
}

TEST_P(StoppedPartyTest, AWaitEndsAtItsTimeThoughTheLastHasCome) {
  std::jthread waits{[&] { EXPECT_THROW(barrier.wait(2s), mp::BrokenBarrierError); }};
  wait_until([&] { return barrier.n_waiting() == 1; });
  start_party("synchronize.barrier.before_end");
  waits.join();
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(end_of_party(), 7);
  expect_to_work();
}

TEST_P(StoppedPartyTest, OneWithoutATimeWaitsOnAndIsReleasedByAnotherWhoseTimeIsOver) {
  std::jthread waits{[&] { EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError); }};
  wait_until([&] { return barrier.n_waiting() == 1; });
  start_party("synchronize.barrier.before_end");
  EXPECT_THROW(barrier.wait(100ms), mp::BrokenBarrierError);
  waits.join();
  EXPECT_EQ(end_of_party(), 7);
  expect_to_work();
}

TEST_P(StoppedPartyTest, AnAbortBreaksItForAll) {
  std::jthread waits{[&] { EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError); }};
  wait_until([&] { return barrier.n_waiting() == 1; });
  start_party("synchronize.barrier.before_end");
  barrier.abort();
  waits.join();
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(end_of_party(), 7);
  expect_to_work();
}

TEST_P(StoppedPartyTest, OneThatIsKilledThereBreaksItAsAnyOther) {
  start_party("synchronize.barrier.arrived");
  EXPECT_THROW(barrier.wait(100ms), mp::BrokenBarrierError);
  EXPECT_EQ(kill(party(), SIGKILL), 0);
  EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError);
  (void)end_of_party();
  expect_to_work();
}

TEST_P(StoppedPartyTest, OneThatIsKilledRightAfterItGaveUpHasBrokenIt) {
  std::jthread waits{[&] { EXPECT_THROW(barrier.wait(), mp::BrokenBarrierError); }};
  wait_until([&] { return barrier.n_waiting() == 1; });
  start_party("synchronize.barrier.before_end");
  mp::Process victim{[](mp::Barrier its) {
                       mp::detail::arm_fail_point("synchronize.barrier.given_up");
                       its.wait(100ms);
                     },
                     barrier};
  victim.start();
  victim.join();
  EXPECT_EQ(victim.exitcode(), -SIGKILL);
  waits.join();
  EXPECT_EQ(end_of_party(), 7);
  expect_to_work();
}

}  // namespace
}  // namespace synchronize_test
