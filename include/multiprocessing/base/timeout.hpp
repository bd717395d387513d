// Timeout: how long a call may wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

// Qt's headers make a macro of this name, which must not reach the class.
#pragma push_macro("forever")
#undef forever

namespace multiprocessing {

/// How long a call may wait, made from any `std::chrono` duration; Python's `timeout=`.
///
/// Calls without a time-out wait for ever. Zero or a negative length means now: one look, no sleep.
/// Sleeps end some 50 microseconds late, as the kernel has it. A length that does not fit saturates
/// to `forever` instead of overflowing, so `std::chrono::hours::max()` and
/// `std::chrono::duration<double>{1e300}` are safe. Times follow the monotonic clock: setting the
/// wall clock neither shortens nor lengthens them.
class Timeout {
 public:
  // Implicit, so that `acquire(1s)` reads as Python's `acquire(timeout=1)`.
  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> length)
      : nanoseconds_(in_nanoseconds(length)) {}

  /// Waits without end, as Python's `timeout=None`.
  static const Timeout forever;
  /// The same where a macro hides `forever`, as with Qt's headers.
  static const Timeout infinite;

  /// Whether it is `forever`, or saturated to that: 292 years and more.
  [[nodiscard]] constexpr bool is_forever() const { return nanoseconds_ == unlimited; }

  /// The length, never negative; `std::chrono::nanoseconds::max()` when it is `forever`.
  [[nodiscard]] constexpr std::chrono::nanoseconds length() const {
    return std::chrono::nanoseconds{nanoseconds_};
  }

  friend constexpr bool operator==(Timeout, Timeout) = default;

 private:
  static constexpr std::int64_t unlimited = (std::numeric_limits<std::int64_t>::max)();

  template <class Rep, class Period>
  static constexpr std::int64_t in_nanoseconds(std::chrono::duration<Rep, Period> length) {
    using Factor = std::ratio_divide<Period, std::nano>;
    const long double exact = static_cast<long double>(length.count()) *
                              static_cast<long double>(Factor::num) /
                              static_cast<long double>(Factor::den);
    if (!(exact > 0)) return 0;  // negative, zero and not-a-number
    if (exact >= static_cast<long double>(unlimited)) return unlimited;
    const auto whole = static_cast<std::int64_t>(exact);
    return whole == 0 ? 1 : whole;  // shorter than a nanosecond is still a wait
  }

  std::int64_t nanoseconds_;
};

inline constexpr Timeout Timeout::forever{(std::chrono::nanoseconds::max)()};
inline constexpr Timeout Timeout::infinite{(std::chrono::nanoseconds::max)()};

}  // namespace multiprocessing

#pragma pop_macro("forever")
