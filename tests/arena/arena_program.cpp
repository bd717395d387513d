// A program with a fresh arena, for tests that limit what it may have: arena_program WHAT.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "arena/audit.hpp"
#include "arena/blocks.hpp"
#include "arena/family.hpp"
#include "arena/message_handles.hpp"
#include "arena/segment.hpp"
#include "multiprocessing/arena/usage.hpp"

namespace {

namespace mp = multiprocessing;
using mp::detail::Block;
using mp::detail::Handle;

int reap(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Objects, large blocks, and a child that holds the same.
int use() {
  const Handle object = Handle::make(1000, 2);
  std::vector<Block> blocks;
  for (int i = 0; i < 100; ++i) blocks.emplace_back(5000);
  for (int i = 0; i < 4; ++i) std::memset(Block{std::size_t{2} << 20}.data(), 1, 2 << 20);
  const pid_t pid = fork();
  if (pid == 0) {
    hold(links_of(object)[0], Handle::make(10));
    std::strcpy(object.as<char>(), "works");
    _exit(0);
  }
  const int status = reap(pid);
  blocks.clear();
  mp::arena_sweep();
  for (const std::string& fault : mp::detail::arena_faults()) std::puts(fault.c_str());
  std::printf("%s, %lu objects\n", object.as<char>(),
              static_cast<unsigned long>(mp::arena_usage().objects));
  return status + (mp::detail::arena_faults().empty() ? 0 : 1);
}

/// The addresses that the arena takes once it is in use.
int addresses() {
  const Handle object = Handle::make(1000);
  std::ifstream maps{"/proc/self/maps"};
  std::size_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("multiprocessing-arena") == line.npos) continue;
    const std::size_t end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    bytes += end - std::stoull(line, nullptr, 16);
  }
  std::printf("%zu\n", bytes);
  return 0;
}

/// The place that the arena would have is taken by the program.
int crowded() {
  void* const at = reinterpret_cast<void*>(0x2000'0000'0000);
  mmap(at, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  std::vector<Handle> objects;
  for (int i = 0; i < 5; ++i) objects.push_back(Handle::make_sparse(std::size_t{40} << 20));
  objects.push_back(Handle::make_sparse(std::size_t{300} << 20));
  for (const Handle& object : objects) object.as<char>()[(std::size_t{40} << 20) - 1] = 1;
  std::puts(mp::detail::segment().base == at ? "there" : "elsewhere");
  objects.clear();
  return use();
}

std::size_t resident() {
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages >> pages;
  return pages * 4096;
}

/// By how much resident memory grows in a program that locks all of it before it uses the arena, or
/// while it does; 77: it may not.
int locked(bool before) {
  const auto lock = [] { return mlockall(MCL_CURRENT | MCL_FUTURE) == 0; };
  if (before && !lock()) return 77;
  const std::size_t start = resident();
  const Handle object = Handle::make(1000);
  if (!before && !lock()) return 77;
  const Handle large = Handle::make_sparse(std::size_t{4} << 30);
  large.as<char>()[std::size_t{3} << 30] = 1;
  std::vector<Block> blocks;
  for (int i = 0; i < 80; ++i) std::memset(blocks.emplace_back(1 << 20).data(), 1, 1 << 20);
  std::printf("%zu\n", resident() - start);
  return 0;
}

/// Takes all there is, by blocks that are filled to their ends, and gives it back.
int fill() {
  std::vector<Block> blocks;
  std::vector<unsigned char> patterns;
  std::string refusal;
  for (const std::size_t bytes : {std::size_t{3'000'000}, std::size_t{32'000}, std::size_t{60}}) {
    try {
      for (;;) {
        blocks.emplace_back(bytes);
        patterns.push_back(static_cast<unsigned char>(blocks.size()));
        std::memset(blocks.back().data(), patterns.back(), bytes);
      }
    } catch (const std::exception& error) {
      refusal = error.what();
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (*static_cast<unsigned char*>(blocks[i].data()) != patterns[i]) return 1;
  std::printf("%zu blocks, then: %s\n", blocks.size(), refusal.c_str());
  struct stat file {};
  fstat(mp::detail::segment().arena_fd, &file);
  std::printf("file of %lld bytes\n", static_cast<long long>(file.st_size));
  blocks.clear();
  mp::arena_sweep();
  for (const std::string& fault : mp::detail::arena_faults()) std::puts(fault.c_str());
  // Whether a large one fits again.
  static_cast<void>(Block{3'000'000});
  return mp::detail::arena_faults().empty() && mp::arena_usage().blocks == 0 ? 0 : 1;
}

/// The flags of the arena's mapping, then an abort with 1 GiB of it touched.
int abort_with_a_gibibyte() {
  const Handle object = Handle::make_sparse(std::size_t{1} << 30);
  for (std::size_t at = 0; at < std::size_t{1} << 30; at += 4096) object.as<char>()[at] = 1;
  std::ifstream maps{"/proc/self/smaps"};
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') != line.npos && line.find(" kB") == line.npos &&
        !line.starts_with("VmFlags"))
      ours = line.find("memfd:multiprocessing-arena") != line.npos;
    if (ours && line.starts_with("VmFlags")) std::puts(line.c_str());
  }
  std::printf("aborts at %lld\n",
              static_cast<long long>(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::fflush(stdout);
  std::abort();
}

}  // namespace

int main(int, char** argv) {
  try {
    const std::string what = argv[1] == nullptr ? "use" : argv[1];
    if (what == "addresses") return addresses();
    if (what == "crowded") return crowded();
    if (what.starts_with("locked")) return locked(what == "locked-before");
    return what == "fill" ? fill() : what == "abort" ? abort_with_a_gibibyte() : use();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
