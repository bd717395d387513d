// A list that another program, CPython among them, reads and changes by its name.
#include <multiprocessing/process.hpp>
#include <multiprocessing/shared_memory.hpp>

#include <cstdio>
#include <string>

namespace mp = multiprocessing;

// [list]
void visit(std::string name) {
  mp::ShareableList list({.name = name});  // in Python: ShareableList(name=name)
  list[0] = "seen";
  list[-1] = list.get<double>(-1) * 2;
}

int main() {
  mp::ShareableList list({"nobody yet", 42, std::monostate{}, true, 1.5});
  mp::Process child{visit, list.shm().name()};
  child.start();
  child.join();

  std::puts(to_string(list).c_str());
  const bool right = list[0] == "seen" && list.get<double>(-1) == 3;
  list.shm().unlink();
  return right ? 0 : 1;
}
// [/list]
