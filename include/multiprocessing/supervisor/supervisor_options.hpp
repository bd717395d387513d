// SupervisorOptions: what holds for all children of a supervisor.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/process/context.hpp"

namespace multiprocessing {

/// Which children are started again when one has died: that one; all; or that one and those that
/// were added after it.
enum class Strategy { one_for_one, one_for_all, rest_for_one };

/// What holds for all children of a supervisor.
struct SupervisorOptions {
  Strategy strategy = Strategy::one_for_one;

  /// More restarts than `intensity` within `period`, and the supervisor stops its children and ends
  /// with `RestartLimitExceeded`. 0: the first death ends it. A death that has all children
  /// restarted counts once, and restarts that were asked for do not count. Negative: `ValueError`.
  int intensity = 5;
  Timeout period = std::chrono::seconds{10};

  /// For all children together: what is left then is killed.
  Timeout stop_within = std::chrono::seconds{30};

  /// By which start method; none: that of the program.
  std::optional<Context> context = {};

  /// For log lines and errors; empty: `supervisor`.
  std::string name = {};
};

}  // namespace multiprocessing
