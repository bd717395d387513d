// A situation of a real program per scenario, named by the first argument; the start method comes
// from the environment. Ends with 0 when all was right, with 77 where the situation cannot be had.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "multiprocessing/base.hpp"
#include "multiprocessing/process.hpp"
#include "process/mailbox.hpp"

namespace mp = multiprocessing;

namespace {

void leave(int code) { throw mp::Exit{code}; }

int code_of(mp::Process child) {
  child.start();
  child.join();
  return *child.exitcode();
}

/// A thread holds the lock of standard input until a line comes, which never does.
int waits_for_input() {
  int ends[2];
  if (pipe(ends) != 0 || dup2(ends[0], STDIN_FILENO) != STDIN_FILENO) return 2;
  std::atomic<long> reader{0};
  std::thread([&reader] {
    reader = syscall(SYS_gettid);
    std::string line;
    std::getline(std::cin, line);
  }).detach();
  while (reader == 0) std::this_thread::yield();
  for (std::string status; status.find(") S ") == std::string::npos; std::this_thread::yield())
    std::getline(std::ifstream{"/proc/self/task/" + std::to_string(reader) + "/stat"}, status);
  const int code = code_of(mp::Process{[] {
    std::string line;
    leave(std::getline(std::cin, line) ? 1 : 0);
  }});
  std::fflush(stdout);
  _exit(code);
}

void become(const char* line) { execl("/bin/sh", "sh", "-c", line, nullptr); }

int executes_another() {
  mp::Process long_one{[] { become("exec sleep 600"); }};
  long_one.start();
  const int code = code_of(mp::Process{[] {
    become(
        "cat; ls -l /proc/self/fd | grep -qE 'memfd|pidfd|eventfd|socket|deleted' && exit 8;"
        "exit 7");
  }});
  const int killed = code_of(mp::Process{[] { become("kill -KILL $$"); }});
  const bool alive = long_one.is_alive();
  long_one.terminate();
  long_one.join();
  return code == 7 && killed == -9 && alive && long_one.exitcode() == -15 ? 0 : 1;
}

/// Works, or throws something that says why; anything else ends the program with an error.
void attempt() {
  try {
    if (code_of(mp::Process{leave, 3}) != 3) _exit(5);
  } catch (const std::exception& error) {
    if (*error.what() == '\0') _exit(6);
  }
}
struct AtEnd {
  pid_t pid = getpid();
  bool armed = false;
  ~AtEnd() {
    if (armed && pid == getpid()) attempt();
  }
};
AtEnd of_the_program;

int starts_where_it_ends() {
  of_the_program.armed = true;
  static AtEnd of_main;
  of_main.armed = true;
  static const pid_t me = getpid();
  std::atexit([] {
    if (getpid() == me) attempt();
  });
  attempt();
  std::atexit([] {
    if (getpid() == me) attempt();
  });
  return 0;
}

/// Executes itself with as many arguments as the system takes, or nearly so.
int executes_itself_with_many_arguments(char* self) {
  rlimit stack{};
  getrlimit(RLIMIT_STACK, &stack);
  std::size_t room = std::min<rlim_t>(stack.rlim_cur / 4, 6 << 20) - 3000;
  for (char** entry = environ; *entry != nullptr; ++entry)
    room -= std::strlen(*entry) + 1 + sizeof(char*);
  std::string scenario = "arguments";
  std::string piece(100'000, 'x');
  std::vector<char*> arguments{self, scenario.data()};
  for (; room > 101'000; room -= 100'001 + sizeof(char*)) arguments.push_back(piece.data());
  std::string rest(room - 40, 'y');
  arguments.push_back(rest.data());
  arguments.push_back(nullptr);
  execv("/proc/self/exe", arguments.data());
  return 77;
}

int has_many_arguments() {
  try {
    return code_of(mp::Process{leave, 0});
  } catch (const mp::OSError& error) {
    return error.code().value() == E2BIG ? 0 : 1;
  }
}

/// Starts go on until they are refused.
int may_have_eight_processes() {
  const rlimit few{8, 8};
  if (getuid() != 0 || setrlimit(RLIMIT_NPROC, &few) != 0 || setgid(4321) != 0 || setuid(4321) != 0)
    return 77;
  for (int round = 0; round < 3; ++round) {
    const process_test::Gate gate;
    std::vector<mp::Process> children;
    int refused = 0;
    for (int i = 0; i < 12; ++i) {
      mp::Process child{[](process_test::Gate until) { until.wait(); }, gate};
      try {
        child.start();
        children.push_back(std::move(child));
      } catch (const mp::OSError& error) {
        ++refused;
        if (error.code().value() != EAGAIN) return 3;
      }
    }
    gate.open();
    if (children.empty() || refused == 0) return 4;
    for (auto& child : children) {
      child.join();
      if (child.exitcode() != 0) return 6;
    }
  }
  return waitpid(-1, nullptr, WNOHANG) > 0 ? 7 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "";
  if (scenario == "waits") return waits_for_input();
  if (scenario == "executes") return executes_another();
  if (scenario == "ends") return starts_where_it_ends();
  if (scenario == "processes") return may_have_eight_processes();
  if (scenario == "arguments" && argc == 2) return executes_itself_with_many_arguments(argv[0]);
  if (scenario == "arguments") return has_many_arguments();
  return 64;
}
