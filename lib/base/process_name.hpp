// The name of this process as log lines show it, and the one that the system shows.
#pragma once

#include <string>

#include "multiprocessing/base/logging.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// "MainProcess" until the module `process` says otherwise. Safe in a forked child.
MULTIPROCESSING_API void set_process_name(const std::string& name);
[[nodiscard]] MULTIPROCESSING_API std::string process_name();

/// What ps, top, pgrep and core dumps call this process, in up to 15 characters: the program's name
/// unless the program has chosen another one. It is that of the main thread, also when another
/// asks.
[[nodiscard]] MULTIPROCESSING_API std::string command_name();
/// For a child, in its main thread.
MULTIPROCESSING_API void set_command_name(const std::string& name);

/// What a child takes over from its parent's logger.
struct LoggingState {
  LogLevel level = LogLevel::notset;
  bool to_stderr = false;
};
[[nodiscard]] MULTIPROCESSING_API LoggingState logging_state();
MULTIPROCESSING_API void adopt_logging_state(const LoggingState& state);

}  // namespace multiprocessing::detail
