// Running a piece of a test in a forked child.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace base_test {

/// Forks; the child runs `body` and ends with the code it returns.
template <class Body>
[[nodiscard]] pid_t forked(Body&& body) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  int code = 99;
  try {
    code = std::forward<Body>(body)();
  } catch (...) {
  }
  _exit(code);
}

/// The exit code of a child, or minus the signal that ended it.
inline int end_of(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1000;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/// Both in one.
template <class Body>
[[nodiscard]] int result_in_fork(Body&& body) {
  return end_of(forked(std::forward<Body>(body)));
}

}  // namespace base_test
