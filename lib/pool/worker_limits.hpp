// When a worker leaves although the pool goes on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/deadline.hpp"
#include "pool/board.hpp"

namespace multiprocessing::detail {

/// A worker's own account; for its one thread.
class WorkerAccount {
 public:
  WorkerAccount(const Board& board, SeatRecord& seat, std::size_t index);

  /// Throws ValueError when this process, which has done nothing yet, is beyond a limit.
  void check_fresh() const;

  /// It has one more task in hand: if that is the last one, its successor may start meanwhile.
  void begin_task() {
    if (limits_.tasks != 0 && tasks_ + 1 >= limits_.tasks) ask_for_successor();
  }

  /// It has done one more task.
  void count_task() {
    if (tasks_++ == 0) seat_.finished.store(1, std::memory_order_relaxed);
    idle_since_.reset();
  }

  /// Whether it is to do no more. With its number of tasks it is done when it has done them; beyond
  /// a limit of age or memory it goes on until its successor is ready.
  [[nodiscard]] bool spent() {
    if (seat_.leaving.load(std::memory_order_relaxed) != 0) return true;
    if (limits_.tasks != 0 && tasks_ >= limits_.tasks) return true;
    return bounded_ && beyond();
  }

  /// There is nothing to do: until when it may sleep.
  [[nodiscard]] Deadline awake_by();

  /// Whether there was nothing to do for so long that it leaves; then the seat says so.
  [[nodiscard]] bool idle_for_too_long();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool beyond();
  [[nodiscard]] bool is_too_old() const;
  [[nodiscard]] bool is_too_large();
  void ask_for_successor();

  const Board& board_;
  const WorkerLimits& limits_;
  SeatRecord& seat_;
  const std::uint64_t idle_;  // for how long it may be; 0: for ever
  const bool bounded_;        // by age or memory
  const Clock::time_point born_ = Clock::now();
  std::uint32_t tasks_ = 0;
  std::uint32_t measured_ = 0;  // after how many tasks its memory was
  bool asked_ = false;          // for its successor
  std::optional<Clock::time_point> idle_since_;
};

}  // namespace multiprocessing::detail
