// A storm of signals that interrupts every slow system call.
#pragma once

#include <signal.h>
#include <sys/time.h>

#include <atomic>

namespace base_test {

/// SIGALRM a thousand times a second, handled without SA_RESTART, while it lives.
class SignalStorm {
 public:
  SignalStorm() {
    struct sigaction action {};
    count() = 0;
    action.sa_handler = [](int) { count().fetch_add(1, std::memory_order_relaxed); };
    sigaction(SIGALRM, &action, &before_);
    const itimerval thousand{.it_interval = {0, 1000}, .it_value = {0, 1000}};
    setitimer(ITIMER_REAL, &thousand, nullptr);
  }
  ~SignalStorm() {
    const itimerval none{};
    setitimer(ITIMER_REAL, &none, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;

  [[nodiscard]] int interruptions() const { return count(); }

  /// Leaves the signals to the other threads.
  static void keep_out() {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
  }

 private:
  static std::atomic<int>& count() {
    static constinit std::atomic<int> signals{0};
    return signals;
  }
  struct sigaction before_ {};
};

}  // namespace base_test
