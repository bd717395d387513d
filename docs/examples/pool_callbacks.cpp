// Results are collected by callbacks, in the order in which they come.
#include <multiprocessing/pool.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace mp = multiprocessing;

// [callbacks]
int half_of(int number) {
  if (number % 2 != 0) throw std::domain_error(std::to_string(number) + " is odd");
  return number / 2;
}

int main() {
  int sum = 0;
  std::vector<std::string> errors;
  const auto add = [&](int half) { sum += half; };
  const auto note = [&](const std::exception& error) { errors.emplace_back(error.what()); };
  mp::Pool pool(2);  // after what its callbacks use
  for (int number : {4, 5, 6, 7, 8})
    (void)pool.apply_async({.callback = add, .error_callback = note}, half_of, number);
  pool.close();
  pool.join();  // also for the callbacks
  return sum == 9 && errors.size() == 2 ? 0 : 1;
}
// [/callbacks]
