// The name of this process as log lines show it.
#pragma once

#include <string>

#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// "MainProcess" until the module `process` says otherwise. Safe in a forked child.
MULTIPROCESSING_API void set_process_name(const std::string& name);
[[nodiscard]] MULTIPROCESSING_API std::string process_name();

/// What a child takes over from its parent's logger.
struct LoggingState {
  LogLevel level = LogLevel::notset;
  bool to_stderr = false;
};
[[nodiscard]] MULTIPROCESSING_API LoggingState logging_state();
MULTIPROCESSING_API void adopt_logging_state(const LoggingState& state);

}  // namespace multiprocessing::detail
