// Ctrl-C that ends a long run and saves what is done: the workers outlive it.
#include <multiprocessing/base.hpp>
#include <multiprocessing/pool.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <numeric>
#include <thread>
#include <vector>

namespace mp = multiprocessing;

int slow_square(int number) {
  std::this_thread::sleep_for(std::chrono::milliseconds{2});
  return number * number;
}

// [interrupt]
int main() {
  mp::Signals caught{SIGINT};
  mp::Pool pool(2);
  std::vector<int> numbers(500);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<int> done;
  for (int square : pool.imap(slow_square, numbers)) {
    done.push_back(square);
    if (done.size() == 10) std::cout << "ten are done" << std::endl;
    if (caught.next()) break;  // what has not begun is withdrawn
  }
  std::cout << done.size() << " squares are saved\n";
  return pool.apply(slow_square, 3) == 9 ? 0 : 1;  // the workers are there
}
// [/interrupt]
