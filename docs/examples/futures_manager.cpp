// Tasks under ids, many at once, batches and data that tasks share: what the Python recipe of a
// process pool manager shows, without a manager process.
#include <multiprocessing/futures.hpp>

#include <chrono>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [manager]
int process_item(int item) {
  if (item < 0) throw mp::ValueError("negative item");
  return item * item;
}

void count_up(const mp::SharedData& data, int times) {
  data.update<int>("counter", [&](int& counter) { counter += times; });
}

int main() {
  mp::ProcessPoolManager manager(4);
  manager.submit_task("bad", process_item, -1);
  manager.submit_task({.priority = 1}, "task1", process_item, 5);
  bool right = manager.get_result<int>("task1", 1min) == 25;

  std::vector<int> items(20);
  std::iota(items.begin(), items.end(), 0);
  right = right &&
          manager.map_tasks(process_item, items) == manager.batch_process(process_item, items, 7);

  manager.set_shared_data("counter", 0);
  for (int i = 1; i <= 3; ++i)
    manager.submit_task("count " + std::to_string(i), count_up, manager.shared_data(), i);
  for (int i = 1; i <= 3; ++i) manager.get_result<void>("count " + std::to_string(i));
  right = right && manager.get_shared_data<int>("counter") == 6;
  try {
    manager.get_result<int>("bad");
  } catch (const mp::ValueError& error) {
    std::cout << "task bad: " << error.what() << '\n';
  }
  try {
    manager.get_result<int>("never submitted", 10ms);
  } catch (const mp::TimeoutError& error) {
    std::cout << error.what() << '\n';
  }
  return right ? 0 : 1;
}
// [/manager]
