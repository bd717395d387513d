#include "base/reaper.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

namespace multiprocessing::detail {
namespace {

// A system call that needs nothing of the C library: its data are unmapped by then. What is inlined
// here says for itself that it is not to be instrumented.
#if defined(__x86_64__)
#define MULTIPROCESSING_REAPER_GIVES_BACK_MEMORY
MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline long direct_call(
    long number, long a, long b, long c, long d) noexcept {
  register long fourth asm("r10") = d;
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(fourth)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
#define MULTIPROCESSING_REAPER_GIVES_BACK_MEMORY
MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline long direct_call(
    long number, long a, long b, long c, long d) noexcept {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else  // the C library is there, since its memory stays a copy of the parent's

MULTIPROCESSING_BORROWED_MEMORY inline long direct_call(long number, long a, long b, long c,
                                                        long d) noexcept {
  const long result = syscall(number, a, b, c, d);
  return result < 0 ? -errno : result;
}
#endif

#ifdef MULTIPROCESSING_REAPER_GIVES_BACK_MEMORY

// What is unmapped at once at the least: a multiple of every page size.
constexpr std::uintptr_t unit = 64 * 1024;

struct Window {
  std::uintptr_t begin, end;
};

MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline Window around(
    std::uintptr_t place, std::uintptr_t size) noexcept {
  const std::uintptr_t middle = place / unit * unit;
  return {middle < size ? 0 : middle - size, middle + unit + size};
}

// Some of it may be sealed (mseal(2)) or a sanitizer's own, and stays: a call for too much fails
// whole, so it is made for half as much then.
MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline void unmap(
    std::uintptr_t at, std::uintptr_t end) noexcept {
  std::uintptr_t step = std::uintptr_t{1} << 56;
  while (at < end) {
    const std::uintptr_t size = end - at < step ? end - at : step;
    const bool done =
        direct_call(SYS_munmap, static_cast<long>(at), static_cast<long>(size), 0, 0) == 0;
    if (!done && step > unit) {
      step /= 2;
      continue;
    }
    at += size;
    if (done && step < std::uintptr_t{1} << 56) step *= 2;
  }
}

// The end of what can be mapped, less one unit.
MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline std::uintptr_t
end_of_memory() noexcept {
  std::uintptr_t end = std::uintptr_t{1} << 56;
  while (end > std::uintptr_t{1} << 36 &&
         direct_call(SYS_munmap, static_cast<long>(end - 2 * unit), unit, 0, 0) != 0)
    end /= 2;
  return end - unit;
}

MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline void order(
    Window& first, Window& second) noexcept {
  if (first.begin <= second.begin) return;
  const Window kept = first;
  first = second;
  second = kept;
}

// Unmaps all but the code of the caller, the stack, and the block of the thread, in which the
// kernel may have been asked to write when it goes on (rseq(2)). A page of the parent that stayed
// mapped here would be copied when the parent writes to it.
MULTIPROCESSING_BORROWED_MEMORY __attribute__((always_inline)) inline void give_back_memory(
    const void* code) noexcept {
  constexpr std::uintptr_t near_thread = 16 * unit;
  Window first = around(reinterpret_cast<std::uintptr_t>(code), 0);
  first.end += unit;
  Window second = around(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)), unit);
  Window third = around(reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer()), near_thread);
  order(first, second);
  order(second, third);
  order(first, second);
  const std::uintptr_t end = end_of_memory();
  unmap(0, first.begin);
  unmap(first.end, second.begin);
  unmap(second.end < first.end ? first.end : second.end, third.begin);
  unmap(third.end < second.end ? second.end : third.end, end);
}

#else

inline void give_back_memory(const void*) noexcept {}

#endif

// A parent that has executed another program does not know of this process, which would stay in its
// table of children, found by no ordinary wait. Executing a program makes this process an ordinary
// child, so it executes its own, which ends at once at the sight of its argument. The line is at
// its end then, since the parent's end is close-on-exec.
//
// Without memory of its own: it must not call any other function nor be instrumented.
[[noreturn]] MULTIPROCESSING_BORROWED_MEMORY
    __attribute__((noinline, aligned(64), no_profile_instrument_function)) void
    wait_without_memory(long child, long parent) noexcept {
  char program[] = "/proc/self/exe";
  char mark[sizeof reaper_mark];
  __builtin_memcpy(mark, reaper_mark, sizeof mark);
  char* const arguments[] = {program, mark, nullptr};
  asm volatile("" : : "r"(arguments) : "memory");  // they are on the stack from here on
  give_back_memory(reinterpret_cast<const void*>(&wait_without_memory));
  while (direct_call(SYS_wait4, child, 0, 0, 0) == -EINTR) continue;
  char nothing = 0;
  const long got = direct_call(SYS_read, reaper_line, reinterpret_cast<long>(&nothing), 1, 0);
  if (got == 0 && direct_call(SYS_getppid, 0, 0, 0, 0) == parent)
    direct_call(SYS_execve, reinterpret_cast<long>(program), reinterpret_cast<long>(arguments),
                reinterpret_cast<long>(arguments + 2), 0);
  for (;;) direct_call(SYS_exit_group, 0, 0, 0, 0);
}

bool is_reaper(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
  std::string name;
  return std::getline(file, name) && name == reaper_name;
}

}  // namespace

pid_t fork_hidden(int& pidfd) noexcept {
  // Not by fork(): its handlers are for processes that go on to run this program.
  return static_cast<pid_t>(syscall(SYS_clone, CLONE_PIDFD, nullptr, &pidfd, nullptr, nullptr));
}

MULTIPROCESSING_BORROWED_MEMORY void be_reaper(pid_t child) noexcept {
  close_from(reaper_line + 1);
  syscall(SYS_fcntl, reaper_line, F_SETFL, O_NONBLOCK);
  // A stop of the parent's process group would be reported to the parent for each of its children.
  syscall(SYS_setsid);
  syscall(SYS_chdir, "/");
  syscall(SYS_prctl, PR_SET_NAME, reaper_name, 0, 0, 0);
  wait_without_memory(child, syscall(SYS_getppid));
}

bool inherits_orphans() noexcept {
  int is_subreaper = 0;
  (void)::prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper);
  return is_subreaper != 0 || ::getpid() == 1;
}

std::size_t private_memory() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t mapped = 0, resident = 0, shared = 0;  // in pages
  if (!(file >> mapped >> resident >> shared) || resident < shared) return 0;
  return (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void reap_reapers() noexcept try {
  for (;;) {
    siginfo_t ended{};
    constexpr int hidden = WEXITED | WNOHANG | __WCLONE;
    if (waitid(P_ALL, 0, &ended, hidden | WNOWAIT) != 0) return;
    if (ended.si_pid == 0 || !is_reaper(ended.si_pid)) return;
    if (waitid(P_PID, static_cast<id_t>(ended.si_pid), &ended, hidden) != 0) return;
  }
} catch (...) {
  return;  // out of memory; the next one does it
}

}  // namespace multiprocessing::detail
