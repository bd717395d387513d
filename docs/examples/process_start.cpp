// Starting a child, waiting for it, and reading how it ended.
#include <multiprocessing/process.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

// [start]
void greet(std::string name) {
  std::cout << "hello " << name << " from " << mp::current_process().name() << std::endl;
}

int main() {
  mp::Process child{{.name = "Greeter"}, greet, "bob"};
  child.start();
  child.join();
  return child.exitcode() == 0 ? 0 : 1;
}
// [/start]
