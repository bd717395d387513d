// Random numbers that can be repeated, and what a worker keeps for its tasks.
#include <multiprocessing/pool.hpp>

#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

namespace mp = multiprocessing;

// [workers]
struct Tally {  // what each worker keeps
  std::uint64_t points = 0;
};

void begin() { mp::this_worker::set_state(Tally{}); }

void report() {
  std::cerr << "worker " << mp::this_worker::index() << " has drawn "
            << mp::this_worker::state<Tally>().points << " points\n";
}

int points_in_circle(int points) {
  std::mt19937_64 random{mp::this_task::seed()};  // the same in every run
  std::uniform_real_distribution<double> side{-1, 1};
  int inside = 0;
  for (int i = 0; i < points; ++i) inside += std::hypot(side(random), side(random)) <= 1 ? 1 : 0;
  mp::this_worker::state<Tally>().points += static_cast<std::uint64_t>(points);
  return inside;
}

std::vector<int> draw(int workers) {
  mp::Pool pool({.processes = workers, .at_worker_end = report}, begin);
  std::vector<int> inside = pool.map(points_in_circle, std::vector<int>(20, 1000));
  pool.close();
  pool.join();
  return inside;
}
// [/workers]

int main() {
  long inside = 0;
  for (int some : draw(3)) inside += some;
  std::cout << "pi is about " << 4.0 * static_cast<double>(inside) / 20'000 << '\n';
  return std::abs(4.0 * static_cast<double>(inside) / 20'000 - 3.14) < 0.1 ? 0 : 1;
}
