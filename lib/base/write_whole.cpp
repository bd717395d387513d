#include "base/write_whole.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/deadline.hpp"
#include "base/pipe_signal.hpp"

namespace multiprocessing::detail {
namespace {

// A reader that stands still is not to keep the program standing still.
constexpr std::chrono::seconds longest_wait{1};

// Whether a write that failed is worth repeating.
bool can_go_on(int fd, int error, const Deadline& limit) noexcept {
  if (error == EINTR) return true;
  if (error != EAGAIN) return false;
  // The terminal or pipe was made non-blocking; half a line is worse than a short wait.
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  const auto left = limit.left_as_timespec();
  const int found = ::ppoll(&room, 1, left ? &*left : nullptr, nullptr);
  return found > 0 || (found < 0 && errno == EINTR && !limit.passed());
}

}  // namespace

void write_whole(int fd, std::string_view text) noexcept {
  const int error_before = errno;
  const PipeSignalHeld held;
  const Deadline limit{longest_wait};
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    const int error = errno;
    if (error == EPIPE) held.take_away();
    if (!can_go_on(fd, error, limit)) break;
  }
  errno = error_before;
}

}  // namespace multiprocessing::detail
