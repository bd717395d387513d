// Whole programs that use a pool, by the first argument. None of them guards its main.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "multiprocessing/pool.hpp"
#include "support/refused_calls.hpp"

namespace mp = multiprocessing;

namespace {

int square(int x) { return x * x; }

void say(const char* text) {
  // By one write each, so that lines of several processes do not mix.
  if (write(STDOUT_FILENO, text, std::string_view(text).size()) < 0) _exit(9);
}

void hang(int) {
  say("busy\n");
  for (;;) pause();
}

const std::vector<int> numbers{1, 2, 3, 4, 5};
const std::vector<int> squares{1, 4, 9, 16, 25};

std::optional<mp::Pool> global;

int keep_until_the_end() {
  global.emplace(2);
  static mp::Pool in_function(2);
  static auto& leaked = *new mp::Pool(2);
  const bool right = global->map(square, numbers) == squares &&
                     in_function.map(square, numbers) == squares &&
                     leaked.map(square, numbers) == squares;
  return right ? 0 : 1;
}

/// Closes what is the library's, as daemons do that close all they do not know.
int all_descriptors_closed(mp::Pool& pool) {
  closefrom(3);
  try {
    pool.map(hang, {1, 2}, 1);
  } catch (const std::exception&) {
    _exit(0);  // the end of a program joins its children, by descriptors that are no more
  }
  return 2;
}

bool join_group(const std::string& folder) {
  std::ofstream file{folder + "/cgroup.procs"};
  return static_cast<bool>(file << getpid() << std::flush);
}

/// A worker that takes more memory than its group may have.
int fill_a_memory_group() {
  mp::Pool pool(1);
  try {
    (void)pool.map(
        [](int) {
          for (std::vector<char*> all;;)
            std::memset(all.emplace_back(new char[1 << 20]), 1, 1 << 20);
          return 0;
        },
        std::vector<int>{1});
  } catch (const mp::WorkerDied& error) {
    say(error.what());
    return 0;
  }
  return 1;
}

/// Ends the program while another thread waits for workers that never come back.
void exit_during_a_map(mp::Pool& pool) {
  std::thread([&pool] {
    try {
      pool.map(hang, {1, 2}, 1);
    } catch (const std::exception&) {
      say("ended\n");  // or never begun
    }
    for (;;) pause();  // the pool is about to go with main's statics
  }).detach();
  char byte = 0;
  // The test writes nothing; standard input is at its end once.
  [[maybe_unused]] const ssize_t none = read(STDIN_FILENO, &byte, 1);
  std::exit(3);
}

/// Ends a pool whose workers may not be signalled: the caller has become another user, or a sandbox
/// refuses the calls. Idle workers leave by themselves; busy ones are killed by their life pipes.
int without_signals(std::string_view mode) {
  sigset_t from_test;
  sigemptyset(&from_test);
  sigaddset(&from_test, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &from_test, nullptr);
  mp::Pool pool(2);
  if (pool.map(square, numbers) != squares) return 1;
  if (mode == "dropped") {
    if (setgid(65534) != 0 || setuid(65534) != 0) return 77;
  } else if (!test_support::refuse_call(SYS_pidfd_send_signal, EPERM) ||
             !test_support::refuse_call(SYS_kill, EPERM)) {
    return 77;
  }
  if (pool.map(square, numbers) != squares) return 1;
  if (mode == "refused while busy") {
    std::thread caller([&pool] {
      try {
        pool.map(hang, {1, 2}, 1);
      } catch (const std::exception&) {
        say("ended\n");
      }
    });
    int number = 0;
    sigwait(&from_test, &number);  // when both are busy
    pool.terminate();
    caller.join();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode != "silent") say("main\n");
  if (mode == "keep") return keep_until_the_end();
  if (mode == "fill") return join_group(argv[2]) ? fill_a_memory_group() : 77;
  if (mode == "dropped" || mode.starts_with("refused")) return without_signals(mode);
  mp::Pool pool(2);
  if (pool.map(square, numbers) != squares) return 1;
  if (mode == "stay") {
    say("ready\n");
    for (;;) pause();
  }
  if (mode == "busy") pool.map(hang, {1, 2}, 1);
  if (mode == "closed") return all_descriptors_closed(pool);
  if (mode == "exit") exit_during_a_map(pool);
  return 0;
}
