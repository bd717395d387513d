#include "process/stranger.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

using std::chrono::milliseconds;

// How often a wait looks whether the process lives, for the cases where its pidfd cannot tell.
constexpr milliseconds look{50};

int try_open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Stranger::Stranger(Member member, pid_t pid, std::string name, bool daemon)
    : member_(member), pid_(pid), name_(std::move(name)), daemon_(daemon) {}

Bytes Stranger::authkey() const {
  throw ValueError("the authkey of another process is not known here: keys are never sent");
}

Stranger::~Stranger() { UniqueFd{pidfd_.load(std::memory_order_relaxed)}.reset(); }

// The family takes a child that was killed before it had come to life for one on its way, until its
// parent looks; the kernel knows better.
bool Stranger::is_alive() {
  if (!alive(member_)) return false;
  const int fd = pidfd();
  return fd < 0 || !wait_readable(fd, Deadline{Timeout{milliseconds{0}}});
}

int Stranger::pidfd() {
  int known = pidfd_.load(std::memory_order_acquire);
  if (known >= 0) return known;
  UniqueFd opened{try_open_pidfd(pid_)};
  // The process lived after the descriptor was opened, so its id was its own then.
  if (!opened || !alive(member_)) return -1;
  if (!pidfd_.compare_exchange_strong(known, opened.get(), std::memory_order_acq_rel)) return known;
  return opened.release();
}

std::optional<int> Stranger::exitcode() {
  if (is_alive()) return std::nullopt;
  if (const int fd = pidfd_.load(std::memory_order_acquire); fd >= 0)
    if (auto code = exit_code_of_stranger(fd)) return code;
  return left_exit_code(member_);
}

bool Stranger::join(const Deadline& deadline) {
  while (is_alive()) {
    if (deadline.passed()) return false;
    check_interruption();
    const Deadline slice = deadline.at_most(look);
    if (const int fd = pidfd(); fd >= 0)
      (void)await_readable(fd, slice);
    else
      std::this_thread::sleep_for(slice.left());
  }
  return true;
}

int Stranger::sentinel() {
  if (int fd = pidfd(); fd >= 0) return fd;
  throw_os_error(ESRCH, "pidfd_open", name_);
}

void Stranger::send_signal(int signal) {
  const int fd = pidfd();
  // Without a pidfd, where that call is refused: it lived a moment ago, so the number was its own.
  const bool told = fd >= 0      ? signal_process(fd, pid_, signal)
                    : is_alive() ? ::kill(pid_, signal) == 0 || errno == ESRCH
                                 : true;
  if (!told) throw_os_error("kill", name_);
}

}  // namespace multiprocessing::detail
