// The recipe ProcessMonitor: a process of its own is asked for figures. Beside it stands
// monitor_recipe.py, the same in Python.
// [all]
#include <multiprocessing/monitor.hpp>
#include <multiprocessing/process.hpp>

#include <chrono>
#include <iostream>
#include <thread>

namespace mp = multiprocessing;

void work() { std::this_thread::sleep_for(std::chrono::milliseconds{200}); }

int main() {
  mp::ProcessMonitor monitor;
  monitor.start();

  mp::Process worker{work};
  worker.start();
  monitor.watch(worker.handle());

  const mp::SystemStats stats = monitor.get_system_stats();
  std::cout << "cpu " << stats.cpu_percent << " %, memory " << stats.memory_percent << " %, disk "
            << stats.disk_percent.at("/") << " %, " << stats.process_count << " processes\n";
  for (const mp::ProcessInfo& process : monitor.get_process_info())
    if (process.pid == worker.pid())
      std::cout << process.name << ": " << process.memory_percent << " % of the memory\n";
  const mp::NetworkInfo network = monitor.get_network_info();
  std::cout << network.sum.bytes_recv << " bytes received\n";

  monitor.wait_for_all_processes();
  return worker.exitcode() == 0 ? 0 : 1;
}  // the scope's end is monitor.stop()
// [/all]
