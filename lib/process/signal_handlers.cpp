#include "process/signal_handlers.hpp"

namespace multiprocessing::detail {

AllSignalsBlocked::AllSignalsBlocked() noexcept {
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGSYS);  // by which libpsx has all threads drop their capabilities
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

void AllSignalsBlocked::let_go() noexcept { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void drop_signal_handlers() noexcept {
  // By the C library's call, which leaves its own two signals alone.
  for (int number = 1; number < _NSIG; ++number) {
    struct sigaction action {};
    if (number == SIGSYS || sigaction(number, nullptr, &action) != 0) continue;
    const bool has_handler = (action.sa_flags & SA_SIGINFO) != 0 ||
                             (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
    if (!has_handler) continue;
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    (void)sigaction(number, &by_default, nullptr);
  }
}

}  // namespace multiprocessing::detail
