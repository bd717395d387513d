#include "process/exit_code_of.hpp"

#include <string.h>

#include <chrono>
#include <thread>

#include "base/deadline.hpp"
#include "process/child.hpp"
#include "process/popen.hpp"

namespace multiprocessing::detail {

// A process is dead to its family a moment before its parent, or the fork server, can reap it.
int exit_code_of(Member ended) {
  using namespace std::chrono_literals;
  const Deadline deadline{1s};
  if (const auto child = child_with(ended); child != nullptr)
    if (child->join(deadline)) return child->exitcode().value_or(status_lost);
  for (;;) {
    if (const auto code = left_exit_code(ended)) return *code;
    if (deadline.passed()) return status_lost;
    std::this_thread::sleep_for(2ms);
  }
}

std::string describe_end(int exitcode) {
  if (exitcode >= 0) return "exited with code " + std::to_string(exitcode);
  const char* signal = sigabbrev_np(-exitcode);
  return "was killed by " +
         (signal != nullptr ? "SIG" + std::string(signal) : "signal " + std::to_string(-exitcode));
}

}  // namespace multiprocessing::detail
