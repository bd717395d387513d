// [all]
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>

#include <iostream>
#include <random>
#include <vector>

namespace mp = multiprocessing;

void throw_darts(mp::Value<long> inside, unsigned seed, long darts) {
  std::mt19937_64 random{seed};
  std::uniform_real_distribution<double> side{-1, 1};
  long hits = 0;
  for (long i = 0; i < darts; ++i) {
    const double x = side(random);
    const double y = side(random);
    hits += x * x + y * y < 1 ? 1 : 0;
  }
  inside.fetch_add(hits);
}

int main() {
  constexpr long darts = 500'000;
  mp::Value<long> inside{0};
  std::vector<mp::Process> throwers;
  for (unsigned seed = 1; seed <= 4; ++seed)
    throwers.emplace_back(throw_darts, inside, seed, darts);
  for (auto& thrower : throwers) thrower.start();
  for (auto& thrower : throwers) thrower.join();
  const double pi = 4.0 * static_cast<double>(inside.value()) / (4 * darts);
  std::cout << "pi is about " << pi << '\n';
  return pi > 3.13 && pi < 3.15 ? 0 : 1;
}
// [/all]
