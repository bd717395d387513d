#include "synchronize/waiting.hpp"

#include <algorithm>
#include <chrono>

#include "base/interruption.hpp"

namespace multiprocessing::detail {

using namespace std::chrono_literals;

namespace {

// Between looks of all waiters together, in the mean. Four to eight of them to a lock's period are
// enough, and what they cost is bounded whatever their number.
constexpr std::chrono::nanoseconds too_often = 6ms;
constexpr std::chrono::nanoseconds too_seldom = 25ms;
constexpr std::chrono::nanoseconds longest_nap = 1s;

/// Between 3/4 and 5/4 of it.
std::chrono::nanoseconds about(std::chrono::nanoseconds length) {
  const auto noise = std::chrono::steady_clock::now().time_since_epoch().count() >> 4 & 255;
  return length * (384 + noise) / 512;
}

}  // namespace

void Naps::share_the_looks() {
  const std::uint32_t now = looks_->fetch_add(1, std::memory_order_relaxed) + 1;
  const std::uint32_t others = now - seen_looks_ - 1;
  seen_looks_ = now;
  if (length_ < period_) return;  // the first count is of ages ago
  if (others * too_often > length_)
    longest_ = std::min(longest_ * 2, longest_nap);
  else if (others * too_seldom < length_)
    longest_ = std::max(longest_ / 2, period_);
}

Woken Naps::sleep(const std::atomic<std::uint32_t>& word, std::uint32_t seen,
                  const Deadline& deadline) {
  const Woken woken = futex_wait(word, seen, interruptible(deadline.at_most(about(length_))));
  if (woken == Woken::timed_out && looks_ != nullptr) share_the_looks();
  length_ = std::min(length_ * 2, longest_);
  return woken;
}

}  // namespace multiprocessing::detail
