#include "arena/owner_lock.hpp"

#include <chrono>

#include "arena/fork.hpp"
#include "arena/identity.hpp"
#include "base/fail_point.hpp"
#include "base/spinning.hpp"
#include "base/waiting.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t somebody_sleeps = 1;

/// Takes a word over that names a dead process. What that one was doing is settled first, while the
/// lock still says that it died in it: no link changes any more under the hands of the new holder.
/// False when that takes beyond the deadline, or another was faster.
bool take_over(std::atomic<std::uint32_t>& word, std::uint32_t seen, const Deadline& deadline) {
  fail_point("arena.lock.before_settling");
  if (!settle_fully(OwnerLock::named(seen), deadline)) return false;
  if (!word.compare_exchange_strong(seen, OwnerLock::own_name() | somebody_sleeps,
                                    std::memory_order_acquire))
    return false;
  fail_point("arena.lock.taken_over");
  return true;
}

/// Rounds of sleep for a named holder: early looks first, for a wake may die with its taker.
std::chrono::nanoseconds nap(int round) { return round == 0 ? 2ms : round < 4 ? 10ms : 50ms; }

}  // namespace

std::uint32_t OwnerLock::own_name() {
  if (identity() == nullptr || identity()->lock_name == 0) static_cast<void>(self());
  return identity()->lock_name;
}

Member OwnerLock::named(std::uint32_t word) {
  const std::uint32_t slot = word >> 1 & (slot_count - 1);
  if (slot == 0) return {};
  // The full number: the last one given out whose low bits are these.
  const std::uint32_t now = StateWord::from(segment().states[slot].load()).generation;
  return {slot, now - ((now - (word >> (slot_bits + 1))) & generation_mask)};
}

Member OwnerLock::holder() const { return named(word_.load(std::memory_order_relaxed)); }

OwnerLock::Taken OwnerLock::try_acquire() {
  std::uint32_t seen = 0;
  if (word_.compare_exchange_strong(seen, own_name(), std::memory_order_acquire))
    return Taken::free;
  if (alive(named(seen))) return Taken::not_in_time;
  return take_over(word_, seen, Deadline{0ns}) ? Taken::from_the_dead : Taken::not_in_time;
}

OwnerLock::Taken OwnerLock::acquire_slowly() { return acquire(Deadline::never()); }

OwnerLock::Taken OwnerLock::acquire(const Deadline& deadline) {
  if (acquire_if_free()) return Taken::free;
  const std::uint32_t name = own_name();
  std::uint32_t seen = 0;
  std::uint32_t mark = 0;  // once we slept, others may sleep too: keep the bit set
  for (int round = 0;; ++round) {
    const bool taken = spin(64, [&] {
      seen = word_.load(std::memory_order_relaxed);
      return seen == 0 &&
             word_.compare_exchange_strong(seen, name | mark, std::memory_order_acquire);
    });
    if (taken) return Taken::free;
    if (seen == 0) continue;
    if (!alive(named(seen))) {
      if (take_over(word_, seen, deadline)) return Taken::from_the_dead;
      if (deadline.passed()) return Taken::not_in_time;
      continue;
    }
    if (deadline.passed()) return Taken::not_in_time;
    if ((seen & waiting) == 0 && !word_.compare_exchange_strong(seen, seen | waiting)) continue;
    mark = waiting;
    fail_point("arena.lock.before_sleep");
    futex_wait(word_, seen | waiting, deadline.at_most(nap(round)));
  }
}

void OwnerLock::leave_unmended() {
  const std::uint32_t before = word_.exchange(unmended_mark(), std::memory_order_release);
  if ((before & waiting) != 0) wake_next();
}

void OwnerLock::wake_next() { futex_wake(word_, 1); }

}  // namespace multiprocessing::detail
