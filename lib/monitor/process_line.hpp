// ProcessLine: what /proc/PID/stat tells of a process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/monitor/stats.hpp"

namespace multiprocessing::detail {

struct ProcessLine {
  pid_t pid = 0, parent = 0;
  std::string name = {};  // printable
  char state = '?';
  std::uint64_t ticks = 0;    // of processor time
  std::uint64_t started = 0;  // in ticks since the machine started
  std::uint64_t pages = 0;    // in memory
  int threads = 0;
};

/// None for what is not of its form. Names may hold anything: the last parenthesis ends them.
[[nodiscard]] MULTIPROCESSING_API std::optional<ProcessLine> parse_process_line(
    std::string_view line);

[[nodiscard]] ProcessState state_of(char letter);

}  // namespace multiprocessing::detail
