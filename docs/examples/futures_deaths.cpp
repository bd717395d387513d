// What the death of a worker costs: a task, or, on request, the executor.
#include <multiprocessing/futures.hpp>

#include <signal.h>

#include <iostream>
#include <vector>

namespace mp = multiprocessing;

// [deaths]
int half_of(int number) {
  if (number == 13) raise(SIGKILL);  // as if the system had run out of memory
  return number / 2;
}

int main() {
  int deaths = 0;
  mp::ProcessPoolExecutor executor(2);
  std::vector<mp::Future<int>> halves;
  for (int number : {8, 13, 20}) halves.push_back(executor.submit(half_of, number));
  for (const auto& half : halves) {
    try {
      std::cout << half.result() << '\n';
    } catch (const mp::WorkerDied& death) {
      std::cout << death.what() << '\n';  // this task alone
      ++deaths;
    }
  }
  mp::ProcessPoolExecutor like_pythons({.on_worker_death = mp::OnWorkerDeath::break_pool});
  try {
    (void)like_pythons.submit(half_of, 13).result();
  } catch (const mp::BrokenProcessPool& broken) {
    for (const mp::WorkerDied& death : broken.history()) deaths += death.exitcode() == -SIGKILL;
  }
  return deaths == 2 ? 0 : 1;
}
// [/deaths]
