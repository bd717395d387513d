// Standstill: seeing that a helper does not answer because it is stopped or has ended.
#pragma once

#include <sys/types.h>

#include "base/deadline.hpp"

namespace multiprocessing::detail {

/// A process that is stopped is not dead, but it may stand still for ever. It is seen so at two
/// looks in a row, half a second apart: one that stopped together with this process has just gone
/// on.
class Standstill {
 public:
  /// Of none, for 0.
  explicit Standstill(pid_t pid);

  /// Asked again and again while the process does not answer. Takes the fork gate.
  [[nodiscard]] bool seen();

 private:
  const pid_t pid_;
  Deadline next_look_;
  bool stopped_ = false;
};

}  // namespace multiprocessing::detail
