// Deadline: the moment on the monotonic clock when a whole call has to be over.
#pragma once

#include <ctime>

#include <chrono>
#include <optional>

#include "multiprocessing/base/timeout.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Made once at the start of a call from its Timeout, so that retries and interruptions do not
/// lengthen the wait.
class MULTIPROCESSING_API Deadline {
 public:
  explicit Deadline(Timeout timeout);

  [[nodiscard]] static Deadline never() { return Deadline{Timeout::forever}; }
  [[nodiscard]] bool is_never() const { return never_; }
  [[nodiscard]] bool passed() const;

  /// What is left, zero when it has passed; not to be asked of `never`.
  [[nodiscard]] std::chrono::nanoseconds left() const;

  /// The earlier of this and `slice` from now: for waits that look up now and then.
  [[nodiscard]] Deadline at_most(std::chrono::nanoseconds slice) const;

  /// For ppoll(2) and futex(2): what is left as a timespec, nothing for `never`.
  [[nodiscard]] std::optional<timespec> left_as_timespec() const;

 private:
  bool never_;
  std::chrono::steady_clock::time_point when_;
};

}  // namespace multiprocessing::detail
