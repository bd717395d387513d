#include "base/spinning.hpp"

#include <sched.h>

#include <atomic>
#include <chrono>

namespace multiprocessing::detail {

using namespace std::chrono_literals;

bool yield_shortly() {
  using Clock = std::chrono::steady_clock;
  // A machine that has more work than processors stays so for a while.
  static std::atomic<Clock::rep> crowded_until{0};
  const auto before = Clock::now();
  if (before.time_since_epoch().count() < crowded_until.load(std::memory_order_relaxed))
    return false;
  sched_yield();
  const auto after = Clock::now();
  if (after - before < 50us) return true;
  crowded_until.store((after + 100ms).time_since_epoch().count(), std::memory_order_relaxed);
  return false;
}

}  // namespace multiprocessing::detail
