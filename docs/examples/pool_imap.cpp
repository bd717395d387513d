// Results of a pool that are read one by one.
#include <multiprocessing/pool.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [imap]
int slow_square(int number) {
  std::this_thread::sleep_for(1ms);
  if (number == 5) throw std::domain_error("not five");
  return number * number;
}

int main() {
  mp::Pool pool(4);
  std::vector<int> squares;
  auto results = pool.imap(slow_square, std::vector{3, 4, 5, 6});
  for (bool more = true; more;) {
    try {
      const std::optional<int> square = results.try_next();
      if (square) squares.push_back(*square);
      more = square.has_value();
    } catch (const std::domain_error& error) {
      std::cout << error.what() << '\n';  // and on with the next
    }
  }
  int sum = 0;
  for (int square : pool.imap_unordered(slow_square, squares)) sum += square;
  return squares == std::vector{9, 16, 36} && sum == 81 + 256 + 1296 ? 0 : 1;
}
// [/imap]
