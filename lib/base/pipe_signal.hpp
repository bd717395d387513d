// PipeSignalHeld: a write to a pipe without readers is an error of that write and no more.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <ctime>

namespace multiprocessing::detail {

/// Holds SIGPIPE back from this thread while it writes to what may be a pipe without readers, and
/// takes it away if that write raised it; one that was pending before is not ours to take.
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

}  // namespace multiprocessing::detail
