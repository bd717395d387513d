#include "synchronize/waiting.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
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

Woken Naps::sleep(const std::atomic<std::uint32_t>& word, std::uint32_t seen,
                  const Deadline& deadline) {
  // Soon at first, for what a wake-up was lost with has just happened; 200 idle waiters have to
  // cost less than a hundredth of a processor in the end.
  static constexpr std::array<std::chrono::milliseconds, 5> named{2ms, 10ms, 10ms, 10ms, 50ms};
  static constexpr std::array<std::chrono::milliseconds, 5> unnamed{5ms, 20ms, 50ms, 100ms, 200ms};
  const auto& lengths = awaited_ == Awaited::named ? named : unnamed;
  const auto nap = lengths[static_cast<std::size_t>(std::min(round_, 4))];
  ++round_;
  return futex_wait(word, seen, deadline.at_most(nap));
}

}  // namespace multiprocessing::detail
