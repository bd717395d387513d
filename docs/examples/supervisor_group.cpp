// Tasks that end before their scope does, and whose failures are not lost.
#include <multiprocessing/supervisor.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

// [group]
void fetch(const std::string& site) {
  if (site.empty()) throw std::invalid_argument("a site without a name");
  while (!mp::stop_requested()) std::this_thread::sleep_for(10ms);  // a long download
}

int main() {
  mp::TaskGroup group;
  for (const std::string site : {"one", "", "two"}) group.run(fetch, site);
  try {
    group.wait();
  } catch (const mp::ExceptionGroup& failures) {
    std::cout << failures.what() << '\n';  // the others have been asked to stop
    return failures.exceptions().size() == 1 ? 0 : 1;
  }
  return 1;
}
// [/group]
