#include "base/back_off.hpp"

#include <sched.h>

#include <atomic>

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

std::optional<std::chrono::nanoseconds> yield_processor() {
  const auto before = Clock::now();
  if (is_crowded(before)) return std::nullopt;
  sched_yield();
  return Clock::now() - before;
}

// A process that had just something to do in between is soon gone; a machine that has more work
// than processors keeps this one away for long each time, and stays so for a while.
void note_crowded(std::chrono::nanoseconds absence) {
  const auto until = Clock::now() + std::min<Clock::duration>(8 * absence, 100ms);
  crowded_until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace multiprocessing::detail
