#include "base/death.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

#ifndef SYS_pidfd_open
constexpr long SYS_pidfd_open = 434;
#endif
#ifndef SYS_pidfd_send_signal
constexpr long SYS_pidfd_send_signal = 424;
#endif

// P_PIDFD by its number: older headers lack the name, and it is an enumerator.
constexpr auto by_pidfd = static_cast<idtype_t>(3);

// The first 64 bytes of the kernel's struct pidfd_info; the size is part of the request.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::uint32_t pid, tgid, ppid;
  std::uint32_t ids[8];
  std::int32_t exit_code;  // as wait(2) encodes it
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t wants_exit = 1U << 3;
const auto get_info = _IOWR(0xFF, 11, PidfdInfo);

Reaped reap_by_pid(pid_t pid) {
  int status = 0;
  pid_t found = 0;
  do found = ::waitpid(pid, &status, WNOHANG | __WALL);
  while (found < 0 && errno == EINTR);
  if (found == 0) return {.state = Reaped::running};
  if (found < 0 && errno == ECHILD) return {.state = Reaped::lost};
  if (found < 0) throw_os_error("waitpid", std::to_string(pid));
  return {.state = Reaped::ended,
          .exitcode = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status)};
}

}  // namespace

UniqueFd open_pidfd(pid_t pid) {
  UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!pidfd) throw_os_error("pidfd_open", std::to_string(pid));
  return clear_of_stdio(std::move(pidfd));
}

Reaped reap(int pidfd, pid_t pid) {
  siginfo_t info{};
  int failed = 0;
  do failed = ::waitid(by_pidfd, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | __WALL);
  while (failed != 0 && errno == EINTR);
  if (failed != 0 && errno == ECHILD) return {.state = Reaped::lost};
  // A kernel without P_PIDFD, a sandbox without waitid: waitpid says what is wrong, if it is not
  // that.
  if (failed != 0) return reap_by_pid(pid);
  if (info.si_pid == 0) return {.state = Reaped::running};
  return {.state = Reaped::ended,
          .exitcode = info.si_code == CLD_EXITED ? info.si_status : -info.si_status};
}

std::optional<bool> has_ended_by_waitid(int pidfd) noexcept {
  siginfo_t info{};
  constexpr int look = WEXITED | WNOHANG | WNOWAIT | __WALL;
  if (::waitid(by_pidfd, static_cast<id_t>(pidfd), &info, look) != 0) return std::nullopt;
  return info.si_pid != 0;
}

bool kill_and_reap(pid_t pid, const Deadline& patience) noexcept {
  const bool dies = ::kill(pid, SIGKILL) == 0 || errno == ESRCH;
  for (;;) {
    const pid_t reaped = ::waitpid(pid, nullptr, dies ? 0 : WNOHANG);
    if (reaped == pid || (reaped < 0 && errno != EINTR)) return true;
    if (reaped == 0 && patience.passed()) return false;
    if (reaped == 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

namespace {

/// As proc(5) has it: T or t when it is stopped, Z or X when it has ended; 0 when it is not there.
char state_letter(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(file, text);
  const std::size_t name_ends = text.rfind(") ");  // the name may hold anything
  return name_ends < text.size() - 2 ? text[name_ends + 2] : '\0';
}

}  // namespace

bool is_stopped(pid_t pid) {
  const char state = state_letter(pid);
  return state == 'T' || state == 't';
}

bool cannot_answer(pid_t pid) {
  const char state = state_letter(pid);
  if (state == '\0') return ::kill(pid, 0) != 0 && errno == ESRCH;
  return state == 'T' || state == 't' || state == 'Z' || state == 'X';
}

bool signal_process(int pidfd, pid_t pid, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 || errno == ESRCH)
    return true;
  // Sandboxes and old container engines refuse the newer call alone. As long as the pidfd does not
  // tell of its end, the process has not been reaped, and the number is its own.
  pollfd end{.fd = pidfd, .events = POLLIN, .revents = 0};
  const int refused = errno;
  const int ended = ::poll(&end, 1, 0);
  if (ended > 0) return true;
  if (ended == 0 && (::kill(pid, signal) == 0 || errno == ESRCH)) return true;
  errno = refused;
  return false;
}

std::optional<ExitCode> exit_code_of_stranger(int pidfd) {
  PidfdInfo info{};
  info.mask = wants_exit;
  if (::ioctl(pidfd, get_info, &info) < 0 || (info.mask & wants_exit) == 0) return std::nullopt;
  const int status = info.exit_code;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

LifePipe make_life_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw_os_error("pipe2", "for the parent's life");
  UniqueFd read_end{ends[0]}, write_end{ends[1]};
  return {clear_of_stdio(std::move(read_end)), clear_of_stdio(std::move(write_end))};
}

void die_with(int life_read_end, int signal) {
  const f_owner_ex self{.type = F_OWNER_PID, .pid = ::getpid()};
  if (::fcntl(life_read_end, F_SETSIG, signal) < 0 ||
      ::fcntl(life_read_end, F_SETOWN_EX, &self) < 0 ||
      ::fcntl(life_read_end, F_SETFL, O_ASYNC) < 0)
    throw_os_error("fcntl", "life pipe");
  // A writer that went before the signal was set gives none.
  pollfd end{.fd = life_read_end, .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, 0) <= 0 || (end.revents & POLLHUP) == 0) return;
  if (::kill(::getpid(), signal) != 0) ::_exit(128 + signal);  // refused by a sandbox
}

}  // namespace multiprocessing::detail
