// Many waiters, and what they cost while nothing happens.
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/watchdog.hpp"
#include "synchronize_suite.hpp"

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Idle {
  mp::Lock lock;
  mp::Semaphore semaphore{0};
  mp::Event event;
  mp::Condition condition;
  mp::Barrier barrier{1000};

  [[nodiscard]] bool wait_in(const std::string& what, mp::Timeout timeout) const {
    if (what == "Lock") return lock.acquire(timeout);
    if (what == "Semaphore") return semaphore.acquire(timeout);
    if (what == "Event") return event.wait(timeout);
    if (what == "Condition") {
      const std::scoped_lock guard{condition};
      return condition.wait(timeout);
    }
    try {
      barrier.wait(timeout);
    } catch (const mp::BrokenBarrierError&) {
      return false;
    }
    return true;
  }
};

class IdleTest : public ArenaTest, public testing::WithParamInterface<std::string> {};

void wait_idle(Idle all, std::string what, Counters counters) {
  counters.raise();
  static_cast<void>(all.wait_in(what, mp::Timeout::forever));
}

/// What the processors have done for these so far.
std::chrono::nanoseconds used_by(const std::vector<mp::Process>& processes) {
  std::chrono::nanoseconds used{0};
  for (const mp::Process& each : processes) {
    clockid_t clock{};
    timespec time{};
    EXPECT_EQ(clock_getcpuclockid(*each.pid(), &clock), 0);
    EXPECT_EQ(clock_gettime(clock, &time), 0);
    used += std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
  }
  return used;
}

// MULTIPROCESSING_TEST_IDLE=200 to have the share of a processor asserted.
TEST_P(IdleTest, WaitersHardlyCost) {
  const bool whole = std::getenv("MULTIPROCESSING_TEST_IDLE") != nullptr;
  const auto idle = static_cast<std::uint32_t>(asked("MULTIPROCESSING_TEST_IDLE", 20));
  const test_support::Watchdog allowed{120s};
  const Idle all;
  all.lock.acquire();
  const Counters counters;
  std::vector<mp::Process> waiters;
  for (std::uint32_t i = 0; i < idle; ++i) {
    waiters.push_back(mp::get_context("fork").Process(wait_idle, all, GetParam(), counters));
    waiters.back().start();
  }
  counters.wait_for(idle);
  const auto let_them_wait = [](mp::Timeout time) { EXPECT_FALSE(mp::Event{}.wait(time)); };
  let_them_wait(whole ? 4s : 100ms);  // until their sleeps are long
  const auto before = used_by(waiters);
  const auto start = Clock::now();
  let_them_wait(whole ? 5s : 200ms);
  const auto used = used_by(waiters) - before;
  const double share = static_cast<double>(used.count()) /
                       static_cast<double>(std::chrono::nanoseconds{Clock::now() - start}.count());
  std::printf("%u idle waiters took %.2f %% of a processor\n", idle, 100 * share);
  if (whole) {
    EXPECT_LE(share, 0.01);
  }
  for (mp::Process& each : waiters) each.kill();
  for (mp::Process& each : waiters) each.join();
}
INSTANTIATE_TEST_SUITE_P(All, IdleTest,
                         testing::Values("Lock", "Semaphore", "Event", "Condition", "Barrier"),
                         test_support::NamedByParameter{});

// MULTIPROCESSING_TEST_WITHOUT_SHM names other tests to run so.
TEST(WithoutDevShmTest, AllWorksAsEver) {
  const test_support::Watchdog allowed{300s};
  const char* asked = std::getenv("MULTIPROCESSING_TEST_WITHOUT_SHM");
  const auto result = test_support::run_without_dev_shm(
      asked != nullptr ? asked
                       : "LockTest.*:SemaphoreTest.*:EventTest.*:ConditionTest.*:BarrierTest.*:"
                         "*InChildrenTest.*/spawn");
  if (!result) GTEST_SKIP() << "may not mount another /dev here";
  EXPECT_EQ(result->exitcode, 0) << result->report();
}

}  // namespace
}  // namespace synchronize_test
