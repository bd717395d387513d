#include "monitor/rise.hpp"

#include <algorithm>

namespace multiprocessing::detail {

double Rise::step(Moment now, double number) {
  while (!lowest_.empty() && now - lowest_.front().when > span_) lowest_.pop_front();
  double risen = 0;
  if (!lowest_.empty()) {
    risen = std::max(0.0, number - lowest_.front().number);
  } else if (last_ && number > last_->number) {
    using Seconds = std::chrono::duration<double>;
    risen = (number - last_->number) * (Seconds{span_} / Seconds{now - last_->when});
  }
  last_ = Point{now, number};
  while (!lowest_.empty() && lowest_.back().number >= number) lowest_.pop_back();
  if (lowest_.empty() || now - lowest_.back().when >= span_ / most)
    lowest_.push_back({now, number});
  return risen;
}

}  // namespace multiprocessing::detail
