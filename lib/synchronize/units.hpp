// Units: what a semaphore counts.
#pragma once

#include <cstdint>

#include "synchronize/lock_core.hpp"

namespace multiprocessing::detail {

inline constexpr std::uint32_t most_units = 0x7fff'ffff;
inline constexpr int most_booked_units = 65536;

[[nodiscard]] bool try_take_unit(LockCore& core);

/// False when the deadline passed before.
[[nodiscard]] bool take_unit(LockCore& core, const Deadline& deadline);

/// Throws ValueError when there are as many as there may be.
void return_unit(LockCore& core);

[[nodiscard]] std::uint32_t free_units(LockCore& core);

}  // namespace multiprocessing::detail
