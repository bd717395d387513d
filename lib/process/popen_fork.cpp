// fork: the child is a copy of this process.
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "arena/asking_part.hpp"
#include "arena/birth.hpp"
#include "base/all_signals_blocked.hpp"
#include "base/death.hpp"
#include "base/os_error.hpp"
#include "multiprocessing/detail/handover.hpp"
#include "process/child_main.hpp"
#include "process/own_threads.hpp"
#include "process/popen.hpp"
#include "process/standard_streams.hpp"

namespace multiprocessing::detail {
namespace {

// What a child has that may not be signalled, and ends with its life pipe.
constexpr std::chrono::milliseconds time_to_end{500};

/// A child that had ended and been reaped by another thread before we could look at it: SIGCHLD is
/// ignored, or another thread waits for any child.
class GonePopen final : public Popen {
 public:
  explicit GonePopen(const Popen& popen) {
    pid = popen.pid;
    member = popen.member;
    pidfd = clear_of_stdio(UniqueFd{eventfd(1, EFD_CLOEXEC)});  // for a sentinel: readable
    if (!pidfd) throw_os_error("eventfd", "for a child that has ended");
  }
  [[nodiscard]] std::optional<int> poll() override { return code_of_the_lost(*this); }
};

/// What is among the arguments of a child that other start methods could make too: ends, of the
/// others of which it would only keep end-of-file from those on their other side, and objects that
/// ask which child is given them. Nothing for a child of fork alone, such as a lambda with
/// captures, for its arguments cannot be seen: it inherits all.
std::optional<Envelope> envelope_of(const Launch& launch) {
  if (!EndFds::any() && !AskingPart::any() && !HeldEnd::any()) return std::nullopt;
  try {
    Writer unused;
    Envelope envelope;
    write_body(launch, unused, envelope);
    return envelope;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// Signals that have a handler are at default afterwards, as after exec; ignored ones stay ignored.
/// SIGSYS keeps its handler: a sandbox answers refused calls by it, and libpsx has all threads
/// change their rights by it, and both are inherited.
void drop_signal_handlers() noexcept {
  // By the C library's call, which leaves its own two signals alone.
  for (int number = 1; number < _NSIG; ++number) {
    struct sigaction action {};
    if (number == SIGSYS || sigaction(number, nullptr, &action) != 0) continue;
    const bool has_handler = (action.sa_flags & SA_SIGINFO) != 0 ||
                             (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
    if (!has_handler) continue;
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    (void)sigaction(number, &by_default, nullptr);
  }
}

}  // namespace

std::unique_ptr<Popen> popen_fork(const Launch& launch) {
  warn_about_threads();
  auto popen = std::make_unique<Popen>();
  UniqueFd life = keep_life_pipe(*popen);
  const auto given = envelope_of(launch);
  Birth birth;
  popen->member = birth.child();
  if (given) tell_asking_parts(given->outgoing(), popen->member);
  (void)flush_standard_streams();
  AllSignalsBlocked held_back;
  popen->pid = birth.fork();
  if (popen->pid != 0) held_back.let_go();
  if (popen->pid < 0) throw_os_error("fork", launch.preparation.name);
  if (popen->pid == 0) {
    if (!launch.preparation.keep_handlers) drop_signal_handlers();
    held_back.let_go();
    drop_inherited_output();
    if (given) EndFds::close_but(given->ends());
    run_child(launch.preparation, life.release(), launch.run);
  }
  if (launch.preparation.own_group) lead_own_group(popen->pid);
  life.reset();  // its number goes to the pidfd where no other is left
  try {
    popen->pidfd = open_pidfd(popen->pid);
  } catch (const OSError& error) {
    if (error.code().value() == ESRCH) return std::make_unique<GonePopen>(*popen);
    popen->life.close();  // which kills it where it may not be signalled
    (void)kill_and_reap(popen->pid, Deadline{time_to_end});
    throw;
  }
  return popen;
}

}  // namespace multiprocessing::detail
