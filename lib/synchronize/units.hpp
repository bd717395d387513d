// Units: what a semaphore counts.
#pragma once

#include <cstdint>

#include "synchronize/lock_core.hpp"

namespace multiprocessing::detail {

inline constexpr std::uint32_t most_units = 0x7fff'ffff;
inline constexpr int most_booked_units = 65536;

/// The fast paths of the kinds that count. False: take the functions below.
[[nodiscard]] inline bool take_counted_at_once(LockCore& core) {
  std::uint32_t seen = core.word.load(std::memory_order_relaxed);
  if ((seen & most_units) == 0 ||
      !core.word.compare_exchange_strong(seen, seen - 1, std::memory_order_acquire))
    return false;
  fail_point("synchronize.semaphore.taken");
  return true;
}
[[nodiscard]] inline bool return_counted_at_once(LockCore& core) {
  std::uint32_t seen = core.word.load(std::memory_order_relaxed);
  if (seen >= core.most ||  // also when a waiter sleeps: its bit is above all units
      !core.word.compare_exchange_strong(seen, seen + 1, std::memory_order_release))
    return false;
  fail_point("synchronize.semaphore.returned");
  return true;
}

/// Takes a free unit.
[[nodiscard]] bool try_take_unit(LockCore& core);

/// For a semaphore with a ledger; whether a dead process had one.
[[nodiscard]] bool return_units_of_dead(LockCore& core);

/// False when the deadline passed before.
[[nodiscard]] bool take_unit(LockCore& core, const Deadline& deadline);

/// Throws ValueError when there are as many as there may be.
void return_unit(LockCore& core);

[[nodiscard]] std::uint32_t free_units(LockCore& core);

}  // namespace multiprocessing::detail
