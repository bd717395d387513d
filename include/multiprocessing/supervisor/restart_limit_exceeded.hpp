// RestartLimitExceeded: a supervisor has given up.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// How a process of a supervisor's ended.
struct ChildExit {
  std::string name;
  pid_t pid = 0;
  int exitcode = 0;         // as `Process::exitcode()`
  std::string reason = {};  // "was killed by SIGSEGV", "did not beat within its watchdog"
  std::chrono::system_clock::time_point when = {};
};

/// A child died more often than its supervisor's `intensity` allows. The supervisor has stopped the
/// other children. The text has the last death.
class MULTIPROCESSING_API RestartLimitExceeded : public ProcessError {
 public:
  explicit RestartLimitExceeded(const std::string& what, std::string child = {},
                                std::vector<ChildExit> exits = {});
  ~RestartLimitExceeded() override;

  /// Which child it was.
  [[nodiscard]] const std::string& child() const noexcept { return told_->first; }

  /// The deaths that counted, in their order.
  [[nodiscard]] const std::vector<ChildExit>& exits() const noexcept { return told_->second; }

 private:
  // An exception may not throw when it is copied.
  std::shared_ptr<const std::pair<std::string, std::vector<ChildExit>>> told_;
};

}  // namespace multiprocessing
