// What the processes of a pool cost: pool_processes idle WORKERS SECONDS, or ready WORKERS METHOD
//
// The first prints how many per cent of a processor a pool uses that has nothing to do, its program
// included; the second how many milliseconds pass until a new pool has heard of all its workers.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include <multiprocessing/pool.hpp>

namespace mp = multiprocessing;

namespace {

void nothing() {}

/// In nanoseconds, of all threads of a process.
std::uint64_t processor_time(pid_t pid) {
  std::uint64_t sum = 0;
  for (const auto& task :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"}) {
    std::uint64_t time = 0;
    std::ifstream{task.path() / "schedstat"} >> time;
    sum += time;
  }
  return sum;
}

std::uint64_t processor_time(const mp::Pool& pool) {
  std::uint64_t sum = processor_time(getpid());
  for (const mp::ProcessHandle& worker : pool.workers()) sum += processor_time(worker.pid());
  return sum;
}

void idle(int workers, std::chrono::seconds time) {
  mp::Pool pool(workers);
  pool.for_each_worker(nothing);
  pool.map([](int i) { return i; }, {1, 2, 3}, 1);
  std::this_thread::sleep_for(std::chrono::seconds{1});
  const std::uint64_t before = processor_time(pool);
  std::this_thread::sleep_for(time);
  const auto used = std::chrono::nanoseconds{processor_time(pool) - before};
  std::cout << 100 * std::chrono::duration<double>(used) / time << '\n';
}

void ready(int workers, const std::string& method) {
  const mp::Context context = mp::get_context(method);
  { context.Pool(1).for_each_worker(nothing); }  // the fork server is there
  const auto begin = std::chrono::steady_clock::now();
  auto pool = context.Pool(workers);
  pool.for_each_worker(nothing);
  const auto time = std::chrono::steady_clock::now() - begin;
  std::cout << std::chrono::duration<double, std::milli>(time).count() << '\n';
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count == 4 ? arguments[1] : "";
  if (what == "idle") {
    idle(std::atoi(arguments[2]), std::chrono::seconds{std::atoi(arguments[3])});
  } else if (what == "ready") {
    ready(std::atoi(arguments[2]), arguments[3]);
  } else {
    std::cerr << "usage: pool_processes idle WORKERS SECONDS | ready WORKERS METHOD\n";
    return 2;
  }
}
