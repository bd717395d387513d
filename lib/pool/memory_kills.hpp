// MemoryKills: whether the kernel has been killing processes for want of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The counter of such kills in this process's memory group (`oom_kill` in memory.events, or in
/// memory.oom_control where groups are of version 1); of the whole machine where it is in none.
class MemoryKills {
 public:
  MemoryKills();

  /// For a process that was killed by SIGKILL: what to add to the report of that, when the counter
  /// has risen since it was looked at last, or has risen by more than was told. Else nothing.
  [[nodiscard]] std::string told();

 private:
  std::string file_;
  std::optional<std::uint64_t> seen_;  // nothing: there is no such file
  std::uint64_t untold_ = 0;
};

/// For tests: pools that are made from now on read that file; none for the empty name.
MULTIPROCESSING_API void set_memory_kills_file(std::string path);

}  // namespace multiprocessing::detail
