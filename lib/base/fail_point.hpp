// Fail points: named places at which a test or a user can have the process killed, stopped or
// failed, to show that other processes go on.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Kills this process with SIGKILL when it comes by the `nth` time (counted from 1) at the point
/// `name`. One point is armed at a time; inherited by fork, not by spawn. An empty name disarms.
/// Throws ValueError when `nth` is 0. Any thread may arm while others come by.
MULTIPROCESSING_API void arm_fail_point(std::string_view name, unsigned nth = 1);

/// Fails instead of kills: the point's expression throws std::bad_alloc. For paths that must be
/// shown to survive an error half-way.
MULTIPROCESSING_API void arm_fail_point_throw(std::string_view name, unsigned nth = 1);

/// Stops the process instead, as SIGSTOP does, so that a test can have others come in between; when
/// it is continued the point `then` kills it, unless that is empty.
MULTIPROCESSING_API void arm_fail_point_stop(std::string_view name, std::string_view then = {});

/// Notes from now on which points this process comes by, and how often; `true` forgets what was
/// noted before. A forked child goes on with a copy of its own.
MULTIPROCESSING_API void count_fail_points(bool on);
[[nodiscard]] MULTIPROCESSING_API std::vector<std::string> fail_points_seen();
[[nodiscard]] MULTIPROCESSING_API unsigned fail_point_passes(std::string_view name);

MULTIPROCESSING_API extern std::atomic<bool> fail_points_armed;
MULTIPROCESSING_API void pass_fail_point(const char* name);

/// Costs one relaxed load while nothing is armed. `name` is a string literal: it is kept.
/// May be passed in a signal handler and in a child forked at any moment.
inline void fail_point(const char* name) {
  if (fail_points_armed.load(std::memory_order_relaxed)) [[unlikely]]
    pass_fail_point(name);
}

/// For code that is compiled twice: with its fail points, and without them for the fastest path, in
/// which the calls for an armed point would cost registers. The caller asks `fail_points_armed` to
/// choose.
struct WithFailPoints {
  static void fail_point(const char* name) { detail::fail_point(name); }
};
struct WithoutFailPoints {
  static void fail_point(const char*) {}
};

}  // namespace multiprocessing::detail
