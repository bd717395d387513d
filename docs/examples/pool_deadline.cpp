// Tasks that are ended before they are done: by their time, and by hand.
#include <multiprocessing/pool.hpp>

#include <chrono>
#include <iostream>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [deadline]
void hang() { std::this_thread::sleep_for(1h); }

/// 0: it was asked to stop before it had found one.
long divisor_of(mp::StopToken stop, long number) {
  for (long divisor = 2; divisor < number; ++divisor) {
    if (number % divisor == 0) return divisor;
    if (stop.stop_requested()) return 0;
  }
  return number;
}

int main() {
  mp::Pool pool(2);
  const auto hanging = pool.apply_async({.timeout = 200ms}, hang);
  const auto search = pool.apply_async(divisor_of, 2'305'843'009'213'693'951L);  // a prime
  int late = 0;
  try {
    hanging.get();
  } catch (const mp::TimeoutError& error) {
    std::cout << error.what() << '\n';  // its worker was killed, and has been replaced
    ++late;
  }
  if (!search.stop(5s))  // asks, and kills its worker five seconds later
    std::cout << "it obeyed, and gave " << search.get() << '\n';
  return late == 1 && pool.apply(divisor_of, 91L) == 7 ? 0 : 1;
}
// [/deadline]
