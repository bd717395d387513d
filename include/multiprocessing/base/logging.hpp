// The package's logger, as Python's multiprocessing.get_logger().
#pragma once

#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Python's levels, with the two that multiprocessing adds.
enum class LogLevel {
  notset = 0,
  subdebug = 5,
  debug = 10,
  info = 20,
  subwarning = 25,
  warning = 30,
  error = 40,
  critical = 50
};

/// The package's logger. There is one; get it from `get_logger()`.
///
/// Lines are written whole, by one write each, so those of several processes do not mix. May be
/// used by any thread, and by a child that was forked at any moment. Level and output are handed to
/// children under every start method.
class MULTIPROCESSING_API Logger {
 public:
  /// Lines below this level are dropped. `notset`: Python's root default, warnings and above.
  void set_level(LogLevel level);
  [[nodiscard]] LogLevel level() const;

  /// Writes one line if the level allows and an output was added by `log_to_stderr()`.
  void log(LogLevel level, std::string_view text);

  void subdebug(std::string_view text) { log(LogLevel::subdebug, text); }
  void debug(std::string_view text) { log(LogLevel::debug, text); }
  void info(std::string_view text) { log(LogLevel::info, text); }
  void subwarning(std::string_view text) { log(LogLevel::subwarning, text); }
  void warning(std::string_view text) { log(LogLevel::warning, text); }
  void error(std::string_view text) { log(LogLevel::error, text); }
  void critical(std::string_view text) { log(LogLevel::critical, text); }

  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

 private:
  friend MULTIPROCESSING_API Logger& get_logger();
  Logger() = default;
};

/// The logger of this library and of programs that like to share it. Silent until
/// `log_to_stderr()` is called.
MULTIPROCESSING_API Logger& get_logger();

/// Writes the log to standard error, here and in children started from now on, as
/// `[INFO/Process-1] text`. Unlike in Python a second call does not write every line twice.
MULTIPROCESSING_API Logger& log_to_stderr();

/// The same, and sets the level.
MULTIPROCESSING_API Logger& log_to_stderr(LogLevel level);

}  // namespace multiprocessing
