// Connections beside the plain system calls. One iteration: a round trip of one message of that
// many bytes with an echoing child, or one message to a child that reads them all. Name the
// pinning: `taskset -c 0` for one processor.
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/process.hpp"

namespace mp = multiprocessing;

namespace {

constexpr std::int64_t sizes[] = {8, 64, 1024, 65536, 1 << 20};

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
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
Ends make_sockets() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) _exit(1);
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

void bare_round_trip(benchmark::State& state, Ends (*make)()) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::string message(size, 'x');
  const Ends ends = make();
  const pid_t child = fork();
  if (child == 0) {
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

void bare_stream(benchmark::State& state, Ends (*make)()) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::string message(size, 'x');
  const Ends ends = make();
  const pid_t child = fork();
  if (child == 0) {
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
  try {
    for (;;) end.send_bytes(end.recv_bytes());
  } catch (const std::exception&) {
  }
}

void swallow(mp::Connection end) {
  try {
    for (;;) (void)end.recv_bytes();
  } catch (const std::exception&) {
  }
}

void pipe_round_trip(benchmark::State& state) {
  const std::string message(static_cast<std::size_t>(state.range(0)), 'x');
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

void pipe_stream(benchmark::State& state) {
  const std::string message(static_cast<std::size_t>(state.range(0)), 'x');
  auto [here, there] = mp::Pipe();
  mp::Process child{swallow, std::move(there)};
  child.start();
  for (auto _ : state) here.send_bytes(message);
  here.close();
  child.join();
}

void make_a_pipe(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(mp::Pipe());
}

void make_a_socketpair(benchmark::State& state) {
  for (auto _ : state) {
    const Ends ends = make_sockets();
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
  const auto add = [](const char* name, auto function, auto... arguments) {
    auto* one = benchmark::RegisterBenchmark(name, function, arguments...)->UseRealTime();
    for (const std::int64_t size : sizes) one->Arg(size);
  };
  add("round trip/pipes", bare_round_trip, &make_pipes);
  add("round trip/socketpair", bare_round_trip, &make_sockets);
  add("round trip/Pipe", pipe_round_trip);
  add("stream/pipe", bare_stream, &make_pipes);
  add("stream/socketpair", bare_stream, &make_sockets);
  add("stream/Pipe", pipe_stream);
  benchmark::RegisterBenchmark("make/socketpair", make_a_socketpair)->UseRealTime();
  benchmark::RegisterBenchmark("make/Pipe", make_a_pipe)->UseRealTime();
  benchmark::RegisterBenchmark("make/Client and accept", connect_and_accept)->UseRealTime();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
