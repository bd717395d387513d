#include "base/deadline.hpp"

#include <algorithm>

namespace multiprocessing::detail {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

Deadline::Deadline(Timeout timeout)
    : never_(timeout.is_forever()), when_(steady_clock::time_point::max()) {
  if (never_) return;
  const auto now = steady_clock::now();
  // Beyond the clock's 292 years there is no difference to never.
  never_ = timeout.length() > steady_clock::time_point::max() - now;
  if (!never_) when_ = now + timeout.length();
}

bool Deadline::passed() const { return !never_ && steady_clock::now() >= when_; }

nanoseconds Deadline::left() const {
  return std::max<nanoseconds>(when_ - steady_clock::now(), nanoseconds::zero());
}

Deadline Deadline::at_most(nanoseconds slice) const {
  Deadline sooner{Timeout{slice}};
  return !sooner.never_ && sooner.when_ < when_ ? sooner : *this;
}

std::optional<timespec> Deadline::left_as_timespec() const {
  if (never_) return std::nullopt;
  const auto rest = left();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
  return timespec{.tv_sec = static_cast<time_t>(seconds.count()),
                  .tv_nsec = static_cast<long>((rest - seconds).count())};
}

}  // namespace multiprocessing::detail
