// Mapping a function that does nothing, beside a plain round trip and oneTBB's threads.
//
// One iteration is one whole map over the elements that the row names, or a burst of so many tasks,
// by a pool of two workers that exists already; items_per_second counts elements.
// bench/compare_pool.py runs CPython beside it.
#include <benchmark/benchmark.h>
#include <unistd.h>
#ifdef BENCH_TBB
#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#endif

#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <multiprocessing/pool.hpp>
#include <multiprocessing/queues.hpp>

namespace mp = multiprocessing;

namespace {

constexpr int workers = 2;

int same(int value) { return value; }
std::string echo(std::string text) { return text; }
std::vector<double> echo_numbers(std::vector<double> numbers) { return numbers; }

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

// The argument is 128 Ki numbers that lie one behind the other.
void map_flat(benchmark::State& state) {
  const std::vector<std::vector<double>> list(16, std::vector<double>(128 << 10, 0.5));
  for (auto _ : state) benchmark::DoNotOptimize(pool().map(echo_numbers, list, 1));
  state.SetBytesProcessed(state.iterations() * 16 * (1 << 20));
}
BENCHMARK(map_flat)->UseRealTime();

void imap_unordered(benchmark::State& state) {
  const std::vector<int> list = numbers(state);
  for (auto _ : state)
    for (int result : pool().imap_unordered(same, list)) benchmark::DoNotOptimize(result);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(imap_unordered)->Arg(100'000)->UseRealTime();

void burst(int count) {
  std::vector<mp::AsyncResult<int>> results;
  results.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) results.push_back(pool().apply_async(same, i));
  for (const auto& result : results) benchmark::DoNotOptimize(result.get());
}

// So many tasks by so many threads, each of which waits for its own.
void apply_async_burst(benchmark::State& state) {
  pool();
  const auto threads = static_cast<int>(state.range(1));
  const int each = static_cast<int>(state.range(0)) / threads;
  for (auto _ : state) {
    std::vector<std::jthread> submitters;
    for (int i = 0; i < threads; ++i) submitters.emplace_back(burst, each);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(apply_async_burst)->Args({100'000, 1})->Args({100'000, 4})->UseRealTime();

void apply_round_trip(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(pool().apply(same, 1));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(apply_round_trip)->UseRealTime();

double first_of(mp::SharedBuffer<double> block) { return block[0]; }

// A shared block as an argument, of so many bytes.
void apply_shared(benchmark::State& state) {
  const mp::SharedBuffer<double> block(static_cast<std::size_t>(state.range(0)) / sizeof(double));
  for (auto _ : state) benchmark::DoNotOptimize(pool().apply(first_of, block));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(apply_shared)->Arg(4 << 10)->Arg(64 << 20)->UseRealTime();

#ifdef BENCH_TBB
template <class Partitioner>
void tbb_loop(benchmark::State& state) {
  const tbb::global_control threads{tbb::global_control::max_allowed_parallelism, workers};
  const std::vector<int> list = numbers(state);
  std::vector<int> results(list.size());
  int (*volatile function)(int) = same;  // called as a worker calls it, not inlined
  for (auto _ : state)
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, list.size(), 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t i = range.begin(); i < range.end(); ++i) results[i] = function(list[i]);
        },
        Partitioner());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
void tbb_one_by_one(benchmark::State& state) { tbb_loop<tbb::simple_partitioner>(state); }
void tbb_default(benchmark::State& state) { tbb_loop<tbb::auto_partitioner>(state); }
BENCHMARK(tbb_one_by_one)->Arg(1'000'000)->UseRealTime();
BENCHMARK(tbb_default)->Arg(1'000'000)->UseRealTime();
#endif

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
  state.SetItemsProcessed(state.iterations());
  for (int fd : {there[1], back[0], back[1]}) close(fd);
}
BENCHMARK(pipe_round_trip)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
