#include "arena/owner_lock.hpp"

#include <chrono>

#include "arena/event_count.hpp"
#include "arena/identity.hpp"
#include "arena/settle.hpp"
#include "base/fail_point.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

/// Takes over a word that names a dead process. Its death is settled first, while the word still
/// names it, so that no link changes any more once the lock has a new holder. False when that takes
/// beyond the deadline, or another thread was faster.
bool take_over(std::atomic<std::uint32_t>& word, std::uint32_t seen, const Deadline& deadline) {
  fail_point("arena.lock.before_settling");
  if (!settle_fully(OwnerLock::named(seen), deadline)) return false;
  if (!word.compare_exchange_strong(seen, OwnerLock::own_name() | lock_waiting,
                                    std::memory_order_acquire))
    return false;
  fail_point("arena.lock.taken_over");
  return true;
}

}  // namespace

std::uint32_t OwnerLock::own_name() {
  if (identity() == nullptr || identity()->lock_name == 0) static_cast<void>(self());
  return identity()->lock_name;
}

Member OwnerLock::named(std::uint32_t word) {
  const std::uint32_t slot = word >> 1 & (slot_count - 1);
  if (slot == 0) return {};
  // The word has the low bits of a generation: it means the newest one given out that ends in them.
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
  Wait wait{back_off::inner_lock, "an internal lock"};
  for (;;) {
    const auto [how, seen] = wait_for_lock(word_, wait, deadline, "arena.lock.before_sleep");
    if (how != Taken::from_the_dead) return how;
    if (take_over(word_, seen, deadline)) return Taken::from_the_dead;
    if (deadline.passed()) return Taken::not_in_time;
  }
}

LockSeen wait_for_lock(std::atomic<std::uint32_t>& word, Wait& wait, const Deadline& deadline,
                       const char* before_sleep) {
  using Taken = OwnerLock::Taken;
  const std::uint32_t name = OwnerLock::own_name();
  std::uint32_t seen = 0;
  std::uint32_t mark = 0;  // set after a sleep: other threads may sleep, too
  for (;;) {
    const bool taken = wait.spin([&] {
      seen = word.load(std::memory_order_relaxed);
      return seen == 0 &&
             word.compare_exchange_strong(seen, name | mark, std::memory_order_acquire);
    });
    if (taken) return {Taken::free, 0};
    if (seen == 0) continue;
    // A process that was seen as holder may have released it, and then ended.
    if (!alive(OwnerLock::named(seen)) && word.load() == seen) return {Taken::from_the_dead, seen};
    if (deadline.passed()) return {Taken::not_in_time, seen};
    const std::uint32_t marked = seen | lock_waiting;
    if (seen != marked && !word.compare_exchange_strong(seen, marked)) continue;
    mark = lock_waiting;
    fail_point(before_sleep);
    wait.sleep(word, marked, deadline);
  }
}

void OwnerLock::leave_unmended() {
  const std::uint32_t before = word_.exchange(unmended_mark(), std::memory_order_release);
  if ((before & lock_waiting) != 0) wake_next();
}

void OwnerLock::wake_next() { (void)wake(word_, 1); }

}  // namespace multiprocessing::detail
