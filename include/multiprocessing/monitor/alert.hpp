// Alerts: what a ProcessMonitor calls when a number passes a threshold.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/process/process_handle.hpp"

namespace multiprocessing {

/// `disk_percent` is that of the fullest disk, `load` that of the last minute. Bytes are those of
/// all interfaces since the monitor looked for its first alert on bytes, which may be older than
/// this one; an interface that comes, goes or starts anew adds what it moves from then on.
enum class Metric {
  cpu_percent,
  memory_percent,
  disk_percent,
  load,
  process_count,
  bytes_sent,
  bytes_recv
};

/// What an alert looks at: a `Metric`, or any number that a callable gives. The callable is called
/// by a thread of the process that made the alert.
class Measure {
 public:
  Measure(Metric metric) : what_(metric) {}
  template <class F>
  requires std::convertible_to < std::invoke_result_t<F&>,
  double > Measure(F number)
      : what_(std::function<double()>{
            [number = std::move(number)]() mutable { return static_cast<double>(number()); }}) {}

  [[nodiscard]] const std::variant<Metric, std::function<double()>>& what() const { return what_; }

 private:
  std::variant<Metric, std::function<double()>> what_;
};

/// At least one of `above`, `below` and `rising_by` is needed.
///
///     monitor.alert({.what = mp::Metric::memory_percent, .above = 90, .until_below = 80,
///                    .lasting = 5s}, callback);
struct AlertOptions {
  Measure what;
  /// Fires above the one, and is over below the other; without the other: not above the one.
  std::optional<double> above = {}, until_below = {};
  /// The reverse.
  std::optional<double> below = {}, until_above = {};
  /// Fires when the number has risen by so much within `per`. Where samples are further apart than
  /// that, what it rose by between two is taken in proportion. A counter that starts anew or wraps
  /// counts as risen from there.
  std::optional<double> rising_by = {};
  Timeout per = std::chrono::seconds{1};
  /// Pending until it has lasted so long.
  Timeout lasting = std::chrono::nanoseconds{0};
  /// `cpu_percent` or `memory_percent` of that process, not of the machine.
  std::optional<ProcessHandle> process = {};
};

/// `over`: it has fired and does so no more.
enum class AlertState { ok, pending, firing, over };

/// One change. `value` is the number, for `rising_by` what it rose by.
struct AlertChange {
  AlertState state;
  double value;
  std::chrono::system_clock::time_point when;
};

namespace detail {
class AlertBody;
}

/// An alert that was made; its copies are the same one. It goes on without this object, until the
/// monitor is destroyed. Any thread may use it, callbacks as well.
class MULTIPROCESSING_API Alert {
 public:
  /// Throws what the last look at the number threw, so that an alert that sees nothing does not
  /// pass for one that is fine.
  [[nodiscard]] AlertState state() const;

  /// No call of the callback begins after this has returned. Repeatable.
  void cancel() const;

  explicit Alert(std::shared_ptr<detail::AlertBody> body) : body_(std::move(body)) {}

 private:
  std::shared_ptr<detail::AlertBody> body_;
};

}  // namespace multiprocessing
