// Values of Python to bytes and back. bench/compare_pickle.py sets CPython's pickle beside it; with
// it the pickles that are read are CPython's own, with its frames and its memo.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "multiprocessing/pickle.hpp"

namespace {

namespace mp = multiprocessing;

mp::Object sample(const std::string& name) {
  if (name == "dict") {
    mp::Object dict = mp::Object::dict();
    for (int i = 0; i < 100; ++i) dict.set("key" + std::to_string(i), i);
    return dict;
  }
  if (name == "floats") return mp::Object::of(std::vector<double>(1000, 1.5));
  return mp::Bytes{std::string(1 << 20, 'b')};
}

mp::Bytes pickle_of(const std::string& name) {
  const char* const folder = std::getenv("MULTIPROCESSING_BENCH_PICKLES");
  if (folder == nullptr) return mp::dumps(sample(name));
  std::ifstream file{std::string{folder} + '/' + name, std::ios::binary};
  return mp::Bytes{std::string{std::istreambuf_iterator<char>{file}, {}}};
}

void dumps(benchmark::State& state, const std::string& name) {
  const mp::Object value = sample(name);
  for (auto _ : state) benchmark::DoNotOptimize(mp::dumps(value));
}

void loads(benchmark::State& state, const std::string& name) {
  const mp::Bytes pickled = pickle_of(name);
  for (auto _ : state) benchmark::DoNotOptimize(mp::loads(pickled));
}

/// What a typed message costs: from a map of C++, and to one.
void typed(benchmark::State& state, const std::string& name) {
  using Table = std::map<std::string, int>;
  const Table table = sample(name).as<Table>();
  for (auto _ : state)
    benchmark::DoNotOptimize(mp::loads(mp::dumps(mp::Object::of(table))).as<Table>());
}

BENCHMARK_CAPTURE(dumps, dict, "dict");
BENCHMARK_CAPTURE(dumps, floats, "floats");
BENCHMARK_CAPTURE(dumps, bytes, "bytes");
BENCHMARK_CAPTURE(loads, dict, "dict");
BENCHMARK_CAPTURE(loads, floats, "floats");
BENCHMARK_CAPTURE(loads, bytes, "bytes");
BENCHMARK_CAPTURE(typed, dict, "dict");

}  // namespace

BENCHMARK_MAIN();
