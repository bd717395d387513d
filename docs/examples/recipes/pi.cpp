// Pi by random points: pi [TASKS [WORKERS [CHUNK SIZE]]]
//
// Each task draws its points from a seed of its own, so the digits are the same in every run, under
// every start method, by any number of workers and with any chunk size.
#include <multiprocessing/pool.hpp>

#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <random>
#include <vector>

namespace mp = multiprocessing;

double pi_by_points(int points) {
  std::mt19937_64 random{mp::this_task::seed()};
  const auto side = [&] { return std::ldexp(static_cast<double>(random() >> 11), -53); };
  int inside = 0;
  for (int i = 0; i < points; ++i) {
    const double x = side(), y = side();  // in this order; as arguments the compiler would choose
    inside += x * x + y * y < 1 ? 1 : 0;
  }
  return 4.0 * inside / points;
}

struct Estimate {
  double mean = 0, error = 0;
};

/// The results come in the order of the tasks, so that sums are rounded alike, too.
Estimate mean_of(const std::vector<double>& results) {
  double sum = 0, squares = 0;
  for (double result : results) sum += result;
  const double count = static_cast<double>(results.size()), mean = sum / count;
  for (double result : results) squares += (result - mean) * (result - mean);
  return {mean, std::sqrt(squares / (count * (count - 1)))};
}

int main(int count, char** arguments) {
  const auto argument = [&](int number, int otherwise) {
    return count > number ? std::atoi(arguments[number]) : otherwise;
  };
  const int tasks = argument(1, 100), workers = argument(2, mp::cpu_count());
  const int chunksize = argument(3, 1);
  if (count > 4 || tasks < 2 || workers < 1 || chunksize < 1) {
    std::cerr << "usage: pi [TASKS, at least 2 [WORKERS [CHUNK SIZE]]]\n";
    return 2;
  }
  mp::Pool pool(workers);
  const std::vector<int> points(static_cast<std::size_t>(tasks), 100'000);
  const Estimate pi = mean_of(pool.map(pi_by_points, points, chunksize));
  std::cout << std::fixed << std::setprecision(15) << pi.mean << " +- " << pi.error << '\n';
}
