// Time-outs of everything that waits: all lengths, and interrupted by signals.
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "synchronize_suite.hpp"

namespace {
std::atomic<time_t> wall_clock_step{0};
}  // namespace

// Takes the place of the C library's for this program and all libraries in it.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long status = ::syscall(SYS_clock_gettime, clock, time);
  static std::atomic<unsigned> looks{0};
  if (clock == CLOCK_REALTIME && wall_clock_step != 0 && ++looks % 2 == 0)
    time->tv_sec += wall_clock_step;
  return static_cast<int>(status);
}

namespace synchronize_test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What waits in vain for a time, and says whether it got what it waited for.
struct Waits {
  mp::Lock lock;
  mp::RLock rlock;
  mp::Semaphore semaphore{0};
  mp::Semaphore booked{{.value = 0, .return_units_of_dead = true}};
  mp::Event event;
  mp::Condition condition;

  [[nodiscard]] std::vector<std::function<bool(mp::Timeout)>> all() const {
    return {
        [this](mp::Timeout t) { return lock.acquire(t); },
        [this](mp::Timeout t) {
          bool taken = true;
          std::thread{[&] { taken = rlock.acquire(t); }}.join();
          return taken;
        },
        [this](mp::Timeout t) { return semaphore.acquire(t); },
        [this](mp::Timeout t) { return booked.acquire(t); },
        [this](mp::Timeout t) { return event.wait(t); },
        [this](mp::Timeout t) {
          const std::unique_lock guard{condition};
          return condition.wait(t);
        },
        [](mp::Timeout t) {
          const mp::Barrier barrier{2};
          try {
            barrier.wait(t);
          } catch (const mp::BrokenBarrierError&) {
            return false;
          }
          return true;
        },
    };
  }
};

class TimeoutTest : public ArenaTest {
 protected:
  TimeoutTest() {
    waits_.emplace();
    waits_->lock.acquire();
    waits_->rlock.acquire();
  }
  void TearDown() override {
    waits_.reset();
    ArenaTest::TearDown();
  }
  std::optional<Waits> waits_;
};

/// While it lives the wall clock of this program is another at every second look.
class SteppedWallClock {
 public:
  explicit SteppedWallClock(std::chrono::seconds by) {
    const auto before = std::chrono::system_clock::now();
    wall_clock_step = by.count();
    const auto first = std::chrono::system_clock::now();
    const auto second = std::chrono::system_clock::now();
    EXPECT_GT(std::max(first, second) - std::min(first, second), 30min) << "does not step";
    EXPECT_LT(std::min(abs(first - before), abs(second - before)), 30min);
  }
  ~SteppedWallClock() { wall_clock_step = 0; }
  SteppedWallClock(const SteppedWallClock&) = delete;
};

TEST_F(TimeoutTest, NoneNegativeOrTinyMeansNow) {
  for (const auto& wait : waits_->all()) {
    EXPECT_FALSE(wait(0s));
    EXPECT_FALSE(wait(-1h));
    EXPECT_FALSE(wait(std::chrono::nanoseconds::min()));
    EXPECT_FALSE(wait(1ns));
  }
}

TEST_F(TimeoutTest, IsWaitedOut) {
  for (const auto& wait : waits_->all()) {
    const auto start = Clock::now();
    EXPECT_FALSE(wait(15ms));
    EXPECT_GE(Clock::now() - start, 15ms);
  }
}

TEST_F(TimeoutTest, TheLongestThereIsDoesNotOverflow) {
  std::thread other{[&] {
    std::this_thread::yield();
    waits_->event.set();
    waits_->semaphore.release();
  }};
  EXPECT_TRUE(waits_->event.wait(std::chrono::hours::max()));
  EXPECT_TRUE(waits_->semaphore.acquire(std::chrono::duration<double>{1e300}));
  EXPECT_TRUE(waits_->event.wait(mp::Timeout::forever));
  other.join();
}

// W27: in CPython a timed wait follows the wall clock, and lasts as much longer as that is set
// back.
TEST_F(TimeoutTest, W27AWallClockThatStepsNeitherEndsNorLengthensIt) {
  for (const auto& wait : waits_->all()) {
    for (const auto step : {std::chrono::seconds{1h}, std::chrono::seconds{-1h}}) {
      const SteppedWallClock stepped{step};
      const auto start = Clock::now();
      EXPECT_FALSE(wait(15ms));  // an hour would end with the watchdog
      EXPECT_GE(Clock::now() - start, 15ms);
    }
  }
}

TEST_F(TimeoutTest, AThousandSignalsASecondNeitherEndNorLengthenIt) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = [](int) {};  // without SA_RESTART
  sigaction(SIGALRM, &ignore, &before);
  const itimerval often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
  setitimer(ITIMER_REAL, &often, nullptr);
  for (const auto& wait : waits_->all()) {
    const auto start = Clock::now();
    EXPECT_FALSE(wait(40ms));
    EXPECT_GE(Clock::now() - start, 40ms);
  }
  setitimer(ITIMER_REAL, nullptr, nullptr);
  sigaction(SIGALRM, &before, nullptr);
}

/// Contends for the lock until counter 7 is raised; the holds are counted in `counter`.
void contend(mp::Lock lock, Counters counters, std::size_t counter) {
  while (counters[7] == 0) {
    const std::scoped_lock guard{lock};
    counters[counter].store(counters[counter].load(std::memory_order_relaxed) + 1);
  }
}

// The form of ten seconds is MULTIPROCESSING_TEST_FAIRNESS_SECONDS=10.
TEST(FairnessTest, NobodyOfFourContendersStarves) {
  const mp::Lock lock;
  const Counters counters;
  std::vector<mp::Process> contenders;
  for (std::size_t i = 0; i < 4; ++i) contenders.emplace_back(contend, lock, counters, 8 + i);
  for (mp::Process& each : contenders) each.start();
  const auto end =
      Clock::now() + std::chrono::seconds{asked("MULTIPROCESSING_TEST_FAIRNESS_SECONDS", 1)};
  wait_until([&] { return Clock::now() >= end; });
  counters.raise(7);
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    contenders[i].join();
    least = std::min(least, counters[8 + i].load());
    all += counters[8 + i];
  }
  std::printf("%lu holds, the least served had %.0f %% of a fair share\n",
              static_cast<unsigned long>(all), 400.0 * least / static_cast<double>(all));
  EXPECT_GT(least, 0U);
}

}  // namespace
}  // namespace synchronize_test
