// A situation of a real program per scenario, named by the first argument; the start method comes
// from the environment. Ends with 0 when all was right, with 77 where the situation cannot be had.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/pool.hpp"
#include "multiprocessing/queues.hpp"
#include "multiprocessing/synchronize.hpp"

namespace mp = multiprocessing;

namespace {

/// What a daemon does with objects that its program made before it became one.
int work_as_daemon(mp::Queue<int>& queue, mp::Lock& lock) {
  for (int i = 0; i < 3; ++i) {
    mp::Process child{[](mp::Queue<int> results, mp::Lock guard, int code) {
                        guard.acquire();
                        results.put(code);
                        guard.release();
                        throw mp::Exit{code};
                      },
                      queue, lock, i};
    child.start();
    child.join();
    if (child.exitcode() != i || queue.get() != i) return 10 + i;
  }
  mp::Process killed{[] { raise(SIGKILL); }};
  killed.start();
  killed.join();
  if (killed.exitcode() != -9) return 14;
  mp::Pool pool(2);
  if (pool.map([](int x) { return 3 * x; }, {1, 2}) != std::vector{3, 6}) return 15;
  auto [here, there] = mp::Pipe();
  mp::Queue<mp::Connection> ends;
  ends.put(there);
  ends.get().send(4);
  return here.recv<int>() == 4 ? 0 : 16;
}

/// As daemon(3): the parent ends by _exit, the rest leads a session, forks again and has no
/// terminal. The first process waits until the daemon has closed its end of the pipe.
int becomes_a_daemon() {
  int report[2];
  if (pipe(report) != 0) return 2;
  const pid_t first = fork();
  if (first != 0) {
    close(report[1]);
    char result = 99;
    if (read(report[0], &result, 1) != 1) result = 98;
    return waitpid(first, nullptr, 0) == first ? result : 3;
  }
  close(report[0]);
  mp::Queue<int> queue;
  mp::Lock lock;
  mp::Process before{[] {}};
  before.start();
  before.join();
  if (fork() != 0) _exit(0);
  setsid();
  if (fork() != 0) _exit(0);
  for (const int fd : {0, 1, 2}) {
    close(fd);
    if (open("/dev/null", O_RDWR) != fd) _exit(4);
  }
  char result = 97;
  try {
    result = static_cast<char>(work_as_daemon(queue, lock));
  } catch (const std::exception&) {
    result = 96;
  }
  return write(report[1], &result, 1) == 1 ? 0 : 5;
}

/// A pool that may not have its workers says so, and starts work again when there is room.
int may_have_eight_processes() {
  const rlimit few{8, 8};
  if (getuid() != 0 || setrlimit(RLIMIT_NPROC, &few) != 0 || setgid(4321) != 0 || setuid(4321) != 0)
    return 77;
  for (int round = 0; round < 3; ++round) {
    try {
      mp::Pool pool(20);
      return 5;
    } catch (const mp::OSError& error) {
      if (error.code().value() != EAGAIN) return 6;
    }
    mp::Pool small(2);
    if (small.map([](int x) { return 3 * x; }, {1, 2}) != std::vector{3, 6}) return 7;
  }
  return waitpid(-1, nullptr, WNOHANG) > 0 ? 8 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "";
  if (scenario == "daemon") return becomes_a_daemon();
  if (scenario == "processes") return may_have_eight_processes();
  return 64;
}
