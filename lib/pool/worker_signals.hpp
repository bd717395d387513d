// What a worker of a pool does with Ctrl-C.
#pragma once

namespace multiprocessing::detail {

/// In a worker that would die of SIGINT: lives on, because it is for the pool's process to decide
/// what Ctrl-C means. Programs that a task executes, children that it forks and a task that raises
/// the signal itself die of it as ever.
void leave_interrupts_to_the_pool();

}  // namespace multiprocessing::detail
