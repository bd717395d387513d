// Large messages: a text sent and received as programs do it, beside a raw pipe that is read into a
// fresh text, and two bare copies by one process. ratios.py compares them. Times are processor time
// of both sides where all runs on one processor (--cpu 0), else wall time (BENCH_SPLIT=1 gives each
// side a processor).
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/queues.hpp"

namespace mp = multiprocessing;

namespace {

bool on_one_processor() {
  cpu_set_t all;
  return sched_getaffinity(0, sizeof all, &all) == 0 && CPU_COUNT(&all) == 1;
}

void pin_side(int side) {
  if (std::getenv("BENCH_SPLIT") == nullptr) return;
  cpu_set_t processor;
  CPU_ZERO(&processor);
  CPU_SET(side, &processor);
  if (sched_setaffinity(0, sizeof processor, &processor) != 0) _exit(1);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}
double processor_time(int whose) {
  rusage used{};
  getrusage(whose, &used);
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Of this process and the children that it has waited for, or of the clock.
double now() {
  static const bool one = on_one_processor();
  if (one) return processor_time(RUSAGE_SELF) + processor_time(RUSAGE_CHILDREN);
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Has `stream` send as many messages as are wanted and wait for their receiver.
template <class Stream>
void measure(benchmark::State& state, Stream stream) {
  const auto wanted = static_cast<std::int64_t>(state.max_iterations);
  while (state.KeepRunningBatch(wanted)) {
    const double before = now();
    stream(static_cast<std::uint64_t>(wanted));
    state.SetIterationTime(now() - before);
  }
}

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written <= 0) _exit(1);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

void through_a_pipe(benchmark::State& state, std::size_t size) {
  const std::string message(size, 'x');
  measure(state, [&](std::uint64_t count) {
    int fds[2];
    if (pipe(fds) != 0) _exit(1);
    const pid_t child = fork();
    if (child == 0) {
      pin_side(1);
      close(fds[1]);
      for (std::uint64_t i = 0; i < count; ++i) {
        std::string text(size, '\0');
        for (std::size_t done = 0; done < size;) {
          const ssize_t got = read(fds[0], text.data() + done, size - done);
          if (got <= 0) _exit(1);
          done += static_cast<std::size_t>(got);
        }
        benchmark::DoNotOptimize(text.data());
      }
      _exit(0);
    }
    close(fds[0]);
    for (std::uint64_t i = 0; i < count; ++i) write_all(fds[1], message.data(), size);
    close(fds[1]);
    waitpid(child, nullptr, 0);
  });
}

/// Into memory that is warm, and into a fresh text: what a message costs at least.
void two_copies(benchmark::State& state, std::size_t size) {
  const std::string message(size, 'x');
  const auto block = std::make_unique<char[]>(size);
  measure(state, [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      std::memcpy(block.get(), message.data(), size);
      benchmark::ClobberMemory();
      std::string text(block.get(), size);
      benchmark::DoNotOptimize(text.data());
    }
  });
}

template <class Message>
void receive_from_connection(mp::Connection end, std::uint64_t count) {
  pin_side(1);
  for (std::uint64_t i = 0; i < count; ++i) benchmark::DoNotOptimize(end.recv<Message>());
}

template <class Message>
void through_a_connection(benchmark::State& state, std::size_t size) {
  const Message message(size / sizeof(typename Message::value_type), {});
  measure(state, [&](std::uint64_t count) {
    auto [here, there] = mp::Pipe();
    mp::Process child{receive_from_connection<Message>, std::move(there), count};
    child.start();
    for (std::uint64_t i = 0; i < count; ++i) here.send(message);
    child.join();
  });
}

template <class Q, class Message>
void receive_from_queue(Q queue, std::uint64_t count) {
  pin_side(1);
  for (std::uint64_t i = 0; i < count; ++i) benchmark::DoNotOptimize(queue.get());
}

template <class Q, class Message>
void through_a_queue(benchmark::State& state, std::size_t size) {
  const Message message(size / sizeof(typename Message::value_type), {});
  measure(state, [&](std::uint64_t count) {
    Q queue;
    mp::Process child{receive_from_queue<Q, Message>, queue, count};
    child.start();
    for (std::uint64_t i = 0; i < count; ++i) queue.put(message);
    child.join();
  });
}

/// Unread until all are there.
void through_a_full_queue(benchmark::State& state, std::size_t size) {
  const std::string message(size, 'x');
  mp::Queue<std::string> queue;
  constexpr std::uint64_t at_once = 64;
  measure(state, [&](std::uint64_t count) {
    for (std::uint64_t done = 0; done < count;) {
      const std::uint64_t some = std::min(count - done, at_once);
      for (std::uint64_t i = 0; i < some; ++i) queue.put(message);
      for (std::uint64_t i = 0; i < some; ++i) benchmark::DoNotOptimize(queue.get());
      done += some;
    }
  });
}

std::vector<std::size_t> sizes() {
  std::vector<std::size_t> all;
  for (std::size_t size = 4096; size <= 64u << 20; size *= 4) all.push_back(size);
  for (const std::size_t limit : {std::size_t{64} << 10, std::size_t{256} << 10}) {
    all.push_back(limit - 1);
    all.push_back(limit + 1);
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  mp::set_start_method("fork");  // processor time of children
  const auto add = [](const std::string& name, auto function, std::size_t size) {
    benchmark::RegisterBenchmark(name.c_str(), function, size)->UseManualTime();
  };
  using Floats = std::vector<float>;
  for (const std::size_t size : sizes()) {
    const std::string bytes = ' ' + std::to_string(size);
    for (const std::string channel :
         {"Pipe", "Pipe of floats", "Queue", "Queue of floats", "SimpleQueue", "full Queue"}) {
      add(channel + bytes + "/pipe", through_a_pipe, size);
      add(channel + bytes + "/two copies", two_copies, size);
    }
    add("Pipe" + bytes + "/ours", through_a_connection<std::string>, size);
    add("Pipe of floats" + bytes + "/ours", through_a_connection<Floats>, size);
    add("Queue" + bytes + "/ours", through_a_queue<mp::Queue<std::string>, std::string>, size);
    add("Queue of floats" + bytes + "/ours", through_a_queue<mp::Queue<Floats>, Floats>, size);
    add("SimpleQueue" + bytes + "/ours", through_a_queue<mp::SimpleQueue<std::string>, std::string>,
        size);
    add("full Queue" + bytes + "/ours", through_a_full_queue, size);
  }
  pin_side(0);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
