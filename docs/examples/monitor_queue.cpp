// An alarm on a queue that fills, since its consumer is too slow.
#include <multiprocessing/monitor.hpp>
#include <multiprocessing/queues.hpp>

#include <chrono>
#include <future>
#include <iostream>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

int main() {
  // [alarm]
  mp::Queue<int> tasks;
  std::promise<void> full, drained;

  mp::ProcessMonitor monitor{{.interval = 10ms}};
  monitor.start();
  const mp::Alert alert =
      monitor.alert({.what = [tasks] { return tasks.qsize(); }, .above = 90, .until_below = 10},
                    [&](const mp::AlertChange& change) {
                      if (change.state == mp::AlertState::firing) {
                        std::cout << "the queue has " << change.value << " tasks\n";
                        full.set_value();
                      } else if (change.state == mp::AlertState::over) {
                        drained.set_value();
                      }
                    });
  // [/alarm]

  for (int task = 0; task < 100; ++task) tasks.put(task);
  full.get_future().wait();
  while (tasks.try_get()) continue;
  drained.get_future().wait();
  monitor.stop();  // its callbacks use what is destroyed before it
}
