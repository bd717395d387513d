// What /proc says about the processes of a test: who descends from whom, and how to end them.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace test_support {

/// One process as /proc/PID/stat shows it.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
  std::string name;  // at most 15 characters, as the kernel keeps it
};

/// All processes that can be seen; empty without /proc.
[[nodiscard]] std::vector<ProcessInfo> all_processes();

/// The processes that descend from `ancestor`, itself not included. Parents come before children.
[[nodiscard]] std::vector<ProcessInfo> descendants_of(pid_t ancestor);

/// The processes whose environment at their start holds the entry `entry` ("NAME=value").
[[nodiscard]] std::vector<ProcessInfo> processes_with_environment(std::string_view entry);

/// "1234 (name) S parent 1200: command line".
[[nodiscard]] std::string describe(const ProcessInfo& process);

/// Kills the descendants of the calling process until none is left that can be killed; children
/// are reaped, so only for a process that owns no child it still wants to ask.
void kill_descendants();

}  // namespace test_support
