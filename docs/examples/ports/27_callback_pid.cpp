// Python original: a result is handed to a callback; process ids show that the task ran in a worker
// and the callback in the parent.
// Expected output: main pid = callback pid, another func pid, 100
// Checked: that, and that the callback has run before the result is ready.
#include <multiprocessing.hpp>

#include <iostream>
#include <tuple>
#include <utility>

#include <unistd.h>

namespace mp = multiprocessing;

std::pair<int, pid_t> func(int number) { return {number * number, getpid()}; }

int main() {
  std::cout << "main pid " << getpid() << '\n';
  mp::Pool pool(4);
  int square = 0;
  pid_t worker = 0, callback = 0;
  auto result = pool.apply_async({.callback =
                                      [&](const std::pair<int, pid_t>& outcome) {
                                        std::tie(square, worker) = outcome;
                                        callback = getpid();
                                      }},
                                 func, 10);
  result.wait();
  std::cout << "func pid " << worker << "\ncallback pid " << callback << '\n' << square << '\n';
  pool.close();
  pool.join();
  return square == 100 && callback == getpid() && worker != getpid() ? 0 : 1;
}
