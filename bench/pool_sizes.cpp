// How the size of chunks and the number of workers change the time of a map: for the picture of
// docs/pool-sizes.md, which bench/pool_sizes.py draws.
//
// Prints lines "chart,line,x,y". In "chunks" x is the chunk size and y the time of a map by two
// workers as a multiple of half the time that a plain loop takes, so 1 is perfect. In "workers" x
// is how many there are and y how many times as fast as one they are. Medians of five.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <multiprocessing/pool.hpp>

namespace mp = multiprocessing;
using Clock = std::chrono::steady_clock;

namespace {

/// So many steps of a computation that no compiler shortens.
std::uint32_t compute(int steps) {
  std::uint32_t state = 1;
  for (int i = 0; i < steps; ++i) state = state * 1664525 + 1013904223 + (state >> 13U);
  return state;
}

/// Half of it computing, half waiting.
std::uint32_t compute_and_wait(int steps) {
  const auto begin = Clock::now();
  const std::uint32_t result = compute(steps);
  std::this_thread::sleep_for(Clock::now() - begin);
  return result;
}

template <class F>
double median_of_five(F measured) {
  std::array<double, 5> seconds{};
  for (double& each : seconds) {
    const auto begin = Clock::now();
    measured();
    each = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  std::ranges::sort(seconds);
  return seconds[2];
}

void loop_over(const std::vector<int>& elements) {
  std::uint32_t (*volatile function)(int) = compute;  // called as a worker calls it
  for (int steps : elements) function(steps);
}

void chunks(const std::string& line, const std::vector<int>& elements) {
  const double half = median_of_five([&] { loop_over(elements); }) / 2;
  mp::Pool pool(2);
  pool.map(compute, elements);
  const auto count = static_cast<double>(elements.size());
  for (double size = 1; size <= count / 2; size *= std::sqrt(10.0)) {
    const int chunksize = static_cast<int>(size);
    const double time = median_of_five([&] { pool.map(compute, elements, chunksize); });
    std::cout << "chunks," << line << ',' << chunksize << ',' << time / half << std::endl;
  }
}

template <class F>
void workers(const std::string& line, F function, const std::vector<int>& elements) {
  double alone = 0;
  for (int count : {1, 2, 3, 4, 6, 8, 12, 16}) {
    mp::Pool pool(count);
    pool.map(function, elements, 1);
    const double time = median_of_five([&] { pool.map(function, elements, 1); });
    if (count == 1) alone = time;
    std::cout << "workers," << line << ',' << count << ',' << alone / time << std::endl;
  }
}

}  // namespace

int main() {
  const int million = 1'000'000;
  loop_over({100 * million});  // the processor has its speed
  const double step = median_of_five([] { loop_over({10 * million}); }) / (10 * million);
  const auto steps_of = [&](double microseconds) {
    return std::max(1, static_cast<int>(microseconds * 1e-6 / step));
  };
  const auto elements_of = [&](double microseconds) {  // 0.2 s of them
    return std::vector<int>(static_cast<std::size_t>(200'000 / microseconds),
                            steps_of(microseconds));
  };
  for (const auto& [line, time] :
       {std::pair{"0.1 µs", 0.1}, {"1 µs", 1.0}, {"10 µs", 10.0}, {"100 µs", 100.0}})
    chunks(line, elements_of(time));
  std::mt19937 random{1};
  std::vector<int> uneven = elements_of(100);
  for (int& steps : uneven)  // one in a hundred takes a hundred times as long
    steps = steps_of(random() % 100 == 0 ? 5000 : 50);
  chunks("100 µs uneven", uneven);
  workers("computing", compute, elements_of(1000));
  workers("half waiting", compute_and_wait, elements_of(1000));
}
