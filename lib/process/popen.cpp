#include "process/popen.hpp"

#include <unistd.h>

#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "base/death.hpp"
#include "base/interruption.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

namespace {

// Between two looks, where the kernel does not tell.
constexpr std::chrono::milliseconds look{20};

}  // namespace

// poll(2) may be refused, by a sandbox or a limit of open files below the numbers of those that
// are. Then the kernel is asked by other means now and then.
bool Popen::has_ended(const Deadline& deadline) const try {
  return await_readable(pidfd.get(), deadline);
} catch (const OSError&) {
  for (;;) {
    if (has_ended_by_waitid(pidfd.get()).value_or(!alive(member))) return true;
    if (deadline.passed()) return false;
    check_interruption();
    std::this_thread::sleep_for(look);
  }
}

std::optional<int> Popen::poll() {
  const Reaped reaped = reap(pidfd.get(), pid);
  if (reaped.state == Reaped::running) return std::nullopt;
  return reaped.state == Reaped::ended ? reaped.exitcode : code_of_the_lost(*this);
}

int code_of_the_lost(const Popen& popen) {
  if (auto code = exit_code_of_stranger(popen.pidfd.get())) return *code;
  return left_exit_code(popen.member).value_or(status_lost);
}

UniqueFd keep_life_pipe(Popen& popen) {
  std::scoped_lock guard{fork_gate()};
  LifePipe pipe = make_life_pipe();
  popen.life.keep(std::move(pipe.write_end));
  return std::move(pipe.read_end);
}

void write_body(const Launch& launch, Writer& writer, Envelope& envelope) {
  const Envelope::Writing writing{envelope};
  launch.write_body(writer);
}

// Parent and child both do it, so that neither meets a group that is not there yet.
void lead_own_group(pid_t pid) { (void)setpgid(pid, 0); }

}  // namespace multiprocessing::detail
