// Baseline: the earlier value that a counter is compared with.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

namespace multiprocessing::detail {

using Moment = std::chrono::steady_clock::time_point;

/// The kernel counts processor time in steps of 10 ms, so that less than this tells nothing.
inline constexpr std::chrono::milliseconds shortest_span{100};

template <class T>
class Baseline {
 public:
  struct Point {
    Moment when;
    T value;
  };

  Baseline() = default;
  /// Of something that began with a value that is known.
  Baseline(Moment when, T value) : older_(Point{when, value}), newer_(older_) {}

  [[nodiscard]] bool empty() const { return !newer_; }

  /// The value before this one, by `shortest_span` or more; the first one gets itself. The new
  /// value is kept when it is as far from the last that was.
  const Point& step(Moment now, const T& value) {
    if (!newer_) older_ = newer_ = Point{now, value};
    if (now - newer_->when >= shortest_span) older_ = std::exchange(newer_, Point{now, value});
    return *older_;
  }

 private:
  std::optional<Point> older_, newer_;
};

}  // namespace multiprocessing::detail
