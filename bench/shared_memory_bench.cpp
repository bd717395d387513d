// What blocks with names cost, beside the plain calls and Boost's object in the same run. Rows of
// one group belong together: python3 bench/ratios.py --cpu 0 build/bench/shared_memory_bench
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstring>
#include <string>

#include "multiprocessing/shared_memory.hpp"

namespace {

namespace mp = multiprocessing;
namespace bip = boost::interprocess;

const std::string name = "mp_bench_" + std::to_string(getpid());

// ---- an iteration: a block of so many bytes is made, its first byte written, closed and unlinked.

void make_ours(benchmark::State& state, std::size_t size) {
  for (auto _ : state) {
    const mp::SharedMemory block{{.create = true, .size = size, .name = name}};
    block.buf()[0] = std::byte{1};
    block.unlink();
  }
}
/// With memory reserved, as ours is, or taken as it is touched.
void make_plain(benchmark::State& state, std::size_t size, bool reserved) {
  for (auto _ : state) {
    const int fd = shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    const int failed = reserved ? posix_fallocate(fd, 0, static_cast<off_t>(size))
                                : ftruncate(fd, static_cast<off_t>(size));
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (failed != 0 || memory == MAP_FAILED) return state.SkipWithError("no memory");
    *static_cast<char*>(memory) = 1;
    munmap(memory, size);
    close(fd);
    shm_unlink(name.c_str());
  }
}
void make_boost(benchmark::State& state, std::size_t size) {
  for (auto _ : state) {
    bip::shared_memory_object object(bip::create_only, name.c_str(), bip::read_write);
    object.truncate(static_cast<bip::offset_t>(size));
    const bip::mapped_region region(object, bip::read_write);
    *static_cast<char*>(region.get_address()) = 1;
    bip::shared_memory_object::remove(name.c_str());
  }
}
BENCHMARK_CAPTURE(make_ours, s, 4096)->Name("make_4KiB/ours");
BENCHMARK_CAPTURE(make_plain, r, 4096, true)->Name("make_4KiB/shm_open_reserved");
BENCHMARK_CAPTURE(make_plain, s, 4096, false)->Name("make_4KiB/shm_open_sparse");
BENCHMARK_CAPTURE(make_boost, s, 4096)->Name("make_4KiB/boost");
BENCHMARK_CAPTURE(make_ours, l, 16 << 20)->Name("make_16MiB/ours");
BENCHMARK_CAPTURE(make_plain, rl, 16 << 20, true)->Name("make_16MiB/shm_open_reserved");
BENCHMARK_CAPTURE(make_plain, sl, 16 << 20, false)->Name("make_16MiB/shm_open_sparse");

// ---- an iteration: a block that another made is attached to and closed.

void attach_ours(benchmark::State& state) {
  const mp::SharedMemory block{{.create = true, .size = 4096, .name = name}};
  for (auto _ : state) benchmark::DoNotOptimize(mp::SharedMemory{name}.buf()[0]);
  block.unlink();
}
void attach_plain(benchmark::State& state) {
  const mp::SharedMemory block{{.create = true, .size = 4096, .name = name}};
  for (auto _ : state) {
    const int fd = shm_open(name.c_str(), O_RDWR, 0);
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    benchmark::DoNotOptimize(*static_cast<char*>(memory));
    munmap(memory, 4096);
    close(fd);
  }
  block.unlink();
}
BENCHMARK(attach_ours)->Name("attach/ours");
BENCHMARK(attach_plain)->Name("attach/shm_open");

// ---- an iteration: a KiB is copied into a block, or an item of a list is read or changed.

void write_ours(benchmark::State& state) {
  const mp::SharedMemory block{{.create = true, .size = 1 << 20}};
  const std::string text(1024, 'x');
  for (auto _ : state) {
    std::memcpy(block.buf().data() + 4096, text.data(), text.size());
    benchmark::ClobberMemory();
  }
  block.unlink();
}
void write_plain(benchmark::State& state) {
  void* memory = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const std::string text(1024, 'x');
  for (auto _ : state) {
    std::memcpy(static_cast<char*>(memory) + 4096, text.data(), text.size());
    benchmark::ClobberMemory();
  }
  munmap(memory, 1 << 20);
}
BENCHMARK(write_ours)->Name("write_1KiB/ours");
BENCHMARK(write_plain)->Name("write_1KiB/mmap");

void list_get(benchmark::State& state) {
  const mp::ShareableList list({1, 2.5, "text"});
  for (auto _ : state) benchmark::DoNotOptimize(list.get<std::int64_t>(0));
  list.shm().unlink();
}
void list_set(benchmark::State& state) {
  const mp::ShareableList list({1, 2.5, "text"});
  for (auto _ : state) list[0] = 7;
  list.shm().unlink();
}
BENCHMARK(list_get)->Name("list/get");
BENCHMARK(list_set)->Name("list/set");

}  // namespace

BENCHMARK_MAIN();
