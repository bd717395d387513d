// Creates a block under the name it is given and ends without having unlinked it.
#include "multiprocessing/base.hpp"
#include "multiprocessing/shared_memory.hpp"

int main(int, char** arguments) {
  namespace mp = multiprocessing;
  mp::log_to_stderr();
  const mp::SharedMemory block{{.create = true, .size = 1, .name = arguments[1]}};
  return mp::SharedMemory{block.name()}.size() == 1 ? 0 : 1;
}
