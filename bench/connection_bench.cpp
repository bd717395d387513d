// Connections beside the plain system calls; ratios.py compares them. One iteration: a round trip
// of one message of that many bytes with an echoing child, or one message to a child that reads
// them all. Name the pinning: `taskset -c 0` for one processor, BENCH_SPLIT=1 for two.
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/process.hpp"

namespace mp = multiprocessing;

namespace {

/// Each side to a processor of its own, if that was asked for.
void pin_side(int side) {
  if (std::getenv("BENCH_SPLIT") == nullptr) return;
  cpu_set_t processor;
  CPU_ZERO(&processor);
  CPU_SET(side, &processor);
  if (sched_setaffinity(0, sizeof processor, &processor) != 0) _exit(1);
}

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, std::min<std::size_t>(size, 65536));
    if (written <= 0) _exit(1);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

bool read_all(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = read(fd, data, size);
    if (got <= 0) return false;
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

/// Two ends in each direction: of a socket, or of two pipes.
struct Ends {
  int ours_in, ours_out, its_in, its_out;
};
Ends make_packets() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0) _exit(1);
  return {fds[0], fds[0], fds[1], fds[1]};
}
Ends make_pipes() {
  int there[2];
  int back[2];
  if (pipe(there) != 0 || pipe(back) != 0) _exit(1);
  return {back[0], there[1], there[0], back[1]};
}

void close_both(int a, int b) {
  close(a);
  if (b != a) close(b);
}

void bare_round_trip(benchmark::State& state, std::size_t size, Ends (*make)()) {
  std::string message(size, 'x');
  const Ends ends = make();
  const pid_t child = fork();
  if (child == 0) {
    pin_side(1);
    close_both(ends.ours_in, ends.ours_out);
    while (read_all(ends.its_in, message.data(), size))
      write_all(ends.its_out, message.data(), size);
    _exit(0);
  }
  close_both(ends.its_in, ends.its_out);
  for (auto _ : state) {
    write_all(ends.ours_out, message.data(), size);
    if (!read_all(ends.ours_in, message.data(), size)) state.SkipWithError("the child is gone");
  }
  close_both(ends.ours_in, ends.ours_out);
  waitpid(child, nullptr, 0);
}

void bare_stream(benchmark::State& state, std::size_t size, Ends (*make)()) {
  std::string message(size, 'x');
  const Ends ends = make();
  const pid_t child = fork();
  if (child == 0) {
    pin_side(1);
    close_both(ends.ours_in, ends.ours_out);
    while (read_all(ends.its_in, message.data(), size)) {
    }
    _exit(0);
  }
  close_both(ends.its_in, ends.its_out);
  for (auto _ : state) write_all(ends.ours_out, message.data(), size);
  close_both(ends.ours_in, ends.ours_out);
  waitpid(child, nullptr, 0);
}

void echo(mp::Connection end) {
  pin_side(1);
  try {
    for (;;) end.send_bytes(end.recv_bytes());
  } catch (const std::exception&) {
  }
}

void swallow(mp::Connection end) {
  pin_side(1);
  try {
    for (;;) (void)end.recv_bytes();
  } catch (const std::exception&) {
  }
}

void pipe_round_trip(benchmark::State& state, std::size_t size) {
  const std::string message(size, 'x');
  auto [here, there] = mp::Pipe();
  mp::Process child{echo, std::move(there)};
  child.start();
  for (auto _ : state) {
    here.send_bytes(message);
    benchmark::DoNotOptimize(here.recv_bytes());
  }
  here.close();
  child.join();
}

/// As who reads a pipe does.
void swallow_into_a_buffer(mp::Connection end) {
  pin_side(1);
  try {
    for (std::vector<std::byte> buffer(1 << 20);;) (void)end.recv_bytes_into(std::span{buffer});
  } catch (const std::exception&) {
  }
}

void pipe_stream(benchmark::State& state, std::size_t size, void (*receive)(mp::Connection)) {
  const std::string message(size, 'x');
  auto [here, there] = mp::Pipe();
  mp::Process child{receive, std::move(there)};
  child.start();
  for (auto _ : state) here.send_bytes(message);
  here.close();
  child.join();
}

/// What the processors need for it, without the system.
void cache_line_round_trip(benchmark::State& state) {
  void* const memory =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const there = static_cast<std::atomic<int>*>(memory);
  std::atomic<int>* const back = there + 64;
  const pid_t child = fork();
  if (child == 0) {
    pin_side(1);
    for (int seen = 0; seen >= 0;) {
      const int now = there->load(std::memory_order_acquire);
      if (now != seen) back->store(seen = now, std::memory_order_release);
    }
    _exit(0);
  }
  int number = 0;
  for (auto _ : state) {
    there->store(++number, std::memory_order_release);
    while (back->load(std::memory_order_acquire) != number) {
    }
  }
  there->store(-1);
  waitpid(child, nullptr, 0);
  munmap(memory, 4096);
}

void make_a_pipe(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(mp::Pipe());
}

void make_a_socketpair(benchmark::State& state) {
  for (auto _ : state) {
    const Ends ends = make_packets();
    close_both(ends.ours_in, ends.its_in);
  }
}

void connect_and_accept(benchmark::State& state) {
  const mp::Listener listener;
  for (auto _ : state) {
    const mp::Connection client = mp::Client(listener.address());
    benchmark::DoNotOptimize(listener.accept());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto add = [](const std::string& name, auto function, auto... arguments) {
    benchmark::RegisterBenchmark(name.c_str(), function, arguments...)->UseRealTime();
  };
  for (const std::size_t size : {8, 64, 1024, 65536, 1 << 20}) {
    const std::string round_trip = "round trip " + std::to_string(size);
    add(round_trip + "/pipes", bare_round_trip, size, &make_pipes);
    add(round_trip + "/SEQPACKET", bare_round_trip, size, &make_packets);
    add(round_trip + "/ours", pipe_round_trip, size);
    if (size == 8 && std::getenv("BENCH_SPLIT") != nullptr)
      add(round_trip + "/cache lines", cache_line_round_trip);
    const std::string stream = "stream " + std::to_string(size);
    add(stream + "/pipe", bare_stream, size, &make_pipes);
    add(stream + "/SEQPACKET", bare_stream, size, &make_packets);
    add(stream + "/ours", pipe_stream, size, &swallow);
    add(stream + "/ours, into a buffer", pipe_stream, size, &swallow_into_a_buffer);
  }
  add("make/socketpair", make_a_socketpair);
  add("make/ours", make_a_pipe);
  add("make/Client and accept", connect_and_accept);
  pin_side(0);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
