// What a pool does when a task fails, and when the worker that has it dies.
#include <multiprocessing/pool.hpp>

#include <csignal>
#include <iostream>
#include <stdexcept>
#include <vector>

namespace mp = multiprocessing;

// [deaths]
int root_of(int square) {
  if (square < 0) throw std::domain_error("no root of " + std::to_string(square));
  if (square == 99) raise(SIGKILL);  // as if the system had run out of memory
  int root = 0;
  while (root * root < square) ++root;
  return root;
}

int main() {
  mp::Pool pool(2);
  int failures = 0;
  try {
    pool.map(root_of, {4, -9, 16});
  } catch (const std::domain_error&) {  // its own type and text
    ++failures;
  }
  try {
    pool.map(root_of, {4, 99, 16}, 1);
  } catch (const mp::WorkerDied& death) {
    std::cout << death.what() << '\n';
    failures += death.exitcode() == -SIGKILL && death.task() == 1;
  }
  // The dead worker has been replaced, and the pool goes on.
  return failures == 2 && pool.map(root_of, {4, 9, 16}) == std::vector{2, 3, 4} ? 0 : 1;
}
// [/deaths]
