#include "process/program_end.hpp"

#include <atomic>
#include <cstdlib>
#include <exception>
#include <limits>

#include "multiprocessing/base/signals.hpp"
#include "process/children.hpp"
#include "process/finalizer.hpp"
#include "process/fork_gate.hpp"
#include "process/fork_server.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {

namespace {

// The program has done its work: what goes wrong here is told, the rest is still done, and the exit
// code stays.
template <class Step>
void take_step(Step step) noexcept {
  try {
    try {
      step();
    } catch (...) {
      warn_at_the_end(describe_current_exception());
    }
  } catch (const std::exception&) {
    print_error("at the end of the process: no memory is left to tell what failed\n");
  }
}

}  // namespace

void finish_process() noexcept {
  const Uninterrupted shield;
  take_step([] { finalize(0); });
  take_step([] { finish_children(); });
  take_step([] { finalize(std::numeric_limits<int>::min()); });
  take_step([] { stop_fork_server(); });
}

void finish_at_exit() {
  static std::atomic<bool> registered = false;
  static const Creator owner;
  // A forked child inherits handler and flag. A Process has an end of its own; a raw fork leaves
  // what it starts to its life pipes.
  if (registered.exchange(true)) return;
  (void)std::atexit([] {
    if (owner.is_this_process()) finish_process();
  });
}

}  // namespace multiprocessing::detail
