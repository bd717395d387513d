#include "base/spawning.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/all_signals_blocked.hpp"
#include "base/close_on_exec.hpp"
#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/published_string.hpp"
#include "base/reaper.hpp"
#include "base/rights.hpp"
#include "base/start_up.hpp"
#include "base/waiting.hpp"

#ifdef __GLIBC__
// The same function by the name that sanitizers do not replace: theirs takes the child for a fork.
extern "C" int __clone(int (*)(void*), void* stack, int flags, void*, ...) noexcept;
#else
#define __clone clone
#endif

namespace multiprocessing::detail {
namespace {

constinit PublishedString chosen_program;

// How long a reaper has to end when its helper could not be started.
constexpr std::chrono::milliseconds time_to_end{500};

// Up to this much memory a copy of it takes less time than executing a program; the parent has to
// write to each page of it anew, too.
constexpr std::size_t most_memory_to_copy = 64 << 20;

constexpr std::size_t stack_size = 64 * 1024;
constexpr std::size_t kernel_signal_set = sizeof(SignalBits);

// How far a child came. `error` is 0 when it executed.
struct Outcome {
  pid_t pid = -1;
  enum { cloning, executing, passing_on } step = cloning;
  int failed_descriptor = -1;
  int error = 0;
};

// All that the child reads and writes. It lies in the parent, where the thread that forks stands
// still until the child has executed or ended.
struct Plan {
  int program_fd = -1;
  const char* path = nullptr;  // instead of program_fd
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const int* descriptors = nullptr;
  std::size_t descriptor_count = 0;
  SignalBits signal_mask = 0;  // the caller's
  bool own_group = false;
  std::uint64_t ignored = 0;  // though they have a handler now
  HandOver hand_over;
  Outcome outcome;
};

// A handler of the parent must not run in the child, where it would see the parent's memory.
MULTIPROCESSING_BORROWED_MEMORY void drop_signal_handlers(std::uint64_t ignored) noexcept {
  // The kernel's struct sigaction begins with the handler and is smaller than this; all zero is the
  // default action.
  std::uintptr_t action[16];
  const std::uintptr_t default_action[16] = {};
  const std::uintptr_t ignore_action[16] = {reinterpret_cast<std::uintptr_t>(SIG_IGN)};
  for (int number = 1; number < _NSIG; ++number) {
    if (syscall(SYS_rt_sigaction, number, nullptr, action, kernel_signal_set) != 0) continue;
    if (action[0] == reinterpret_cast<std::uintptr_t>(SIG_DFL)) continue;
    if (action[0] == reinterpret_cast<std::uintptr_t>(SIG_IGN)) continue;
    const bool ignores = (ignored >> (number - 1) & 1) != 0;
    syscall(SYS_rt_sigaction, number, ignores ? ignore_action : default_action, nullptr,
            kernel_signal_set);
  }
}

MULTIPROCESSING_BORROWED_MEMORY bool pass_on_descriptors(Plan& plan) noexcept {
  plan.outcome.step = Outcome::passing_on;
  set_close_on_exec_from(3);
  for (std::size_t i = 0; i < plan.descriptor_count; ++i) {
    plan.outcome.failed_descriptor = plan.descriptors[i];
    if (syscall(SYS_fcntl, plan.descriptors[i], F_SETFD, 0) < 0) return false;
  }
  return true;
}

MULTIPROCESSING_BORROWED_MEMORY int run_child(void* argument) noexcept {
  Plan& plan = *static_cast<Plan*>(argument);
  drop_signal_handlers(plan.ignored);
  if (plan.own_group) syscall(SYS_setpgid, 0, 0);
  if (pass_on_descriptors(plan)) {
    plan.outcome.step = Outcome::executing;
    hand_over(plan.hand_over);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &plan.signal_mask, nullptr, kernel_signal_set);
    if (plan.path != nullptr)
      syscall(SYS_execve, plan.path, plan.arguments, plan.environment);
    else
      syscall(SYS_execveat, plan.program_fd, "", plan.arguments, plan.environment, AT_EMPTY_PATH);
  }
  plan.outcome.error = errno;
  syscall(SYS_exit_group, 127);
  return 127;
}

class ChildStack {
 public:
  ChildStack()
      : memory_(::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
    if (memory_ == MAP_FAILED) throw_os_error("mmap", "stack for starting a child");
  }
  ~ChildStack() { ::munmap(memory_, stack_size); }
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;

  [[nodiscard]] void* top() const { return static_cast<char*>(memory_) + stack_size; }

