// Python original: what a pool of four can do, in a page: map, imap_unordered, one call, several
// calls that may land in different workers, and a result that does not come in time.
// Expected output: squares, squares in any order, 400, a pid, up to four pids, "timeout"
// Checked: all of these; afterwards the pool is gone and says so.
#include <multiprocessing.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include <unistd.h>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

std::vector<int> range(int first, int last) {
  std::vector<int> numbers(static_cast<std::size_t>(last - first));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

int f(int x) { return x * x; }
void sleep_long() { std::this_thread::sleep_for(10s); }

int main() {
  bool right = true;
  mp::Pool pool(4);

  auto squares = pool.map(f, range(0, 10));
  right = right && squares[9] == 81;

  std::multiset<int> unordered;
  for (int square : pool.imap_unordered(f, range(0, 10))) unordered.insert(square);
  right = right && unordered == std::multiset<int>(squares.begin(), squares.end());

  auto result = pool.apply_async(f, 20);
  right = right && result.get(1min) == 400;

  auto pid = pool.apply_async(getpid);
  std::cout << pid.get(1min) << '\n';

  std::vector<mp::AsyncResult<pid_t>> several;
  for (int i = 0; i < 4; ++i) several.push_back(pool.apply_async(getpid));
  std::set<pid_t> pids;
  for (auto& each : several) pids.insert(each.get(1min));
  right = right && pids.size() <= 4 && !pids.contains(getpid());

  try {
    pool.apply_async(sleep_long).get(50ms);
    right = false;
  } catch (const mp::TimeoutError&) {
    std::cout << "timeout: we lacked patience\n";
  }

  pool.terminate();
  try {
    pool.apply(f, 1);
    right = false;
  } catch (const mp::ValueError&) {
    std::cout << "now the pool is closed\n";
  }
  return right ? 0 : 1;
}
