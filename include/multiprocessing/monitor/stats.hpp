// What the module `monitor` tells of the machine, its processes and its network interfaces.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace multiprocessing {

/// The machine: of the host, also inside a container that sees the host's figures.
struct SystemStats {
  /// Of all processors together, 0 to 100, and of each, in the order of their numbers.
  double cpu_percent = 0;
  std::vector<double> cpu_percent_each = {};
  /// What is not available for new processes, as `free` and psutil have it; 0 to 100.
  double memory_percent = 0;
  /// Per path of `SamplerOptions::disks`, of what users other than root may fill; 0 to 100.
  std::map<std::string, double> disk_percent = {};
  /// Mean number of processes that ran or waited for a disk, over 1, 5 and 15 minutes.
  std::array<double, 3> load = {};
  /// Those that this process may see.
  std::size_t process_count = 0;
  /// The same of the share that this process's control group has; none where it has no limit.
  std::optional<double> cgroup_cpu_percent = {}, cgroup_memory_percent = {};
};

/// `started` is told by `ProcessMonitor::watch` alone, and `ended` by it and of handles.
enum class ProcessState { started, running, sleeping, stopped, zombie, ended };

struct ProcessInfo {
  pid_t pid = 0, parent = 0;
  /// As `ps` and `top` show it, up to 15 bytes (more for threads of the kernel). Control characters
  /// and what is no UTF-8 come as `?`, so that a name does no harm on a terminal.
  std::string name = {};
  ProcessState state = ProcessState::running;
  /// Of one processor, so that a process with threads may have more than 100.
  double cpu_percent = 0;
  /// What it has in memory, shared memory included, of the machine's; 0 to 100.
  double memory_percent = 0;
  int threads = 0;
  std::chrono::system_clock::time_point start_time = {};
};

/// Counted since the interface came up; an interface that comes anew begins at 0.
struct InterfaceInfo {
  std::uint64_t bytes_sent = 0, bytes_recv = 0, packets_sent = 0, packets_recv = 0;
  std::uint64_t errors = 0, drops = 0;
};

/// The interfaces of this process's network namespace.
struct NetworkInfo {
  InterfaceInfo sum = {};
  std::map<std::string, InterfaceInfo> interfaces = {};
};

}  // namespace multiprocessing
