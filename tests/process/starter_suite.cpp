#include "starter_suite.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "support/asked.hpp"

namespace process_test {
namespace {

/// The library's own questions are not asked here: /proc is read anew.
std::string lines_of_status() {
  std::string found;
  std::ifstream status{"/proc/thread-self/status"};
  for (std::string line; std::getline(status, line);)
    for (const char* name :
         {"Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "CapInh", "CapPrm", "CapEff",
          "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Cpus_allowed"})
      if (line.starts_with(name)) found += line + '\n';
  return found;
}

std::string links() {
  std::string found;
  char target[4096];
  for (const char* name : {"ns/ipc", "ns/mnt", "ns/net", "ns/user", "ns/uts", "cwd"}) {
    const std::string path = std::string{"/proc/thread-self/"} + name;
    const ssize_t size = readlink(path.c_str(), target, sizeof target);
    found += std::string(target, static_cast<std::size_t>(std::max<ssize_t>(size, 0))) + '\n';
  }
  return found;
}

}  // namespace

std::string view() {
  struct stat root {};
  stat("/", &root);
  std::ostringstream text;
  text << lines_of_status() << content_of("/proc/self/limits") << links() << "root " << root.st_dev
       << ' ' << root.st_ino << "\nsecurebits " << prctl(PR_GET_SECUREBITS) << "\nnice "
       << getpriority(PRIO_PROCESS, 0) << "\npolicy " << sched_getscheduler(0) << "\nio "
       << syscall(SYS_ioprio_get, 1, 0) << '\n';
  return text.str();
}

namespace {

void compare(const std::string& starter) {
  const std::string own = view();
  if (own == starter) return;
  std::fprintf(stderr, "child:\n%sstarter:\n%s", own.c_str(), starter.c_str());
  throw mp::Exit{1};
}

}  // namespace

int strangers_among(int children) {
  int found = 0;
  const std::string own = view();
  for (int i = 0; i < children; ++i) found += run_in_child(compare, own) != 0;
  return found;
}

int before_and_after(void (*change)(), int children) {
  if (strangers_among(children) != 0) return 2;
  change();
  return strangers_among(children) != 0 ? 3 : 0;
}

int children_asked_for() { return test_support::asked("MULTIPROCESSING_TEST_CHILDREN", 100); }

int exitcode_when(void (*change)(), int children) {
  return run_in_child(
      [](void (*how)(), int count) { throw mp::Exit{before_and_after(how, count)}; }, change,
      children);
}

void require(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

void block(int signal_number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number);
  require(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "pthread_sigmask");
}

void lower(int resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  require(setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0, "setrlimit");
}

namespace {

void use_first_processor_allowed() {
  cpu_set_t set;
  require(sched_getaffinity(0, sizeof set, &set) == 0, "sched_getaffinity");
  int first = 0;
  while (!CPU_ISSET(first, &set)) ++first;
  CPU_ZERO(&set);
  CPU_SET(first, &set);
  require(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

}  // namespace

void set_no_new_privs() { require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs"); }

void change_settings() {
  umask(027);
  require(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 7) == 0, "setpriority");
  lower(RLIMIT_CORE, 0, 0);
  lower(RLIMIT_NOFILE, 256, 512);
  use_first_processor_allowed();
  block(SIGUSR1);
  signal(SIGUSR2, SIG_IGN);
  signal(SIGRTMIN, SIG_IGN);
  require(chdir("/tmp") == 0, "chdir");
}

}  // namespace process_test
