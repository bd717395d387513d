// What cpu_count() is made of, for tests on a made-up machine.
#pragma once

#include <filesystem>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The smaller of `affinity` and the quota of the cgroups that `root`/proc/self and `root`/sys
/// show, rounded up, at least 1. What cannot be read or understood there sets no limit.
[[nodiscard]] MULTIPROCESSING_API int cpu_count_from(const std::filesystem::path& root,
                                                     int affinity);

}  // namespace multiprocessing::detail
