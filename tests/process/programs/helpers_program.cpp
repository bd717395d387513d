// A host that waits for all its children, and counts the signals that they send, after this library
// has started helpers of its own. Arguments: the scenario, then what kind of process the host is;
// the start method comes from the environment. Ends with 0 when all was right, 77 when the host
// cannot be of that kind here.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/death.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/process.hpp"
#include "process/fork_gate.hpp"
#include "process/fork_server_client.hpp"
#include "process/keeper_client.hpp"
#include "process/mailbox.hpp"

namespace mp = multiprocessing;

namespace {

using process_test::Gate;

std::atomic<int> signals{0};
constexpr int not_permitted = 77;

#define CHECK(condition)                                                                     \
  if (!(condition)) {                                                                        \
    std::printf("%s is not so (errno %d, %d signals)\n", #condition, errno, signals.load()); \
    return 1;                                                                                \
  }

bool forkserver() { return mp::get_start_method() == "forkserver"; }

bool runs_child() {
  mp::Process child{[] { throw mp::Exit{3}; }};
  child.start();
  child.join();
  return child.exitcode() == 3;
}

bool has_no_children() { return wait(nullptr) == -1 && errno == ECHILD; }

/// What a host does that has made one child by hand.
bool waits_for_all_its_own() {
  const pid_t own = fork();
  if (own == 0) _exit(0);
  return wait(nullptr) == own && has_no_children();
}

/// The number of signals that were sent since it was called last.
int new_signals() { return signals.exchange(0); }

bool server_is_killed() {
  const pid_t server = mp::detail::fork_server_pid();
  const auto pidfd = mp::detail::open_pidfd(server);
  kill(server, SIGKILL);
  return mp::detail::wait_readable(pidfd.get(), mp::detail::Deadline::never());
}

int waits_after_a_process() {
  CHECK(runs_child());
  CHECK(new_signals() == (forkserver() ? 0 : 1));
  CHECK(waits_for_all_its_own());
  CHECK(new_signals() == 1);
  return 0;
}

int waits_after_an_end_in_a_message() {
  auto leave_end = [] {
    std::shared_ptr<mp::detail::EndFd> end;
    {
      std::scoped_lock guard{mp::detail::fork_gate()};
      end = std::make_shared<mp::detail::EndFd>(mp::detail::make_channel().second);
    }
    return mp::detail::leave_ends({&end, 1}, mp::detail::Deadline::never());
  };
  const mp::detail::Handle ticket = leave_end();
  CHECK(waits_for_all_its_own());
  CHECK(new_signals() == 1);
  return 0;
}

int waits_after_the_server_ended() {
  mp::set_start_method("forkserver", {.force = true});
  CHECK(runs_child());
  CHECK(server_is_killed());
  CHECK(has_no_children());
  CHECK(runs_child());  // by another server
  CHECK(has_no_children());
  mp::detail::stop_fork_server();
  CHECK(has_no_children());
  CHECK(new_signals() == 0);
  return 0;
}

pid_t parent_of(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("PPid:")) return std::stoi(line.substr(5));
  return 0;
}

int goes_on_without_the_reaper() {
  mp::set_start_method("forkserver", {.force = true});
  CHECK(runs_child());
  const pid_t server = mp::detail::fork_server_pid();
  const pid_t reaper = parent_of(server);
  CHECK(parent_of(reaper) == getpid());
  kill(reaper, SIGKILL);
  siginfo_t ended{};
  CHECK(waitid(P_PID, static_cast<id_t>(reaper), &ended, WEXITED | WNOWAIT | __WALL) == 0);
  CHECK(runs_child());
  CHECK(mp::detail::fork_server_pid() == server);
  CHECK(new_signals() == 0);
  return 0;
}

/// What a parent holds on to that its server and its reaper take no copy of.
int reaper_holds_nothing() {
  const std::vector<char> much(std::size_t{32} << 20, 1);
  CHECK(runs_child());
  const pid_t reaper = parent_of(mp::detail::fork_server_pid());
  const std::string folder = "/proc/" + std::to_string(reaper);
  std::string name;
  while (name != "mp-reaper") std::getline(std::ifstream{folder + "/comm"}, name);
  std::size_t mapped = ~std::size_t{};
  do std::ifstream{folder + "/statm"} >> mapped;  // until it has given its memory back
  while (mapped * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) > 8 << 20);
  CHECK(access((folder + "/fd/0").c_str(), F_OK) == 0);  // the line to its parent
  CHECK(access((folder + "/fd/1").c_str(), F_OK) != 0);
  CHECK(getsid(reaper) == reaper);
  return much.back() - 1;
}

int inherits_the_children_of_a_killed_server() {
  mp::set_start_method("forkserver", {.force = true});
  Gate gate;
  mp::Process leaves{[](Gate g) { g.wait(), throw mp::Exit{3}; }, gate};
  mp::Process is_killed{[](Gate g) { g.wait(); }, gate};
  mp::Process ended{[] { throw mp::Exit{4}; }};
  leaves.start();
  is_killed.start();
  ended.start();
  CHECK(mp::detail::wait_readable(ended.sentinel(), mp::detail::Deadline::never()));
  CHECK(server_is_killed());
  is_killed.kill();
  is_killed.join();
  gate.open();
  leaves.join();
  ended.join();
  std::printf("%d %d %d\n", *leaves.exitcode(), *is_killed.exitcode(), *ended.exitcode());
  CHECK(leaves.exitcode() == 3);
  CHECK(is_killed.exitcode() == -SIGKILL);
  CHECK(ended.exitcode() == 4);
  CHECK(has_no_children());  // no zombies either
  return 0;
}

/// `left` times more; what the image before has left behind is found by a wait for any child.
int executes_itself(int left) {
  if (left < 3) CHECK(wait(nullptr) > 0 || errno == ECHILD);  // it may have been gone before
  CHECK(runs_child());
  siginfo_t ended{};
  CHECK(waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT | __WCLONE) == 0);
  CHECK(ended.si_pid == 0);
  if (left == 0) return 0;
  const std::string rest = std::to_string(left - 1);
  execl("/proc/self/exe", "program", "executes_itself", "subreaper", rest.c_str(), nullptr);
  return 2;
}

const std::map<std::string, int (*)()> scenarios{
    {"process", waits_after_a_process},
    {"end", waits_after_an_end_in_a_message},
    {"server_ended", waits_after_the_server_ended},
    {"reaper_killed", goes_on_without_the_reaper},
    {"reaper_holds_nothing", reaper_holds_nothing},
    {"inherits", inherits_the_children_of_a_killed_server},
};

/// Runs the scenario in a process that is the first of a namespace.
int as_init(int (*scenario)()) {
  if (unshare(CLONE_NEWPID) != 0) return not_permitted;
  const pid_t pid = fork();
  if (pid == 0) std::exit(scenario());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 2 ? argv[1] : "", kind = argc > 2 ? argv[2] : "";
  signal(SIGCHLD, [](int) { ++signals; });
  const std::vector<char> much(kind == "large" ? std::size_t{100} << 20 : 0, 1);
  if (kind == "subreaper" && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return not_permitted;
  if (name == "executes_itself") return executes_itself(argc > 3 ? std::stoi(argv[3]) : 3);
  const auto scenario = scenarios.find(name);
  if (scenario == scenarios.end()) return 64;
  return kind == "init" ? as_init(scenario->second) : scenario->second();
}