 private:
  void* memory_;
};

// With all signals blocked: one that arrives in the child would work on the parent's memory.
MULTIPROCESSING_BORROWED_MEMORY void execute(Plan& plan, const ChildStack& stack, int flags,
                                             int* pidfd) noexcept {
  plan.outcome.pid =
      ::__clone(run_child, stack.top(), CLONE_VM | CLONE_VFORK | SIGCHLD | flags, &plan, pidfd);
  if (plan.outcome.pid < 0)
    plan.outcome.error = errno;
  else if (plan.outcome.error != 0)
    syscall(SYS_wait4, plan.outcome.pid, nullptr, 0, nullptr);
}

Spawned run(Plan& plan) {
  const ChildStack stack;
  const AllSignalsBlocked blocked{AllSignalsBlocked::even_of_libraries};
  plan.signal_mask = blocked.before();
  int pidfd = -1;
  execute(plan, stack, CLONE_PIDFD, &pidfd);
  return {.pid = plan.outcome.pid, .pidfd = UniqueFd{pidfd}};
}

struct Line {
  UniqueFd ours, its;
};

Line make_line() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw_os_error("socketpair", "to start a helper");
  UniqueFd ours{ends[0]}, its{ends[1]};
  return {clear_of_stdio(std::move(ours)), clear_of_stdio(std::move(its))};
}

// The parent has a descriptor of the program before its number can be another one's: so long the
// program is not reaped. It sends a byte over the line then, or has died.
[[noreturn]] MULTIPROCESSING_BORROWED_MEMORY void start_and_reap(Plan& plan,
                                                                 const ChildStack& stack,
                                                                 int line) noexcept {
  execute(plan, stack, 0, nullptr);
  syscall(SYS_dup3, line, reaper_line, O_CLOEXEC);
  close_from(reaper_line + 1);
  const bool told = syscall(SYS_write, reaper_line, &plan.outcome, sizeof plan.outcome) > 0;
  // The parent then sees the end of the line, and takes both for killed.
  if (!told && plan.outcome.pid > 0) syscall(SYS_kill, plan.outcome.pid, SIGKILL);
  if (!told || plan.outcome.error != 0) syscall(SYS_exit_group, 127);
  char nothing = 0;
  while (syscall(SYS_read, reaper_line, &nothing, 1) < 0 && errno == EINTR) continue;
  be_reaper(plan.outcome.pid);
}

// The reaper; none, and errno, when it cannot be made.
Spawned run_with_reaper(Plan& plan, const Line& line, const ChildStack& stack) {
  const AllSignalsBlocked blocked{AllSignalsBlocked::even_of_libraries};
  plan.signal_mask = blocked.before();
  int pidfd = -1;
  const pid_t pid = fork_hidden(pidfd);
  if (pid == 0) start_and_reap(plan, stack, line.its.get());
  return {.pid = pid, .pidfd = UniqueFd{pidfd}};
}

struct Orphaning {
  Plan& plan;
  const ChildStack& stack;
  int line;
};

MULTIPROCESSING_BORROWED_MEMORY int start_and_leave(void* argument) noexcept {
  const auto& told = *static_cast<const Orphaning*>(argument);
  execute(told.plan, told.stack, 0, nullptr);
  syscall(SYS_write, told.line, &told.plan.outcome, sizeof told.plan.outcome);
  syscall(SYS_exit_group, 0);
  return 0;
}

// The program's parent ends at once. It borrows the memory, and has no signal for its end either.
bool run_as_orphan(Plan& plan, const Line& line, const ChildStack& stack) {
  const ChildStack stack_of_parent;
  Orphaning told{plan, stack, line.its.get()};
  const AllSignalsBlocked blocked{AllSignalsBlocked::even_of_libraries};
  plan.signal_mask = blocked.before();
  const pid_t pid =
      ::__clone(start_and_leave, stack_of_parent.top(), CLONE_VM | CLONE_VFORK, &told);
  if (pid < 0) return false;
  syscall(SYS_wait4, pid, nullptr, __WALL, nullptr);
  return true;
}

void read_outcome(Plan& plan, Line& line) {
  line.its.reset();
  Outcome outcome;
  ssize_t got = -1;
  do got = ::recv(line.ours.get(), &outcome, sizeof outcome, MSG_WAITALL);
  while (got < 0 && errno == EINTR);
  if (got == sizeof outcome) plan.outcome = outcome;
}

