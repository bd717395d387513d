// wait(): many workers at once, their messages and their ends.
#include <multiprocessing.hpp>

#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mp = multiprocessing;

void work(int number, mp::Connection report) {
  for (int step = 0; step < number; ++step) report.send(step);
}

// [wait]
int collect(std::vector<mp::Connection> reports) {
  int steps = 0;
  while (!reports.empty()) {
    for (mp::Connection& ready : mp::wait(reports)) {
      try {
        (void)ready.recv<int>();
        ++steps;
      } catch (const mp::EOFError&) {  // this worker has ended
        std::erase(reports, ready);
      } catch (const mp::ConnectionError&) {  // it was killed in the middle of a message
        std::erase(reports, ready);
      }
    }
  }
  return steps;
}
// [/wait]

int main() {
  std::vector<mp::Process> workers;
  std::vector<mp::Connection> reports;
  for (int i = 0; i < 8; ++i) {
    auto [report, its] = mp::Pipe({.duplex = false});
    workers.emplace_back(work, i, std::move(its)).start();
    reports.push_back(std::move(report));
  }
  const int steps = collect(std::move(reports));
  for (mp::Process& worker : workers) worker.join();
  std::cout << steps << " steps by " << workers.size() << " workers\n";
  return steps == 28 ? 0 : 1;
}
