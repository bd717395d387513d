#include "multiprocessing/base/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/process_name.hpp"
#include "base/write_whole.hpp"

namespace multiprocessing {
namespace {

// Words that any thread and any forked child may read at any moment; there is no lock.
constinit std::atomic<LogLevel> threshold{LogLevel::notset};
constinit std::atomic<bool> writes_to_stderr{false};
constinit std::atomic<void (*)(const LogRecord&)> program_handler{nullptr};

// Python names these in upper case, and numbers the ones it does not know.
std::string name_of(LogLevel level) {
  switch (level) {
    case LogLevel::notset:
      return "NOTSET";
    case LogLevel::subdebug:
      return "SUBDEBUG";
    case LogLevel::debug:
      return "DEBUG";
    case LogLevel::info:
      return "INFO";
    case LogLevel::subwarning:
      return "SUBWARNING";
    case LogLevel::warning:
      return "WARNING";
    case LogLevel::error:
      return "ERROR";
    case LogLevel::critical:
      return "CRITICAL";
  }
  return "Level " + std::to_string(static_cast<int>(level));
}

// spdlog's own sinks keep a mutex while they write; a child forked meanwhile finds it locked for
// ever. This one has no state: the line is put together locally and leaves by one write.
class StderrSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    fmt::format_to(std::back_inserter(line), "[{}/{}] {}\n", message.logger_name,
                   detail::process_name(), message.payload);
    detail::write_whole(STDERR_FILENO, {line.data(), line.size()});
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

bool passes(LogLevel level) {
  const LogLevel asked = threshold.load(std::memory_order_relaxed);
  return level >= (asked == LogLevel::notset ? LogLevel::warning : asked);
}

void write_to_stderr(LogLevel level, std::string_view text) {
  // Made anew for each line, so that nothing is shared with a thread that a fork leaves behind. It
  // bears the name of the level, since spdlog has none for two of Python's.
  spdlog::logger logger{name_of(level), std::make_shared<StderrSink>()};
  logger.set_error_handler([](const std::string&) {});
  logger.log(spdlog::level::critical, spdlog::string_view_t{text.data(), text.size()});
}

}  // namespace

void Logger::set_level(LogLevel level) { threshold.store(level, std::memory_order_relaxed); }

LogLevel Logger::level() const { return threshold.load(std::memory_order_relaxed); }

void Logger::set_handler(void (*handler)(const LogRecord& record)) {
  program_handler.store(handler, std::memory_order_release);
}

void Logger::log(LogLevel level, std::string_view text, const Where& where) {
  if (!passes(level)) return;
  if (writes_to_stderr.load(std::memory_order_relaxed)) write_to_stderr(level, text);
  if (const auto handler = program_handler.load(std::memory_order_acquire))
    handler({level, text, detail::process_name(), where});
}

Logger& get_logger() {
  static constinit Logger logger;
  return logger;
}

Logger& log_to_stderr() {
  writes_to_stderr.store(true, std::memory_order_relaxed);
  return get_logger();
}

Logger& log_to_stderr(LogLevel level) {
  get_logger().set_level(level);
  return log_to_stderr();
}

}  // namespace multiprocessing

namespace multiprocessing::detail {

LoggingState logging_state() {
  return {.level = threshold.load(), .to_stderr = writes_to_stderr.load()};
}

void adopt_logging_state(const LoggingState& state) {
  threshold = state.level;
  writes_to_stderr = state.to_stderr;
}

}  // namespace multiprocessing::detail
