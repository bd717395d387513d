// Ctrl-C and SIGTERM as something to wait for, beside a queue and a child.
#include <multiprocessing/base.hpp>
#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

void report(mp::Queue<std::string> reports) {
  for (int number = 1; number <= 600; ++number) {
    reports.put("report " + std::to_string(number));
    std::this_thread::sleep_for(100ms);
  }
}

// [wait]
int main() {
  mp::Signals caught{SIGINT, SIGTERM};
  mp::Queue<std::string> reports;
  mp::Process child{report, reports};
  child.start();
  while (child.is_alive()) {
    (void)mp::wait({caught, reports, child}, 2s);
    while (const auto text = reports.try_get()) std::cout << *text << std::endl;
    if (const auto signal = caught.next()) {
      std::cout << "ended by signal " << *signal << std::endl;
      child.terminate();
      break;
    }
  }
  child.join();
}
// [/wait]
