// How much memory this process may still take, as far as the kernel says beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Whether memory is set aside when it is taken, or comes when it is first touched.
enum class Backing { reserved, sparse };

/// What is in a large block that is taken; small ones hold what they held before.
enum class Contents { zeroed, any };

/// The tightest of the limits and what it leaves.
struct MemoryRoom {
  std::uint64_t bytes = ~std::uint64_t{0};
  std::string limit = "no limit";  // what sets it, with its figures, for a message
};

/// Asks the memory cgroups of this process (v1 and v2, all ancestors), MemAvailable, and under
/// strict overcommit the commit limit. What cannot be read or parsed does not limit. `root` stands
/// for "/" in tests.
[[nodiscard]] MULTIPROCESSING_API MemoryRoom memory_room(const std::filesystem::path& root = "/");

/// Throws OSError (ENOMEM), naming the limit and the figures, when taking `bytes` of fresh memory
/// would not leave room under the cgroup limits, MemAvailable and the overcommit limit. Asks the
/// kernel only once per few MiB.
void check_memory(std::size_t bytes);

/// For tests: the arena asks the files under `root` from now on, and at once.
MULTIPROCESSING_API void ask_limits_under(const std::filesystem::path& root);

}  // namespace multiprocessing::detail
