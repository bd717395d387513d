// Mapping a function that does nothing, beside a plain loop and a plain round trip.
//
// One iteration is one whole map over the elements that the row names, by a pool of two workers
// that exists already; items_per_second counts elements. bench/compare_pool.py runs CPython beside
// it.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <numeric>
#include <string>
#include <vector>

#include <multiprocessing/pool.hpp>

namespace mp = multiprocessing;

namespace {

constexpr int workers = 2;

int same(int value) { return value; }
std::string echo(std::string text) { return text; }

mp::Pool& pool() {
  static mp::Pool pool(workers);
  return pool;
}

std::vector<int> numbers(benchmark::State& state) {
  std::vector<int> list(static_cast<std::size_t>(state.range(0)));
  std::iota(list.begin(), list.end(), 0);
  return list;
}

void map_one_by_one(benchmark::State& state) {
  const std::vector<int> list = numbers(state);
  for (auto _ : state) benchmark::DoNotOptimize(pool().map(same, list, 1));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(map_one_by_one)->Arg(2)->Arg(1'000'000)->UseRealTime();

void map_default(benchmark::State& state) {
  const std::vector<int> list = numbers(state);
  for (auto _ : state) benchmark::DoNotOptimize(pool().map(same, list));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(map_default)->Arg(1'000'000)->UseRealTime();

void map_text(benchmark::State& state) {
  const std::vector<std::string> list(16,
                                      std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  for (auto _ : state) benchmark::DoNotOptimize(pool().map(echo, list, 1));
  state.SetBytesProcessed(state.iterations() * state.range(0) * 16);
}
BENCHMARK(map_text)->Arg(100)->Arg(1 << 20)->UseRealTime();

// What two processes pay to hand something over and back by system calls alone.
void pipe_round_trip(benchmark::State& state) {
  int there[2];
  int back[2];
  if (pipe(there) != 0 || pipe(back) != 0) return state.SkipWithError("pipe");
  const pid_t other = fork();
  if (other == 0) {
    close(there[1]);
    for (char byte; read(there[0], &byte, 1) == 1;)
      if (write(back[1], &byte, 1) != 1) break;
    _exit(0);
  }
  close(there[0]);
  for (auto _ : state) {
    char byte = 0;
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
      return state.SkipWithError("pipe");
  }
  for (int fd : {there[1], back[0], back[1]}) close(fd);
}
BENCHMARK(pipe_round_trip)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
