// When a task is to be over.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/task.hpp"
#include "pool/task_record.hpp"

namespace multiprocessing::detail {

/// Nanoseconds on the monotonic clock, which all processes share.
using Moment = std::int64_t;
inline constexpr Moment no_moment = INT64_MAX;

/// Without a system call.
[[nodiscard]] inline Moment moment_now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}
[[nodiscard]] constexpr Moment later(Moment than, std::int64_t by) {
  return than > no_moment - by ? no_moment : than + by;
}
[[nodiscard]] inline Moment moment_after(Timeout timeout) {
  return later(moment_now(), timeout.length().count());
}

/// Lies behind the call of a task that has limits.
struct TaskLimits {
  Moment begin_by = no_moment;       // a task that has not begun by then never does
  Moment end_by = no_moment;         // then its worker is killed
  std::int64_t longest = no_moment;  // the same, counted from its start or that of an element

  [[nodiscard]] bool any() const { return begin_by != no_moment || longest != no_moment; }
  [[nodiscard]] Moment end_after(Moment start) const {
    return std::min(end_by, later(start, longest));
  }
};

/// Counted from now.
[[nodiscard]] TaskLimits limits_of(const TaskTerms& terms);

/// How often a task may be tried again, for whatever reason. Throws ValueError.
[[nodiscard]] std::uint32_t tries_again(const TaskTerms& terms);

/// What the watcher has to look at, and when.
struct LimitedTasks {
  struct Due {
    Moment at;
    TaskName name;
    friend bool operator>(const Due& a, const Due& b) { return a.at > b.at; }
  };
  std::priority_queue<Due, std::vector<Due>, std::greater<>> expiries;  // by when to have begun
  std::deque<TaskName> to_begin;      // those that are stopped some time after they begin
  std::int64_t shortest = no_moment;  // of these times
  std::vector<Due> requests;          // asked to stop, and by when to have ended
  Moment next_look = no_moment;       // of the watcher
  std::size_t swept = 0;              // how many of to_begin were left when it was swept

  /// A task that is queued. Throws bad_alloc.
  void add(TaskName name, const TaskLimits& limits);
};

}  // namespace multiprocessing::detail
