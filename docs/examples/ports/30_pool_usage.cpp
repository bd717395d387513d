// Python original: the long demonstration of a pool. Ordered and unordered results, errors that
// surface from apply, map and in the middle of imap, a callback, time-outs on results and
// iterators.
// Expected output: one line per part.
// Checked: each part. Division by zero is thrown by hand: in C++ the real one kills the worker,
// which the last part shows: the task fails with WorkerDied and the pool goes on.
#include <multiprocessing.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <iostream>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

std::vector<int> range(int first, int last) {
  std::vector<int> numbers(static_cast<std::size_t>(last - first));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

int mul(int a, int b) { return a * b; }
int plus(int a, int b) { return a + b; }
double f(int x) {
  if (x == 5) throw std::domain_error("division by zero");
  return 1.0 / (x - 5.0);
}
int pow3(int x) { return x * x * x; }
int slow(int x) {
  std::this_thread::sleep_for(20ms * x);
  return x;
}
int crash(int x) {
  if (x == 37) std::raise(SIGFPE);
  return x;
}

bool report(std::string part, bool right) {
  std::cout << part << (right ? "\n" : ": WRONG\n");
  return right;
}

template <class Call>
bool throws_domain_error(Call call) {
  try {
    call();
  } catch (const std::domain_error& error) {
    return error.what() == std::string("division by zero");
  }
  return false;
}

int main() {
  mp::Pool pool(4);
  bool right = true;

  std::vector<mp::AsyncResult<int>> results;
  for (int i = 0; i < 10; ++i) results.push_back(pool.apply_async(i % 2 ? mul : plus, i, 7));
  std::multiset<int> sums;
  for (auto& result : results) sums.insert(result.get());
  right &= report("apply_async", sums == std::multiset{7, 7, 9, 11, 13, 15, 21, 35, 49, 63});

  auto cubes = pool.map(pow3, range(0, 8));
  auto lazily = pool.imap(pow3, range(0, 8));
  right &= report("imap as map", std::ranges::equal(lazily, cubes));
  right &= report("starmap", pool.starmap(mul, std::vector<std::pair<int, int>>{{2, 3}, {4, 5}}) ==
                                 std::vector{6, 20});

  right &= report("error from apply", throws_domain_error([&] { pool.apply(f, 5); }));
  right &= report("error from map", throws_domain_error([&] { pool.map(f, range(0, 10)); }));
  right &= report("error from imap", throws_domain_error([&] {
                    auto it = pool.imap(f, range(0, 10));
                    while (true) it.next();
                  }));

  auto it = pool.imap(f, range(0, 10));
  int good = 0, bad = 0;
  for (bool more = true; more;) {
    try {
      it.next();
      ++good;
    } catch (const std::domain_error&) {
      ++bad;  // the iterator goes on behind it
    } catch (const mp::StopIteration&) {
      more = false;
    }
  }
  right &= report("iteration goes on after an error", good == 9 && bad == 1);

  int timeouts = 0;
  auto late = pool.apply_async(slow, 10);
  while (!late.ready()) {
    try {
      late.get(20ms);
    } catch (const mp::TimeoutError&) {
      ++timeouts;
    }
  }
  auto slowly = pool.imap(slow, std::vector{10, 0});
  try {
    slowly.next(1ms);
  } catch (const mp::TimeoutError&) {
    ++timeouts;
  }
  right &= report("time-outs",
                  timeouts >= 2 && late.get() == 10 && slowly.next() == 10 && slowly.next() == 0);

  std::vector<int> collected;
  auto callback = [&](int value) { collected.push_back(value); };
  pool.apply_async({.callback = callback}, mul, 7, 8).wait();
  pool.map_async(pow3, range(0, 3),
                 {.callback =
                      [&](const std::vector<int>& values) {
                        collected.insert(collected.end(), values.begin(), values.end());
                      }})
      .wait();
  right &= report("callbacks", collected == std::vector{56, 0, 1, 8});

  std::vector<mp::AsyncResult<int>> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(pool.apply_async(crash, i));
  int done = 0, died = 0;
  for (auto& task : tasks) {
    try {
      task.get();
      ++done;
    } catch (const mp::WorkerDied& death) {
      died += death.exitcode() == -SIGFPE;
    }
  }
  right &= report("a dead worker costs one task", done == 99 && died == 1);
  return right ? 0 : 1;
}
