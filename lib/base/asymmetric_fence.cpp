#include "base/asymmetric_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace multiprocessing::detail {
namespace {

bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

// Where a filter refuses the system call to this process alone, other processes may have
// registered. Then a sleep does instead: what a processor has in its store buffer is out within
// microseconds.
void sleep_long_enough() {
  timespec left{.tv_sec = 0, .tv_nsec = 2'000'000};
  // By number, because the C library's function is a point at which a thread may be cancelled.
  while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace

bool register_light_fences() {
  const int before = errno;
  const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
  errno = before;
  return registered;
}

void heavy_fence() {
  const int before = errno;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED)) sleep_long_enough();
  errno = before;
}

}  // namespace multiprocessing::detail
