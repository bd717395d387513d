// A large table that is loaded once and that all workers read: lookup_table [MEBIBYTES]
//
// Under forkserver the server loads it, before it forks any worker; under fork the program does.
// Pages that are not written to stay one copy, whatever the number of workers. Under spawn a worker
// is executed anew and loads a table of its own; shared_memory_table.cpp has what helps there.
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

std::vector<std::uint64_t> table;

std::size_t table_bytes() {
  const char* mebibytes = std::getenv("TABLE_MEBIBYTES");
  return (mebibytes != nullptr ? std::strtoul(mebibytes, nullptr, 10) : 256) << 20U;
}

void load() {
  table.resize(table_bytes() / sizeof(std::uint64_t));  // stands for ten gigabytes in a file
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = i * i;
}

void load_if_not_there() {
  if (table.empty()) load();
}

std::uint64_t look_up(std::size_t index) { return table.at(index); }

/// What this process alone has, in KiB.
std::size_t private_memory() {
  std::ifstream rollup{"/proc/self/smaps_rollup"};
  std::size_t sum = 0;
  for (std::string word; rollup >> word;)
    if (std::size_t kib = 0; word.starts_with("Private_") && rollup >> kib) sum += kib;
  return sum;
}

std::size_t private_after_reading_all() {
  volatile std::uint64_t sum = 0;
  for (std::uint64_t entry : table) sum = sum + entry;
  return private_memory();
}

int main(int count, char** arguments) {
  if (count > 1) setenv("TABLE_MEBIBYTES", arguments[1], 1);
  // [preload]
  mp::set_forkserver_preload(load);
  if (mp::get_start_method() == "fork") load();
  mp::Pool pool(4, load_if_not_there);
  // [/preload]
  const std::size_t entries = table_bytes() / sizeof(std::uint64_t);
  for (std::size_t index : {std::size_t{0}, entries / 2, entries - 1})
    if (pool.apply(look_up, index) != index * index) return 1;
  std::cout << "the table has " << (table_bytes() >> 10U) << " KiB\n";
  int worker = 0;
  for (std::size_t kib : pool.for_each_worker(private_after_reading_all))
    std::cout << "worker " << worker++ << " has " << kib << " KiB of its own\n";
}
