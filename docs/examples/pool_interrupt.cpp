// A pool whose workers do not hear Ctrl-C, so that the program alone decides what it means.
#include <multiprocessing/pool.hpp>

#include <csignal>
#include <vector>

namespace mp = multiprocessing;

// [mask]
mp::Pool pool_deaf_to_interrupts(int workers) {
  sigset_t interrupt, before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, &before);
  mp::Pool pool(workers);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pool;
}
// [/mask]

int after_an_interrupt(int number) {
  raise(SIGINT);  // stays pending
  return number + 1;
}

int main() {
  mp::Pool pool = pool_deaf_to_interrupts(2);
  return pool.map(after_an_interrupt, {1, 2, 3}) == std::vector{2, 3, 4} ? 0 : 1;
}
