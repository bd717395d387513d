#include "pool/worker_signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace multiprocessing::detail {
namespace {

pid_t worker = 0;

void die_of(int number) {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  (void)sigaction(number, &by_default, nullptr);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, number);
  (void)raise(number);
  (void)pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

/// Unlike one that is ignored, a signal with a handler is at default in a program that is executed.
void outlive(int number, siginfo_t* info, void*) {
  const int error = errno;
  const bool from_itself = info->si_code <= 0 && info->si_pid == getpid();
  if (getpid() != worker || from_itself) die_of(number);
  errno = error;
}

}  // namespace

void leave_interrupts_to_the_pool() {
  struct sigaction now {};
  if (sigaction(SIGINT, nullptr, &now) != 0) return;
  // A program that ignores it, or keeps its handlers in children, has decided already.
  if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL) return;
  worker = getpid();
  struct sigaction outliving {};
  outliving.sa_sigaction = outlive;
  outliving.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&outliving.sa_mask);
  (void)sigaction(SIGINT, &outliving, nullptr);
}

}  // namespace multiprocessing::detail
