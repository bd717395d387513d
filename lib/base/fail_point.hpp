// Named places where a test or a user can have the process killed, to show that the others go on.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Kills this process with SIGKILL when it comes by the `nth` time (counted from 1) at the point
/// `name`. One point is armed at a time; inherited by fork, not by spawn. An empty name disarms.
MULTIPROCESSING_API void arm_fail_point(std::string_view name, unsigned nth = 1);

/// Fails instead of kills: the point's expression throws std::bad_alloc. For paths that must be
/// shown to survive an error half-way.
MULTIPROCESSING_API void arm_fail_point_throw(std::string_view name, unsigned nth = 1);

/// How often the process came by `name` since `count_fail_points(true)`; lists all names seen.
MULTIPROCESSING_API void count_fail_points(bool on);
[[nodiscard]] MULTIPROCESSING_API std::vector<std::string> fail_points_seen();

MULTIPROCESSING_API extern std::atomic<bool> fail_points_armed;
MULTIPROCESSING_API void pass_fail_point(const char* name);

/// Costs one relaxed load while nothing is armed.
inline void fail_point(const char* name) {
  if (fail_points_armed.load(std::memory_order_relaxed)) [[unlikely]]
    pass_fail_point(name);
}

}  // namespace multiprocessing::detail
