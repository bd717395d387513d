// The first program: a function applied to many values by four processes.
// [all]
#include <multiprocessing/pool.hpp>

#include <iostream>
#include <vector>

namespace mp = multiprocessing;

int square(int x) { return x * x; }

int main() {
  std::vector<int> numbers{1, 2, 3, 4, 5};
  mp::Pool pool(4);
  for (int result : pool.map(square, numbers)) std::cout << result << ' ';
}
// [/all]
