// A pool that makes itself smaller when memory gets short.
#include <multiprocessing/monitor.hpp>
#include <multiprocessing/pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <numeric>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// So that the example can be run where memory is not short: a stand-in for memory_percent.
std::atomic<double> used = 50;

int square(int x) { return x * x; }

int main() {
  // [pool]
  mp::Pool pool(4);
  mp::ProcessMonitor monitor{{.interval = 10ms}};
  monitor.start();
  const auto short_of_memory = monitor.alert(
      // in a program: .what = mp::Metric::memory_percent
      {.what = [] { return used.load(); }, .above = 90, .until_below = 80, .lasting = 20ms},
      [&pool](const mp::AlertChange& change) {
        if (change.state == mp::AlertState::firing) pool.resize(std::max(1, pool.processes() / 2));
        if (change.state == mp::AlertState::over) pool.resize(4);
      });
  // [/pool]

  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto sum = [&] {
    const auto squares = pool.map(square, numbers);
    return std::accumulate(squares.begin(), squares.end(), 0L);
  };
  const long expected = sum();
  used = 95;
  while (pool.processes() != 2) std::this_thread::sleep_for(1ms);
  const bool same = sum() == expected;
  used = 70;
  while (pool.processes() != 4) std::this_thread::sleep_for(1ms);
  monitor.stop();
  std::cout << "the pool had 2 workers while memory was short\n";
  return same && sum() == expected ? 0 : 1;
}
