// History: the last samples, in memory that does not grow.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "multiprocessing/monitor/stats.hpp"

namespace multiprocessing::detail {

class History {
 public:
  explicit History(std::size_t most) : most_(most) {}

  void add(SystemStats stats) {
    if (samples_.size() < most_) {
      samples_.push_back(std::move(stats));
    } else if (most_ > 0) {
      samples_[oldest_] = std::move(stats);
      oldest_ = (oldest_ + 1) % most_;
    }
  }

  /// The oldest first.
  [[nodiscard]] std::vector<SystemStats> all() const {
    std::vector<SystemStats> result;
    result.reserve(samples_.size());
    for (std::size_t i = 0; i < samples_.size(); ++i)
      result.push_back(samples_[(oldest_ + i) % samples_.size()]);
    return result;
  }

 private:
  const std::size_t most_;
  std::size_t oldest_ = 0;
  std::vector<SystemStats> samples_;
};

}  // namespace multiprocessing::detail
