// The package's logger, as Python's multiprocessing.get_logger().
#pragma once

#include <string_view>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Python's levels and their numbers, with the two that multiprocessing adds: `subdebug` and
/// `subwarning`. This library says at `info` that a child begins and ends, and at `warning` what
/// went wrong and fails no call.
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

/// A place in a program's source, filled in by the compiler where it is a default argument. Not
/// std::source_location, which clang 14 does not have.
struct Where {
  const char* file_name;
  unsigned line;

  [[nodiscard]] static constexpr Where current(const char* file_name = __builtin_FILE(),
                                               unsigned line = __builtin_LINE()) {
    return {file_name, line};
  }
};

/// One line on its way to the log, for handlers of the program's own. Valid during the call.
struct LogRecord {
  LogLevel level;
  std::string_view text;
  std::string_view process_name;
  Where where;  // the call that logged
};

/// The package's logger. There is one; get it from `get_logger()`.
///
/// Lines are written whole, by one write each, so those of several processes do not mix. May be
/// used by any thread, and by a child that was forked at any moment. Level and output are handed to
/// children under every start method.
///
/// A call below the level costs one load; a line costs one system call. What cannot be written is
/// dropped without an error.
class MULTIPROCESSING_API Logger {
 public:
  /// Lines below this level are dropped. `notset`: Python's root default, warnings and above.
  void set_level(LogLevel level);
  /// As it was set; `notset` until then.
  [[nodiscard]] LogLevel level() const;

  /// Has each record that the level allows handed to `handler` as well, in the thread that logs and
  /// maybe by several at once; null ends that. Like Python's handlers it reaches only children of
  /// fork: those of other methods begin without what the program set while it ran.
  void set_handler(void (*handler)(const LogRecord& record));

  /// Writes one line if the level allows and an output was added by `log_to_stderr()`. The text is
  /// not formatted: use std::format or a stream before, where the level is worth it.
  void log(LogLevel level, std::string_view text, const Where& where = Where::current());

  // One for each level, as Python's logger has; the place of the call comes along by itself.
  void subdebug(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::subdebug, text, where);
  }
  void debug(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::debug, text, where);
  }
  void info(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::info, text, where);
  }
  void subwarning(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::subwarning, text, where);
  }
  void warning(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::warning, text, where);
  }
  void error(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::error, text, where);
  }
  void critical(std::string_view text, const Where& where = Where::current()) {
    log(LogLevel::critical, text, where);
  }

  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

 private:
  friend MULTIPROCESSING_API Logger& get_logger();
  Logger() = default;
};

/// The logger of this library and of programs that like to share it; Python's
/// `multiprocessing.get_logger()`. Silent until `log_to_stderr()` is called.
MULTIPROCESSING_API Logger& get_logger();

/// Writes the log to standard error, here and in children started from now on, as
/// `[INFO/Process-1] text`. Unlike in Python a second call does not write every line twice.
MULTIPROCESSING_API Logger& log_to_stderr();

/// The same, and sets the level.
MULTIPROCESSING_API Logger& log_to_stderr(LogLevel level);

}  // namespace multiprocessing
