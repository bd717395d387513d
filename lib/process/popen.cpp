#include "process/popen.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>

#include "base/death.hpp"

namespace multiprocessing::detail {

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

std::unique_ptr<Popen> popen(const Launch& launch) {
  switch (launch.preparation.method) {
    case StartMethod::fork:
      return popen_fork(launch);
    case StartMethod::spawn:
      return popen_spawn(launch);
    case StartMethod::forkserver:
      break;
  }
  return popen_forkserver(launch);
}

void write_body(const Launch& launch, Writer& writer, Luggage& luggage) {
  const OutgoingHandles::Scope handles{luggage.handles};
  const OutgoingFds::Scope fds{luggage.fds};
  launch.write_body(writer);
}

// Parent and child both do it, so that neither meets a group that is not there yet.
void lead_own_group(pid_t pid) { (void)setpgid(pid, 0); }

}  // namespace multiprocessing::detail
