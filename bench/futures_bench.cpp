// Tasks of an executor that do nothing, in a burst and one by one. bench/compare_pool.py runs
// CPython beside it.
#include <benchmark/benchmark.h>

#include <thread>
#include <vector>

#include <multiprocessing/futures.hpp>

namespace mp = multiprocessing;

namespace {

int same(int value) { return value; }

mp::ProcessPoolExecutor& executor() {
  static mp::ProcessPoolExecutor executor(2);
  static const int started = executor.submit(same, 0).result();
  benchmark::DoNotOptimize(started);
  return executor;
}

void burst(int count) {
  std::vector<mp::Future<int>> futures;
  futures.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) futures.push_back(executor().submit(same, i));
  for (const auto& future : futures) benchmark::DoNotOptimize(future.result());
}

// So many tasks by so many threads, each of which waits for its own.
void submit_burst(benchmark::State& state) {
  executor();
  const auto threads = static_cast<int>(state.range(1));
  const int each = static_cast<int>(state.range(0)) / threads;
  for (auto _ : state) {
    std::vector<std::jthread> submitters;
    for (int i = 0; i < threads; ++i) submitters.emplace_back(burst, each);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(submit_burst)->Args({100'000, 1})->Args({100'000, 4})->UseRealTime();

void submit_round_trip(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(executor().submit(same, 1).result());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(submit_round_trip)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
