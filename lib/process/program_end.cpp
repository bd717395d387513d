#include "process/program_end.hpp"

#include <atomic>
#include <cstdlib>
#include <limits>

#include "process/children.hpp"
#include "process/finalizer.hpp"
#include "process/fork_gate.hpp"
#include "process/fork_server.hpp"

namespace multiprocessing::detail {

void finish_process() {
  finalize(0);
  finish_children();
  finalize(std::numeric_limits<int>::min());
  stop_fork_server();
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
