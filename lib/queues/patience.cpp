#include "queues/patience.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>

#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "base/spinning.hpp"
#include "base/waiting.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

constexpr int polls_before_sleep = 2000;
constexpr int polls_per_yield = 32;
constexpr int polls_per_clock = 256;
constexpr std::chrono::nanoseconds others_turn = 20us;
constexpr int pauses_per_unit = 32;

constexpr int first_naps = 3;
constexpr std::chrono::nanoseconds first_nap = 50ms;  // each of them four times the one before
constexpr std::chrono::nanoseconds lookouts_nap = 1s;
constexpr std::chrono::nanoseconds long_nap = 10s;
constexpr std::uint32_t nobody = 0;
constexpr std::uint32_t lookouts_word = 2000;  // in ms; longer than its nap, for it wakes late

std::uint32_t milliseconds() {
  using namespace std::chrono;
  return static_cast<std::uint32_t>(
      duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch()).count());
}

/// Waits of this thread that are to be slept through, because others want the processor.
thread_local int crowded = 0;
constexpr int waits_when_crowded = 32;

}  // namespace

void let_ahead(const Side& side) {
  if (crowded > 0) return;
  const int pauses = pauses_per_unit * side.pausing.load(std::memory_order_relaxed);
  for (int i = 0; i < pauses; ++i) pause_processor();
}

// Only while there is a processor to spare: when others were given this one for long, and what is
// waited for has not come, then a sleeper is served better, for it keeps its share of the time.
bool Patience::moved_soon(const Deadline& deadline) const {
  using std::chrono::steady_clock;
  if (crowded > 0) {
    --crowded;
    return moved();
  }
  for (int poll = 1; poll <= polls_before_sleep; ++poll) {
    if (moved()) {
      let_ahead(side_);
      return true;
    }
    if (poll % polls_per_yield != 0) continue;
    const auto before = steady_clock::now();
    sched_yield();
    if (steady_clock::now() - before > others_turn && !moved()) {
      crowded = waits_when_crowded;
      return false;
    }
    if (poll % polls_per_clock == 0 && deadline.passed()) return false;
  }
  return false;
}

bool Patience::wait(const Deadline& deadline) {
  if (naps_ == 0 && moved_soon(deadline)) return true;
  if (deadline.passed()) return false;
  const Deadline until = interruptible(deadline);
  const std::chrono::nanoseconds nap = next_nap();
  // First the flag, then the look: who moves the position does it the other way round.
  wanted_.fetch_or(sleepers_wanted);
  fence_against(other_);
  fail_point("queue.wait.before_sleep");
  if (!moved()) futex_wait(watched_.futex(), Position::from(seen_).items, until.at_most(nap));
  naps_ = moved() ? 0 : std::min(naps_ + 1, first_naps);
  // Who should wake the others may have died when it had taken the flag down, and they will not put
  // it up again while they sleep. With it, whoever succeeds now and sees more wakes the next.
  if (naps_ == 0) wanted_.fetch_or(sleepers_wanted);
  // Who changed it may have died before it woke all.
  if (body_.state.load() != state_) futex_wake_all(watched_.futex());
  return true;
}

std::chrono::nanoseconds Patience::next_nap() {
  if (naps_ < first_naps) return first_nap * (1 << 2 * naps_);
  return looks_out() || alone_ ? lookouts_nap : long_nap;
}

// A sleeper that finds nobody's valid word gives its own. One from a process whose clock was set
// apart is further away than any that is given, and does not count.
bool Patience::looks_out() {
  const std::uint32_t now = milliseconds();
  std::uint32_t until = watched_.lookout_until.load(std::memory_order_relaxed);
  const bool another_does =
      until != nobody && until != lookout_until_ && until - now <= lookouts_word + 1;
  const std::uint32_t mine = (now + lookouts_word) | 1;  // never nobody
  const bool i_do = !another_does && watched_.lookout_until.compare_exchange_strong(until, mine);
  lookout_until_ = i_do ? mine : nobody;
  return i_do;
}

Patience::~Patience() {
  std::uint32_t mine = lookout_until_;
  if (mine == nobody || !watched_.lookout_until.compare_exchange_strong(mine, nobody)) return;
  wanted_.fetch_or(sleepers_wanted);  // for who is woken now, may succeed and has to wake another
  futex_wake(watched_.futex(), 1);
}

void wake_one(std::atomic<std::uint32_t>& wanted, const PublishedPosition& moved) {
  if ((wanted.load() & sleepers_wanted) == 0) return;
  wanted.fetch_and(~sleepers_wanted);
  fail_point("queue.wake.cleared");
  // There may be more of them, who would not say so again while they sleep.
  if (futex_wake(moved.futex(), 1) > 0) wanted.fetch_or(sleepers_wanted);
}

}  // namespace multiprocessing::detail
