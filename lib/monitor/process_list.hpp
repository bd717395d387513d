// ProcessList: all processes of the machine, by libproc2.
#pragma once

#include <memory>
#include <vector>

#include "monitor/process_line.hpp"

struct pids_info;

namespace multiprocessing::detail {

/// Asks for fields of /proc/PID/stat alone: four system calls a process.
class ProcessList {
 public:
  /// Throws OSError.
  ProcessList();
  /// In the order of their ids. A process that ends meanwhile is left out. Throws OSError.
  [[nodiscard]] std::vector<ProcessLine> read();

 private:
  struct Release {
    void operator()(pids_info* info) const;
  };
  std::unique_ptr<pids_info, Release> info_;
};

}  // namespace multiprocessing::detail
