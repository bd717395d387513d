// A program that makes blocks and does not unlink them. Arguments: a block's name, and what else is
// to happen: which process makes it, by which start method, and how the program ends.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "multiprocessing/base.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/shared_memory.hpp"

namespace {

namespace mp = multiprocessing;

void create(std::string name) {
  const mp::SharedMemory block{{.create = true, .size = 1, .name = std::move(name)}};
  if (mp::SharedMemory{block.name()}.size() != 1) throw mp::Exit{1};
}

void create_in_grandchild(std::string name) {
  mp::Process child{create, std::move(name)};
  child.start();
  child.join();
}

void outlive_parent() { mp::parent_process()->join(); }

template <class... A>
void run_in_child(A... target_and_arguments) {
  mp::Process child{target_and_arguments...};
  child.start();
  child.join();
}

}  // namespace

int main(int count, char** arguments) {
  mp::log_to_stderr();
  const std::string name = arguments[1];
  const std::string maker = count > 2 ? arguments[2] : "itself";
  if (count > 3) mp::set_start_method(arguments[3]);
  const std::string end = count > 4 ? arguments[4] : "returns";

  if (maker == "itself") create(name);
  if (maker == "child") run_in_child(create, name);
  if (maker == "grandchild") run_in_child(create_in_grandchild, name);
  if (mp::SharedMemory{name}.size() != 1) return 2;

  if (end == "killed") std::raise(SIGKILL);
  if (end == "outlived") {
    mp::Process last{mp::ProcessOptions{.outlive_parent = true}, outlive_parent};
    last.start();
    std::quick_exit(0);  // does not wait for it
  }
  if (end == "no descriptors") {
    const rlimit few{256, 256};
    setrlimit(RLIMIT_NOFILE, &few);
    while (dup(0) >= 0) {
    }
  }
  return 0;
}
