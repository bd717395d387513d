// AlertRule: when an alert fires, as a function of samples and their times.
#pragma once

#include <chrono>
#include <optional>

#include "monitor/baseline.hpp"
#include "monitor/rise.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/monitor/alert.hpp"

namespace multiprocessing::detail {

/// Keeps no clock, and memory that does not grow.
class MULTIPROCESSING_API AlertRule {
 public:
  struct Change {
    AlertState state;
    double value;
  };

  /// Throws ValueError for options that make no sense.
  explicit AlertRule(const AlertOptions& options);

  /// One sample, not earlier than the one before. Not-a-number tells nothing.
  std::optional<Change> sample(Moment now, double number);
  /// What the number was of is there no more.
  std::optional<Change> end();

  [[nodiscard]] AlertState state() const { return state_; }

 private:
  [[nodiscard]] bool fires(double number, double risen) const;
  [[nodiscard]] bool is_over(double number, double risen) const;
  std::optional<Change> become(AlertState state, double value);

  std::optional<double> above_, until_below_, below_, until_above_, rising_by_;
  std::chrono::nanoseconds lasting_;
  Rise rise_;
  AlertState state_ = AlertState::ok;
  Moment pending_since_ = {};
  double last_value_ = 0;
};

}  // namespace multiprocessing::detail
