#include "monitor/alert_rule.hpp"

#include <cmath>

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

void check(const AlertOptions& options) {
  if (!options.above && !options.below && !options.rising_by)
    throw ValueError("an alert needs a threshold: above, below or rising_by");
  if (options.until_below && !options.above)
    throw ValueError("until_below of an alert goes with above, which is missing");
  if (options.until_above && !options.below)
    throw ValueError("until_above of an alert goes with below, which is missing");
  if (options.until_below && *options.until_below > *options.above)
    throw ValueError("an alert that fires above a number is over below a smaller one");
  if (options.until_above && *options.until_above < *options.below)
    throw ValueError("an alert that fires below a number is over above a larger one");
  for (const auto& number : {options.above, options.below, options.rising_by})
    if (number && std::isnan(*number)) throw ValueError("a threshold of an alert is not a number");
  if (options.rising_by && *options.rising_by <= 0)
    throw ValueError("rising_by of an alert is above 0");
  if (options.rising_by && (options.per.is_forever() || options.per.length().count() == 0))
    throw ValueError("per of an alert is a length above 0");
  const auto* const metric = std::get_if<Metric>(&options.what.what());
  if (options.process && metric != nullptr && *metric != Metric::cpu_percent &&
      *metric != Metric::memory_percent)
    throw ValueError("an alert of a process looks at cpu_percent or memory_percent");
  if (options.process && metric == nullptr)
    throw ValueError("an alert that looks at a callable is of no process");
  if (options.process) (void)options.process->pid();
}

}  // namespace

AlertRule::AlertRule(const AlertOptions& options)
    : above_(options.above),
      until_below_(options.until_below),
      below_(options.below),
      until_above_(options.until_above),
      rising_by_(options.rising_by),
      lasting_(options.lasting.length()),
      rise_(options.per.length()) {
  check(options);
}

bool AlertRule::fires(double number, double risen) const {
  return (above_ && number > *above_) || (below_ && number < *below_) ||
         (rising_by_ && risen >= *rising_by_);
}

bool AlertRule::is_over(double number, double risen) const {
  if (fires(number, risen)) return false;
  return (!until_below_ || number < *until_below_) && (!until_above_ || number > *until_above_);
}

std::optional<AlertRule::Change> AlertRule::become(AlertState state, double value) {
  state_ = state;
  return Change{state, value};
}

std::optional<AlertRule::Change> AlertRule::sample(Moment now, double number) {
  if (std::isnan(number)) return std::nullopt;
  const double risen = rising_by_ ? rise_.step(now, number) : 0;
  const double value = above_ || below_ ? number : risen;
  last_value_ = value;
  if (state_ == AlertState::firing)
    return is_over(number, risen) ? become(AlertState::over, value) : std::nullopt;
  if (!fires(number, risen))
    return state_ == AlertState::pending ? become(AlertState::ok, value) : std::nullopt;
  const bool was_pending = state_ == AlertState::pending;
  if (!was_pending) pending_since_ = now;
  if (now - pending_since_ >= lasting_) return become(AlertState::firing, value);
  return was_pending ? std::nullopt : become(AlertState::pending, value);
}

std::optional<AlertRule::Change> AlertRule::end() {
  if (state_ == AlertState::firing) return become(AlertState::over, last_value_);
  if (state_ == AlertState::pending) return become(AlertState::ok, last_value_);
  return std::nullopt;
}

}  // namespace multiprocessing::detail