void let_reap(const Line& line) {
  (void)::send(line.ours.get(), "", 1, MSG_NOSIGNAL);  // fails where the reaper was killed
}

std::vector<char*> argument_vector(std::span<const std::string> arguments) {
  std::vector<char*> pointers;
  const auto inherited = own_arguments();
  pointers.reserve(arguments.size() + inherited.size() + 2);
  pointers.push_back(const_cast<char*>(own_argv0()));
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.insert(pointers.end(), inherited.begin(), inherited.end());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

void set_program(std::filesystem::path path) {
  chosen_program.set(path.empty() ? std::string{} : std::filesystem::absolute(path).string());
}

namespace {

/// Has `run` follow the plan that starts the program.
template <class Run>
auto with_plan(std::span<const std::string> arguments, std::span<const int> descriptors,
               const Run& run) {
  const std::string_view chosen = chosen_program.get();
  const std::vector<char*> argv = argument_vector(arguments);
  Plan plan;
  OwnProgram own;
  if (chosen.empty()) own = own_program();
  plan.program_fd = own.fd;
  plan.path = chosen.empty() ? own.path : chosen.data();
  plan.arguments = argv.data();
  plan.environment = environ;
  plan.descriptors = descriptors.data();
  plan.descriptor_count = descriptors.size();
  plan.ignored = ignored_but_caught();
  plan.hand_over = plan_hand_over();
  return run(plan);
}

void throw_if_not_executed(const Plan& plan) {
  const Outcome& outcome = plan.outcome;
  if (outcome.error == 0) return;
  if (outcome.step == Outcome::cloning) throw_os_error(outcome.error, "clone");
  if (outcome.step == Outcome::passing_on)
    throw_os_error(outcome.error, "fcntl",
                   "descriptor " + std::to_string(outcome.failed_descriptor));
  throw_os_error(outcome.error, "execute", plan.path == nullptr ? own_program_path() : plan.path);
}

UniqueFd pidfd_of(Spawned& child) {
  return child.pidfd ? clear_of_stdio(std::move(child.pidfd)) : open_pidfd(child.pid);
}

Spawned spawn_directly(Plan& plan) {
  Spawned child = run(plan);
  throw_if_not_executed(plan);
  try {
    child.pidfd = pidfd_of(child);
  } catch (const OSError&) {
    (void)kill_and_reap(child.pid, Deadline{time_to_end});
    throw;
  }
  return child;
}

Spawned find_helper(const Plan& plan, const Spawned& reaper) {
  throw_if_not_executed(plan);
  // A reaper that was killed before it could tell is to the caller a helper that was killed.
  const pid_t pid = plan.outcome.pid > 0 ? plan.outcome.pid : reaper.pid;
  try {
    return {.pid = pid, .pidfd = open_pidfd(pid)};
  } catch (const OSError&) {
    (void)::kill(pid, SIGKILL);
    throw;
  }
}

SpawnedHelper spawn_apart(Plan& plan) {
  const ChildStack stack;
  Line line = make_line();
  Spawned reaper;
  if (inherits_orphans() || private_memory() <= most_memory_to_copy)
    reaper = run_with_reaper(plan, line, stack);
  if (reaper.pid < 0 && (inherits_orphans() || !run_as_orphan(plan, line, stack)))
    return {.program = spawn_directly(plan), .reaper = {}, .line = {}};
  read_outcome(plan, line);
  try {
    if (reaper.pid > 0) reaper.pidfd = pidfd_of(reaper);
    Spawned program = find_helper(plan, reaper);
    if (reaper.pid < 0) return {.program = std::move(program), .reaper = {}, .line = {}};
    let_reap(line);
    return {std::move(program), std::move(reaper), std::move(line.ours)};
  } catch (const OSError&) {
    let_reap(line);  // it ends with a helper that has ended
    if (reaper.pidfd && wait_readable(reaper.pidfd.get(), Deadline{time_to_end}))
      (void)reap(reaper.pidfd.get(), reaper.pid);
    throw;
  }
}

}  // namespace

Spawned spawn_program(std::span<const std::string> arguments, std::span<const int> descriptors,
                      bool own_group) {
  return with_plan(arguments, descriptors, [own_group](Plan& plan) {
    plan.own_group = own_group;
    return spawn_directly(plan);
  });
}

SpawnedHelper spawn_helper(std::span<const std::string> arguments,
                           std::span<const int> descriptors) {
  reap_reapers();
  return with_plan(arguments, descriptors, spawn_apart);
}

}  // namespace multiprocessing::detail
