// Workers that go on to the next stage together.
#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

// [rendezvous]
void work(mp::Barrier stage, mp::Event go, std::string name) {
  go.wait();
  for (int number = 1; number <= 3; ++number) {
    std::cout << name + " does stage " + std::to_string(number) + '\n' << std::flush;
    if (stage.wait() == 0) std::cout << "-- all are here\n" << std::flush;
  }
}

int main() {
  mp::Barrier stage{3};
  mp::Event go;
  std::vector<mp::Process> workers;
  for (const char* name : {"Ann", "Bob", "Cid"})
    workers.emplace_back(work, stage, go, name).start();
  go.set();
  for (auto& worker : workers) worker.join();
  return stage.broken() ? 1 : 0;
}
// [/rendezvous]
