#include "base/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

// Never FUTEX_PRIVATE_FLAG: the word may be in memory that other processes map elsewhere.
long futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* timeout) {
  static_assert(sizeof word == sizeof value && std::atomic<std::uint32_t>::is_always_lock_free);
  return ::syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

}  // namespace

Woken futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                 const Deadline& deadline) {
  const auto left = deadline.left_as_timespec();
  if (futex(word, FUTEX_WAIT, expected, left ? &*left : nullptr) == 0) return Woken::woken;
  switch (errno) {
    case EAGAIN:
      return Woken::changed;
    case EINTR:
      return Woken::interrupted;
    case ETIMEDOUT:
      return Woken::timed_out;
    default:
      throw_os_error("futex");
  }
}

int futex_wake(const std::atomic<std::uint32_t>& word, int count) {
  const auto woken = futex(word, FUTEX_WAKE, static_cast<std::uint32_t>(count), nullptr);
  // It fails only for a word that is no longer mapped, and no thread sleeps on that. No exception,
  // because waking is allowed in a signal handler.
  return woken < 0 ? 0 : static_cast<int>(woken);
}

int futex_wake_all(const std::atomic<std::uint32_t>& word) { return futex_wake(word, INT_MAX); }

}  // namespace multiprocessing::detail
