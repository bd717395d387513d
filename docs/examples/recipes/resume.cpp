// A long run that Ctrl-C ends and the next start goes on with: resume FILE [BLOCKS [SIZE]]
//
// Finds in each block of numbers the one with the longest Collatz sequence, and appends a line for
// each block to FILE as soon as it is known. What is there at the start is not done again.
#include <multiprocessing/base.hpp>
#include <multiprocessing/pool.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace mp = multiprocessing;

std::uint64_t block_size = 0;  // in each worker

void set_block_size(std::uint64_t size) { block_size = size; }

struct Longest {
  std::uint64_t block = 0, number = 0, steps = 0;
};

Longest longest_in(std::uint64_t block) {
  Longest longest{.block = block};
  for (std::uint64_t first = block * block_size + 1, i = 0; i < block_size; ++i) {
    std::uint64_t steps = 0;
    for (std::uint64_t n = first + i; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    if (steps >= longest.steps) longest = {block, first + i, steps};
  }
  return longest;
}

/// The blocks that have a whole line; what a kill has left of a last one is cut off.
std::set<std::uint64_t> blocks_done(const std::string& path) {
  std::set<std::uint64_t> done;
  std::ifstream file{path};
  std::uintmax_t whole = 0;
  for (std::string line; std::getline(file, line) && !file.eof(); whole += line.size() + 1)
    done.insert(std::stoull(line));
  if (std::filesystem::exists(path)) std::filesystem::resize_file(path, whole);
  return done;
}

void run(const std::string& path, std::uint64_t blocks, std::uint64_t size) {
  mp::Signals caught{SIGINT, SIGTERM};
  caught.interrupt_waits();
  const std::set<std::uint64_t> done = blocks_done(path);
  std::vector<std::uint64_t> left;
  for (std::uint64_t block = 0; block < blocks; ++block)
    if (!done.contains(block)) left.push_back(block);
  std::cout << done.size() << " blocks are done, " << left.size() << " are left" << std::endl;

  std::ofstream file{path, std::ios::app};
  const auto check = [&] {
    if (!file) throw std::system_error{errno, std::generic_category(), "cannot write to " + path};
  };
  check();
  mp::Pool pool(mp::cpu_count(), set_block_size, size);
  for (const Longest& found : pool.imap_unordered(longest_in, left)) {  // throws Interrupted
    file << found.block << ' ' << found.number << ' ' << found.steps << std::endl;
    check();
  }
}

int main(int count, char** arguments) {
  const auto number = [&](int at, std::uint64_t otherwise) {
    return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
  };
  if (count < 2 || count > 4 || number(2, 1) == 0 || number(3, 1) == 0) {
    std::cerr << "usage: resume FILE [BLOCKS [SIZE]]\n";
    return 2;
  }
  try {
    run(arguments[1], number(2, 1000), number(3, 1'000'000));
  } catch (const mp::Interrupted&) {
    std::cerr << "What is done is saved; start it again to go on.\n";
    throw;  // so that a shell knows
  } catch (const std::exception& error) {
    std::cerr << "resume: " << error.what() << '\n';
    return 1;
  }
}
