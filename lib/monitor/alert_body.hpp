// AlertBody: what the copies of an Alert share with the thread that looks.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "monitor/alert_rule.hpp"
#include "multiprocessing/monitor/alert.hpp"

namespace multiprocessing::detail {

class MULTIPROCESSING_API AlertBody {
 public:
  /// Throws ValueError.
  AlertBody(AlertOptions options, std::function<void(const AlertChange&)> callback);

  [[nodiscard]] const AlertOptions& options() const { return options_; }

  // By the thread that looks.
  void sample(Moment now, double number);
  void fail(std::exception_ptr why);
  /// The process it is about has ended.
  void end();

  // By any.
  [[nodiscard]] AlertState state() const;
  void cancel();
  [[nodiscard]] bool cancelled() const;

 private:
  void tell(std::optional<AlertRule::Change> change);

  const AlertOptions options_;
  const std::function<void(const AlertChange&)> callback_;
  AlertRule rule_;

  // Held over each call of the callback, so that cancel() can wait for it, and be called by it.
  mutable std::recursive_mutex calling_;
  mutable std::mutex mutex_;  // of what follows
  AlertState state_ = AlertState::ok;
  std::exception_ptr failure_;
  bool cancelled_ = false;
};

/// Logs as a warning that `what` threw what is being handled.
void log_exception(const std::string& what);

}  // namespace multiprocessing::detail
