#include "support/watchdog.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "support/processes.hpp"

#if defined(__has_feature)  // clang; g++ defines macros
#define TEST_SUPPORT_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SUPPORT_SANITIZED true
#else
#define TEST_SUPPORT_SANITIZED false
#endif

namespace test_support {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::seconds default_time{60};

// Written by the test process, read by the supervisor. A child that a test forks shares it too and
// never writes to it.
struct Board {
  std::atomic<long long> deadline;  // steady_clock, in nanoseconds
  char test[256];                   // for messages only, so a torn name does no harm
};
Board* board = nullptr;
int supervisor_pid = 0;

long long now() { return steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1}; }

long long after(std::chrono::seconds allowed) {
  return now() + static_cast<long long>(1e9 * patience() * static_cast<double>(allowed.count()));
}

bool under_valgrind() {
  const char* preload = std::getenv("LD_PRELOAD");
  return preload != nullptr && std::strstr(preload, "vgpreload") != nullptr;
}

void show_file(const std::string& path, const char* title) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);)
    std::fprintf(stderr, "      %s %s\n", title, line.c_str());
}

// Where each thread of the process sleeps, as far as the kernel tells; then by gdb if it is there.
void show_process(const ProcessInfo& process) {
  std::fprintf(stderr, "  %s\n", describe(process).c_str());
  std::string base = "/proc/" + std::to_string(process.pid);
  for (const char* file : {"wchan", "syscall", "stack"}) show_file(base + "/" + file, file);
  if (process.state == 'Z' || std::getenv("MULTIPROCESSING_TEST_NO_GDB") != nullptr) return;
  std::string command =
      "command -v gdb >/dev/null && timeout -s KILL 20 gdb --batch -nx -ex 'thread apply all bt "
      "24' "
      "-p " +
      std::to_string(process.pid) + " 2>/dev/null </dev/null | grep -E '^(#|Thread)' >&2";
  if (std::system(command.c_str()) != 0) std::fprintf(stderr, "      (no backtrace)\n");
}

void bark() {
  std::fprintf(stderr, "\n[ WATCHDOG ] %s did not end in time. Its processes:\n", board->test);
  int shown = 0;
  for (const ProcessInfo& process : descendants_of(getpid()))
    if (++shown <= 12) show_process(process);
  std::fprintf(stderr, "[  FAILED  ] %s (killed by the watchdog)\n", board->test);
}

// Reaps what was orphaned; true when the test process itself has ended, with its status.
bool reap_until_ended(pid_t tests, int& status) {
  int ended = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &ended, WNOHANG)) > 0;) {
    if (pid != tests) continue;
    status = ended;
    return true;
  }
  return false;
}

int exit_status(int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  std::fprintf(stderr, "[  FAILED  ] %s (the test program was killed by signal %d, %s)\n",
               board->test, WTERMSIG(status), strsignal(WTERMSIG(status)));
  return 1;
}

// What the tests started ends with them, within 2 s.
bool nothing_left_behind() {
  long long deadline = after(std::chrono::seconds{2});
  for (;;) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    auto left = descendants_of(getpid());
    if (left.empty()) return true;
    if (now() > deadline) {
      for (const ProcessInfo& process : left)
        std::fprintf(stderr, "[  FAILED  ] left running: %s\n", describe(process).c_str());
      kill_descendants();
      return false;
    }
    usleep(10000);
  }
}

// Until the tests end, or the deadline of the running one passes.
int supervise(pid_t tests) {
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, tests, 0));
  int status = 0;
  while (!reap_until_ended(tests, status)) {
    if (now() > board->deadline) {
      bark();
      kill_descendants();
      return 1;
    }
    // Ends early when the tests do; looks up now and then because deadlines move and orphans die.
    pollfd ready{.fd = pidfd, .events = POLLIN, .revents = 0};
    poll(&ready, 1, 100);
  }
  int code = exit_status(status);
  if (!nothing_left_behind()) code = code == 0 ? 1 : code;
  return code;
}

void end_all(int) {
  kill_descendants();
  _exit(1);
}

}  // namespace

bool sanitized() { return TEST_SUPPORT_SANITIZED; }

double patience() {
  static const double factor = [] {
    const char* asked = std::getenv("MULTIPROCESSING_TEST_PATIENCE");
    double wanted = asked == nullptr ? 1 : std::atof(asked);
    double slowness = sanitized() || under_valgrind() ? 10 : 1;
    return slowness * (wanted > 0 ? wanted : 1);
  }();
  return factor;
}

Watchdog::Watchdog(std::chrono::seconds allowed)
    : previous_(board == nullptr ? 0 : board->deadline.exchange(after(allowed))) {}

Watchdog::~Watchdog() {
  // Outside this scope the time goes on from here.
  if (board != nullptr) board->deadline = std::max(previous_, after(default_time));
}

void watch_test(const char* name) {
  if (board == nullptr) return;
  std::snprintf(board->test, sizeof board->test, "%s", name);
  board->deadline = after(default_time);
}

int supervisor() { return supervisor_pid; }

int run_supervised(int (*tests)(int, char**), int argc, char** argv) {
  void* memory =
      mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return tests(argc, argv);
  board = new (memory) Board{};
  watch_test("(before the first test)");
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a test orphans comes to us
  pid_t child = fork();
  if (child < 0) return tests(argc, argv);
  if (child == 0) {
    supervisor_pid = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();  // a test that kills its group kills neither us nor the shell
    return tests(argc, argv);
  }
  for (int signal_number : {SIGTERM, SIGINT, SIGHUP}) signal(signal_number, end_all);
  return supervise(child);
}

}  // namespace test_support
