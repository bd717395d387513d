#include "base/write_whole.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/pipe_signal.hpp"

namespace multiprocessing::detail {
namespace {

// Whether a write that failed is worth repeating.
bool can_go_on(int fd, int error) noexcept {
  if (error == EINTR) return true;
  if (error != EAGAIN) return false;
  // Somebody made the terminal or pipe non-blocking; half a line is worse than a wait.
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&room, 1, -1) > 0 || errno == EINTR;
}

}  // namespace

void write_whole(int fd, std::string_view text) noexcept {
  const int error_before = errno;
  const PipeSignalHeld held;
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    const int error = errno;
    if (error == EPIPE) held.take_away();
    if (!can_go_on(fd, error)) break;
  }
  errno = error_before;
}

}  // namespace multiprocessing::detail
