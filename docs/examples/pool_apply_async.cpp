// Tasks that are given to a pool one by one, and results that are asked for later.
#include <multiprocessing/pool.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <numeric>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [tasks]
long sum_to(long last) {
  if (last < 0) raise(SIGKILL);  // as if the system had run out of memory
  std::vector<long> numbers(static_cast<std::size_t>(last));
  std::iota(numbers.begin(), numbers.end(), 1L);
  return std::accumulate(numbers.begin(), numbers.end(), 0L);
}

int main() {
  mp::Pool pool(2);
  std::vector<mp::AsyncResult<long>> sums;
  for (long last : {10L, 1000L, -1L, 100000L}) sums.push_back(pool.apply_async(sum_to, last));

  for (const auto& sum : sums) {
    while (!sum.wait(100ms)) std::cout << "not yet\n";
    try {
      std::cout << sum.get() << '\n';
    } catch (const mp::WorkerDied& death) {
      std::cout << death.what() << '\n';  // this task alone; the others go on
    }
  }
  return pool.apply(sum_to, 4L) == 10 ? 0 : 1;  // waits
}
// [/tasks]
