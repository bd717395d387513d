// How long a worker has had work.
#pragma once

#include <cstdint>

#include "pool/board.hpp"

namespace multiprocessing::detail {

/// The clock is read when a worker that had no work gets some, and when it finds no more; not for
/// each task. Only the worker writes.
class SeatClock {
 public:
  static void has_work(SeatRecord& seat) {
    if (seat.busy_since.load(std::memory_order_relaxed) == 0) seat.busy_since.store(now());
  }
  static void has_none(SeatRecord& seat) {
    const std::int64_t since = seat.busy_since.load(std::memory_order_relaxed);
    if (since == 0) return;
    seat.busy_since.store(0);
    seat.busy.store(seat.busy.load(std::memory_order_relaxed) + now() - since);
  }
  [[nodiscard]] static double busy_seconds(const SeatRecord& seat);

 private:
  [[nodiscard]] static std::int64_t now();  // in nanoseconds, never 0
};

}  // namespace multiprocessing::detail
