#include "base/spinning.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constinit std::atomic<Clock::rep> crowded_until{0};

bool is_crowded(Clock::time_point now) {
  return now.time_since_epoch().count() < crowded_until.load(std::memory_order_relaxed);
}

}  // namespace

bool is_crowded() { return is_crowded(Clock::now()); }

bool yield_shortly() {
  const auto before = Clock::now();
  if (is_crowded(before)) return false;
  sched_yield();
  const auto after = Clock::now();
  const auto away = after - before;
  if (away < 50us) return true;
  // Who had just something to do in between is soon gone; a machine that has more work than
  // processors keeps us away for long each time, and stays so for a while.
  const auto until = after + std::min<Clock::duration>(8 * away, 100ms);
  crowded_until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  return false;
}

}  // namespace multiprocessing::detail
