// Values and arrays, beside a plain atomic. One iteration is one access. Rows of one group belong
// together: python3 bench/ratios.py --cpu 0 build/bench/sharedctypes_bench
#include <benchmark/benchmark.h>

#include <atomic>
#include <mutex>

#include "multiprocessing/sharedctypes.hpp"
#include "multiprocessing/sharedctypes/shared_map.hpp"
#include "multiprocessing/sharedctypes/shared_vector.hpp"
#include "multiprocessing/synchronize.hpp"

namespace mp = multiprocessing;

namespace {

void raw_fetch_add(benchmark::State& state) {
  std::atomic<long> number{0};
  for (auto _ : state) benchmark::DoNotOptimize(number.fetch_add(1));
}
BENCHMARK(raw_fetch_add)->Name("fetch_add/atomic");

void value_fetch_add(benchmark::State& state) {
  const mp::Value<long> number{0};
  for (auto _ : state) benchmark::DoNotOptimize(number.fetch_add(1));
}
BENCHMARK(value_fetch_add)->Name("fetch_add/ours");

void value_get(benchmark::State& state) {
  const mp::Value<long> number{0};
  for (auto _ : state) benchmark::DoNotOptimize(number.value());
}
BENCHMARK(value_get)->Name("value/get");

void value_get_behind_a_lock(benchmark::State& state) {
  const mp::Value<long, mp::Lock> number{0, mp::Lock{}};
  for (auto _ : state) benchmark::DoNotOptimize(number.value());
}
BENCHMARK(value_get_behind_a_lock)->Name("value/get_behind_a_lock");

void value_update(benchmark::State& state) {
  const mp::Value<long> number{0};
  for (auto _ : state) number.update([](long& at) { ++at; });
}
BENCHMARK(value_update)->Name("value/update");

void value_set_within_a_guard(benchmark::State& state) {
  const mp::Value<long> number{0};
  const std::scoped_lock guard{number.get_lock()};
  for (auto _ : state) number.set_value(number.value() + 1);
}
BENCHMARK(value_set_within_a_guard)->Name("value/set_within_a_guard");

void raw_array_element(benchmark::State& state) {
  const mp::RawArray<long> array(1000);
  for (auto _ : state) benchmark::DoNotOptimize(array[7] += 1);
}
BENCHMARK(raw_array_element)->Name("array/raw_element");

void array_element(benchmark::State& state) {
  const mp::Array<long> array(1000);
  for (auto _ : state) benchmark::DoNotOptimize(static_cast<long>(array[7]));
}
BENCHMARK(array_element)->Name("array/element");

void vector_at(benchmark::State& state) {
  const mp::SharedVector<long> vector{1, 2, 3};
  for (auto _ : state) benchmark::DoNotOptimize(vector.at(1));
}
BENCHMARK(vector_at)->Name("containers/vector_at");

void map_change(benchmark::State& state) {
  const mp::SharedMap<int, long> map;
  for (int key = 0; key < 1000; ++key) map.set(key, 0);
  for (auto _ : state) map.change(500, [](long& at) { ++at; });
}
BENCHMARK(map_change)->Name("containers/map_change");

void make_and_drop_a_value(benchmark::State& state) {
  for (auto _ : state) {
    const mp::Value<long> number{1};
    benchmark::DoNotOptimize(number.fetch_add(1));
  }
}
BENCHMARK(make_and_drop_a_value)->Name("make/value");

}  // namespace

BENCHMARK_MAIN();
