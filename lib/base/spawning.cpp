#include "base/spawning.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/close_on_exec.hpp"
#include "base/death.hpp"
#include "base/os_error.hpp"
#include "base/published_string.hpp"
#include "base/rights.hpp"
#include "base/start_up.hpp"

#ifdef __GLIBC__
// The same function by the name that sanitizers do not replace: theirs takes the child for a fork.
extern "C" int __clone(int (*)(void*), void* stack, int flags, void*, ...) noexcept;
#else
#define __clone clone
#endif

namespace multiprocessing::detail {
namespace {

constinit PublishedString chosen_program;

constexpr std::size_t stack_size = 64 * 1024;
constexpr std::size_t kernel_signal_set = (_NSIG - 1) / 8;

// All that the child reads and writes. It lies in the parent, whose thread stands still until the
// child has executed or ended.
struct Plan {
  int program_fd = -1;
  const char* path = nullptr;  // instead of program_fd
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const int* descriptors = nullptr;
  std::size_t descriptor_count = 0;
  unsigned char signal_mask[kernel_signal_set] = {};  // the caller's
  HandOver hand_over;
  enum { executing, passing_on } step = executing;
  int failed_descriptor = -1;
  int error = 0;
};

// A handler of the parent must not run in the child, where it would see the parent's memory.
MULTIPROCESSING_BORROWED_MEMORY void drop_signal_handlers() noexcept {
  // The kernel's struct sigaction begins with the handler and is smaller than this; all zero is the
  // default action.
  std::uintptr_t action[16];
  const std::uintptr_t default_action[16] = {};
  for (int number = 1; number < _NSIG; ++number) {
    if (syscall(SYS_rt_sigaction, number, nullptr, action, kernel_signal_set) != 0) continue;
    if (action[0] == reinterpret_cast<std::uintptr_t>(SIG_DFL)) continue;
    if (action[0] == reinterpret_cast<std::uintptr_t>(SIG_IGN)) continue;
    syscall(SYS_rt_sigaction, number, default_action, nullptr, kernel_signal_set);
  }
}

MULTIPROCESSING_BORROWED_MEMORY bool pass_on_descriptors(Plan& plan) noexcept {
  plan.step = Plan::passing_on;
  set_close_on_exec_from(3);
  for (std::size_t i = 0; i < plan.descriptor_count; ++i) {
    plan.failed_descriptor = plan.descriptors[i];
    if (syscall(SYS_fcntl, plan.descriptors[i], F_SETFD, 0) < 0) return false;
  }
  return true;
}

MULTIPROCESSING_BORROWED_MEMORY int run_child(void* argument) noexcept {
  Plan& plan = *static_cast<Plan*>(argument);
  drop_signal_handlers();
  if (pass_on_descriptors(plan)) {
    plan.step = Plan::executing;
    hand_over(plan.hand_over);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, plan.signal_mask, nullptr, kernel_signal_set);
    if (plan.path != nullptr)
      syscall(SYS_execve, plan.path, plan.arguments, plan.environment);
    else
      syscall(SYS_execveat, plan.program_fd, "", plan.arguments, plan.environment, AT_EMPTY_PATH);
  }
  plan.error = errno;
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

// Blocks even the C library's own signals, which the library's call does not: one that arrives in
// the child would work on the parent's memory.
class AllSignalsBlocked {
 public:
  explicit AllSignalsBlocked(unsigned char* before) noexcept : before_(before) {
    unsigned char all[kernel_signal_set];
    for (unsigned char& byte : all) byte = 0xff;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, all, before_, kernel_signal_set);
  }
  ~AllSignalsBlocked() {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, before_, nullptr, kernel_signal_set);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  const unsigned char* before_;
};

Spawned run(Plan& plan) {
  const ChildStack stack;
  const AllSignalsBlocked blocked{plan.signal_mask};
  int pidfd = -1;
  const pid_t pid = ::__clone(run_child, stack.top(),
                              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
  if (pid < 0) throw_os_error("clone");
  Spawned child{.pid = pid, .pidfd = UniqueFd{pidfd}};
  if (plan.error != 0) ::waitpid(pid, nullptr, 0);  // not interrupted: signals are blocked
  return child;
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

Spawned spawn_program(std::span<const std::string> arguments, std::span<const int> descriptors) {
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
  plan.hand_over = plan_hand_over();
  Spawned child = run(plan);
  if (plan.error != 0 && plan.step == Plan::passing_on)
    throw_os_error(plan.error, "fcntl", "descriptor " + std::to_string(plan.failed_descriptor));
  if (plan.error != 0)
    throw_os_error(plan.error, "execute", plan.path == nullptr ? own_program_path() : plan.path);
  try {
    child.pidfd = child.pidfd ? clear_of_stdio(std::move(child.pidfd)) : open_pidfd(child.pid);
  } catch (const OSError&) {
    kill_and_reap(child.pid);
    throw;
  }
  return child;
}

}  // namespace multiprocessing::detail
