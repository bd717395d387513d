// A look-up table that all workers read where it lies: 1 GiB by default, in the memory of one.
#include <multiprocessing/pool.hpp>
#include <multiprocessing/shared_memory.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace mp = multiprocessing;

// [table]
using Entry = std::uint64_t;

mp::SharedMemory table;  // in each worker

void attach(std::string name) { table = mp::SharedMemory(name); }

Entry look_up(std::size_t index) { return table.buf<Entry>()[index]; }

void look_up_in_workers(std::size_t size) {
  mp::SharedMemory block({.create = true, .size = size});  // OSError when it does not fit
  auto entries = block.buf<Entry>();
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = i * i;

  mp::Pool pool(4, attach, block.name());  // only the name is sent
  const std::vector<std::size_t> wanted{0, 3, entries.size() / 2, entries.size() - 1};
  const std::vector<Entry> found = pool.map(look_up, wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (found[i] != wanted[i] * wanted[i]) throw mp::ValueError("a worker saw another table");
  block.unlink();
}
// [/table]

int main(int count, char** arguments) {
  const std::size_t mebibytes = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 1024;
  look_up_in_workers(mebibytes << 20U);
  std::printf("4 workers read %zu MiB in place\n", mebibytes);
}
