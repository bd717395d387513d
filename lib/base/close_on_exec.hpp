// Setting close-on-exec on descriptors of which this library knows nothing, or closing them.
#pragma once

// For functions that run in a child which borrows its parent's memory: a sanitizer's book-keeping
// there would be written into the parent's, and its frames are never left. Clang's thread sanitizer
// obeys only the one attribute, its address sanitizer (up to clang 14) only the other.
#if defined(__clang__) && __has_attribute(disable_sanitizer_instrumentation)
#define MULTIPROCESSING_BORROWED_MEMORY              \
  __attribute__((disable_sanitizer_instrumentation)) \
  __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define MULTIPROCESSING_BORROWED_MEMORY \
  __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

namespace multiprocessing::detail {

/// Sets close-on-exec on all open descriptors from `first` on. Takes no lock and allocates nothing;
/// may be called in a child that borrows its parent's memory.
void set_close_on_exec_from(unsigned first) noexcept;

/// Closes them; the same holds.
void close_from(unsigned first) noexcept;

}  // namespace multiprocessing::detail
