// Values and functions to bytes and back. One iteration writes one value and reads it again.
//
// `ours` is the module's codec; `boost` a binary archive of Boost.Serialization made for each
// message with no header, no codecvt, no tracking and a stream buffer of ours; `boost_stream` the
// same archive as its manual shows it, over a std::stringstream.
#include <benchmark/benchmark.h>

#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/reduction.hpp"
#include "multiprocessing/reduction/boost.hpp"

namespace {

namespace mp = multiprocessing;
using namespace mp::detail;

struct Record {
  int id = 7;
  double weight = 1.5;
  std::string name = "a record";
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& id& weight& name;
  }
};

struct Aggregate {
  int id = 7;
  double weight = 1.5;
  std::string name = "a record";
};

using Numbers = std::vector<double>;
using Table = std::map<int, std::string>;

template <class T>
T sample() {
  if constexpr (std::is_same_v<T, Numbers>) {
    return Numbers(128, 1.5);  // 1 KiB
  } else if constexpr (std::is_same_v<T, Table>) {
    Table table;
    for (int i = 0; i < 32; ++i) table.emplace(i, "text of some length");
    return table;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return std::string(64, 'x');
  } else {
    return T{};
  }
}

template <class T>
void ours(benchmark::State& state) {
  const T value = sample<T>();
  for (auto _ : state) {
    Writer writer;
    write(writer, value);
    Reader reader{writer.view()};
    T there = read<T>(reader);
    benchmark::DoNotOptimize(there);
  }
}

template <class T>
void boost_archive(benchmark::State& state) {
  constexpr unsigned flags = boost_flags | boost::archive::no_tracking;
  const T value = sample<T>();
  for (auto _ : state) {
    Writer writer;
    {
      WriterBuffer buffer{writer};
      boost::archive::binary_oarchive archive{buffer, flags};
      archive << value;
    }
    Reader reader{writer.view()};
    ReaderBuffer buffer{reader};
    boost::archive::binary_iarchive archive{buffer, flags};
    T there{};
    archive >> there;
    benchmark::DoNotOptimize(there);
  }
}

template <class T>
void boost_stream(benchmark::State& state) {
  const T value = sample<T>();
  for (auto _ : state) {
    std::stringstream stream;
    boost::archive::binary_oarchive{stream} << value;
    T there{};
    boost::archive::binary_iarchive{stream} >> there;
    benchmark::DoNotOptimize(there);
  }
}

int add(int a, int b) { return a + b; }

void function_written(benchmark::State& state) {
  for (auto _ : state) {
    Writer writer;
    write(writer, &add);
    benchmark::DoNotOptimize(writer);
  }
}

void function_read(benchmark::State& state) {
  Writer writer;
  write(writer, &add);
  for (auto _ : state) {
    Reader reader{writer.view()};
    benchmark::DoNotOptimize(read<int (*)(int, int)>(reader));
  }
}

void call_written_and_run(benchmark::State& state) {
  for (auto _ : state) {
    Writer writer;
    write_call(writer, add, 1, 2);
    Reader reader{writer.view()};
    run_call(reader);
  }
}

void exception_there_and_back(benchmark::State& state) {
  const auto error = std::make_exception_ptr(std::runtime_error("text"));
  for (auto _ : state) {
    Writer writer;
    write(writer, error);
    Reader reader{writer.view()};
    benchmark::DoNotOptimize(read<std::exception_ptr>(reader));
  }
}

BENCHMARK(ours<int>);
BENCHMARK(boost_archive<int>);
BENCHMARK(boost_stream<int>);
BENCHMARK(ours<std::string>);
BENCHMARK(boost_archive<std::string>);
BENCHMARK(ours<Numbers>);
BENCHMARK(boost_archive<Numbers>);
BENCHMARK(ours<Record>);
BENCHMARK(ours<Aggregate>);
BENCHMARK(boost_archive<Record>);
BENCHMARK(boost_stream<Record>);
BENCHMARK(ours<Table>);
BENCHMARK(boost_archive<Table>);
BENCHMARK(function_written);
BENCHMARK(function_read);
BENCHMARK(call_written_and_run);
BENCHMARK(exception_there_and_back);

}  // namespace

BENCHMARK_MAIN();
