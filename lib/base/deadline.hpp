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

/// How long a call that has no time to wait gives the holder of an internal lock. A holder needs
/// microseconds, unless its process is stopped.
inline constexpr std::chrono::milliseconds turn_of_others{20};

/// A call's deadline, made when it is first asked for: most calls need not look at the clock.
class LazyDeadline {
 public:
  explicit LazyDeadline(Timeout timeout) : timeout_(timeout) {}

  [[nodiscard]] bool at_once() const { return timeout_ == Timeout{std::chrono::nanoseconds{0}}; }

  [[nodiscard]] const Deadline& get() {
    if (!made_) made_.emplace(timeout_);
    return *made_;
  }

  /// Until when to wait for an internal lock.
  [[nodiscard]] Deadline for_lock() { return at_once() ? Deadline{turn_of_others} : get(); }

 private:
  Timeout timeout_;
  std::optional<Deadline> made_;
};

}  // namespace multiprocessing::detail
