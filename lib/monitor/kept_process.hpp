// KeptProcess: a process of the family, seen through a descriptor that stays open.
#pragma once

#include <optional>

#include "base/unique_fd.hpp"
#include "monitor/process_line.hpp"
#include "multiprocessing/process/process_handle.hpp"

namespace multiprocessing::detail {

/// The descriptor belongs to the process, not to its id: when another one has that id, reading says
/// that there is no such process.
class KeptProcess {
 public:
  /// Throws OSError when no more descriptors may be open, and ValueError for a handle of none.
  explicit KeptProcess(const ProcessHandle& process);

  /// None when it has ended. One system call.
  [[nodiscard]] std::optional<ProcessLine> read();

 private:
  UniqueFd file_;
};

}  // namespace multiprocessing::detail
