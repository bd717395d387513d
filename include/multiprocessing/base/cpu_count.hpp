// cpu_count: how many processors this process may use.
#pragma once

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// How many processors this process may use, at least 1: the smaller of its affinity mask and the
/// quota of its cgroups (v1 and v2), rounded up. Python's `os.process_cpu_count()`, which is what
/// Python's pools use too; its `multiprocessing.cpu_count()` counts the whole machine.
///
/// Each call reads the affinity and some small files of /proc and of the cgroups, because they may
/// change while the program runs. What cannot be read sets no limit.
[[nodiscard]] MULTIPROCESSING_API int cpu_count();

}  // namespace multiprocessing
