// Machine: the figures of the machine as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "monitor/baseline.hpp"
#include "multiprocessing/monitor/stats.hpp"

struct stat_info;
struct meminfo_info;

namespace multiprocessing::detail {

/// Processor time of the whole and of each processor, by number; -1 stands for the whole.
struct ProcessorTicks {
  int processor;
  std::uint64_t busy, total;
};

class Machine {
 public:
  explicit Machine(std::vector<std::string> disks);

  /// Whether the next figures are the first, over no time at all.
  [[nodiscard]] bool first() const { return ticks_.empty(); }
  /// All but what concerns the control group. Throws OSError.
  [[nodiscard]] SystemStats read();

  /// Seconds since 1970 when the machine started. Throws OSError.
  [[nodiscard]] std::uint64_t started();

 private:
  struct Release {
    void operator()(stat_info* info) const;
    void operator()(meminfo_info* info) const;
  };
  void add_processors(SystemStats& stats);
  [[nodiscard]] std::vector<ProcessorTicks> processors();
  [[nodiscard]] double memory_percent();

  std::vector<std::string> disks_;
  std::unique_ptr<stat_info, Release> stat_;
  std::unique_ptr<meminfo_info, Release> memory_;
  Baseline<std::vector<ProcessorTicks>> ticks_;
};

}  // namespace multiprocessing::detail
