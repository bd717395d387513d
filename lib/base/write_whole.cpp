#include "base/write_whole.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace multiprocessing::detail {
namespace {

// A write to a pipe without readers raises SIGPIPE in the writing thread. It is held back here and,
// if this write raised it, taken away; one that was pending before is not ours to take.
class PipeSignalHeld {
 public:
  PipeSignalHeld() noexcept {
    sigemptyset(&pipe_signal_);
    sigaddset(&pipe_signal_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_signal_, &before_);
  }
  ~PipeSignalHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  PipeSignalHeld(const PipeSignalHeld&) = delete;
  PipeSignalHeld& operator=(const PipeSignalHeld&) = delete;

  void take_away() const noexcept {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_signal_, nullptr, &at_once);
  }

 private:
  sigset_t pipe_signal_;
  sigset_t before_;
  bool was_pending_;
};

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
