// Rise: by how much a number has risen lately.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include "monitor/baseline.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

class MULTIPROCESSING_API Rise {
 public:
  explicit Rise(std::chrono::nanoseconds span) : span_(span) {}

  /// The number less the smallest of the last `span`. When no sample is that young: what it rose by
  /// since the last one, in proportion; 0 when it fell.
  double step(Moment now, double number);

 private:
  struct Point {
    Moment when;
    double number;
  };
  // Those of the span that are smaller than all after them, so that the first is the smallest. At
  // most `most`: one that comes too soon after another is left to that.
  static constexpr int most = 1024;
  std::chrono::nanoseconds span_;
  std::deque<Point> lowest_;
  std::optional<Point> last_;
};

}  // namespace multiprocessing::detail
