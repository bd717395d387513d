// Starting and joining a process, each method beside the plain system calls that it is made of.
//
// One iteration is: make a child that does nothing, wait for its end, learn its exit status. The
// children of `floor` rows do the same by hand in C. Hold all of it on one processor, and run with
// --benchmark_enable_random_interleaving: bench/ratios.py does both and prints the ratios.
// MULTIPROCESSING_BENCH_HEAP_MIB gives the parent a heap of that size, every page of it touched.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <multiprocessing/process.hpp>

namespace mp = multiprocessing;

extern char** environ;

namespace {

constexpr const char* floor_child = "--floor-child";
constexpr std::size_t page = 4096;

void nothing() {}

void check(bool good, benchmark::State& state, const char* what) {
  if (!good) state.SkipWithError(what);
}

/// Waits by pidfd, as a library must that does not want to take others' children.
int wait_for(pid_t pid) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  pollfd end{pidfd, POLLIN, 0};
  poll(&end, 1, -1);
  int status = -1;
  waitpid(pid, &status, 0);
  close(pidfd);
  return status;
}

// A child that does anything at all writes to some of its pages, and each is copied then.
void touch_pages(std::vector<char>& pages) {
  for (std::size_t at = 0; at < pages.size(); at += page) pages[at] = 1;
}

// `_Fork` is the plain call: `fork` would run this library's handlers in the floor's child too.
void fork_floor(benchmark::State& state, pid_t (*plain_fork)()) {
  std::vector<char> pages(16 * page);
  touch_pages(pages);
  for (auto _ : state) {
    const pid_t pid = plain_fork();
    if (pid == 0) {
      touch_pages(pages);
      _exit(0);
    }
    check(wait_for(pid) == 0, state, "the forked child failed");
  }
}

void spawn_floor(benchmark::State& state) {
  char name[] = "/proc/self/exe";
  std::string mark = floor_child;
  char* arguments[] = {name, mark.data(), nullptr};
  for (auto _ : state) {
    pid_t pid = -1;
    check(posix_spawn(&pid, name, nullptr, nullptr, arguments, environ) == 0, state, "posix_spawn");
    check(wait_for(pid) == 0, state, "the spawned child failed");
  }
}

/// A fork server without anything: a byte asks for a child, four bytes tell how it ended.
class BareForkServer {
 public:
  BareForkServer() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    if (fork() == 0) {
      close(ends[0]);
      serve(ends[1]);
    }
    close(ends[1]);
    socket_ = ends[0];
  }

  [[nodiscard]] int start_and_wait() const {
    int status = -1;
    if (write(socket_, "f", 1) != 1 || read(socket_, &status, sizeof status) != sizeof status)
      return -1;
    return status;
  }

 private:
  [[noreturn]] static void serve(int socket) {
    for (char request; read(socket, &request, 1) == 1;) {
      const pid_t pid = fork();
      if (pid == 0) _exit(0);
      int status = -1;
      waitpid(pid, &status, 0);
      if (write(socket, &status, sizeof status) != sizeof status) break;
    }
    _exit(0);
  }

  int socket_ = -1;
};

std::unique_ptr<BareForkServer> bare_server;  // forked before the heap is filled, as ours is clean

void forkserver_floor(benchmark::State& state) {
  for (auto _ : state) check(bare_server->start_and_wait() == 0, state, "the bare fork server");
}

void ours(benchmark::State& state, const char* method) {
  const mp::Context context = mp::get_context(method);
  for (auto _ : state) {
    auto child = context.Process(nothing);
    child.start();
    child.join();
    check(child.exitcode() == 0, state, "the child failed");
  }
}

std::vector<char> fill_heap() {
  const char* size = std::getenv("MULTIPROCESSING_BENCH_HEAP_MIB");
  std::vector<char> heap((size == nullptr ? 0 : std::strtoul(size, nullptr, 10)) << 20);
  touch_pages(heap);
  return heap;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], floor_child) == 0) return 0;
  bare_server = std::make_unique<BareForkServer>();
  const std::vector<char> heap = fill_heap();
  const auto add = [](const std::string& name, auto function, auto... arguments) {
    benchmark::RegisterBenchmark(name.c_str(), function, arguments...)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  for (const char* method : {"fork", "spawn", "forkserver"})
    add(std::string("start and join/") + method + "/ours", ours, method);
  add("start and join/fork/floor", fork_floor, &_Fork);
  add("start and join/fork/floor with the library's handlers", fork_floor, &fork);
  add("start and join/spawn/floor", spawn_floor);
  add("start and join/forkserver/floor", forkserver_floor);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
