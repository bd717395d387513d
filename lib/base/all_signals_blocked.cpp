#include "base/all_signals_blocked.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace multiprocessing::detail {
namespace {

constexpr int first_of_c_library = 32;  // its own are from here up to SIGRTMIN

SignalBits all_but_of_libraries() noexcept {
  SignalBits signals = ~(SignalBits{1} << (SIGSYS - 1));
  for (int number = first_of_c_library; number < SIGRTMIN; ++number)
    signals &= ~(SignalBits{1} << (number - 1));
  return signals;
}

}  // namespace

// By the kernel's call: the C library's leaves its own signals out.
AllSignalsBlocked::AllSignalsBlocked(Which which) noexcept {
  const SignalBits signals = which == even_of_libraries ? ~SignalBits{0} : all_but_of_libraries();
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, &signals, &before_, sizeof before_);
}

void AllSignalsBlocked::let_go() noexcept {
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_);
}

}  // namespace multiprocessing::detail
