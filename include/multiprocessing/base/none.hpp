// None: nothing, where a value has to be.
#pragma once

namespace multiprocessing {

/// The type of `mp::None`: Python's `None` in an `Object`, and what `imap` gives for a function
/// that gives nothing.
struct None_t {
  friend constexpr bool operator==(None_t, None_t) noexcept { return true; }
};
#ifndef None  // Xlib's macro; a program behind it writes None_t{}
inline constexpr None_t None{};
#endif

}  // namespace multiprocessing
