// TaskClock: when the task of a worker is to be over.
#pragma once

#include "pool/board.hpp"
#include "pool/task_limits.hpp"

namespace multiprocessing::detail {

class TaskClock {
 public:
  TaskClock(SeatRecord& seat, const TaskLimits& limits) : seat_(seat), limits_(limits) {}

  /// The task, or an element of it, begins. False when that is too late.
  bool start() {
    const Moment start = moment_now();
    seat_.until.store(limits_.end_after(start));
    return start < limits_.begin_by;
  }

 private:
  SeatRecord& seat_;
  const TaskLimits limits_;
};

}  // namespace multiprocessing::detail
