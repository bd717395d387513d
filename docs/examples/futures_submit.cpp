// Tasks whose results come in whatever order.
#include <multiprocessing/futures.hpp>

#include <iostream>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace mp = multiprocessing;

// [submit]
long sum_to(long last) {
  if (last < 0) throw std::domain_error("a negative number");
  std::vector<long> numbers(static_cast<std::size_t>(last));
  std::iota(numbers.begin(), numbers.end(), 1L);
  return std::accumulate(numbers.begin(), numbers.end(), 0L);
}

int main() {
  mp::ProcessPoolExecutor executor(2);
  std::vector<mp::Future<long>> futures;
  for (long last : {100000L, -1L, 10L}) futures.push_back(executor.submit(sum_to, last));

  long total = 0;
  for (const auto& future : mp::as_completed(futures)) {
    try {
      total += future.result();
    } catch (const std::domain_error& error) {
      std::cout << error.what() << '\n';
    }
  }
  for (long sum : executor.map(sum_to, std::vector{1L, 2L, 3L})) total += sum;
  return total == 5000050000 + 55 + 10 ? 0 : 1;
}
// [/submit]
