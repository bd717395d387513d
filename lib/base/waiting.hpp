// Waiting for descriptors; and where to begin in this module.
//
// What others wait with:  deadline.hpp, futex.hpp (asleep on a word), back_off.hpp (how often to
// look
//                         before and between sleeps), interruption.hpp (signals that end a wait)
// What others start with: spawning.hpp (execute this program again), start_hook.hpp (the
//                         __libc_start_main by which a child enters its work instead of main)
// How deaths are seen:    death.hpp (pidfds; life pipe: a pipe that closes when the parent dies),
//                         reaper.hpp (the hidden parent of a service process)
// How crashes are tested: fail_point.hpp (fault injection by named places)
// Other terms: crowded = oversubscribed, more runnable threads than processors; look = one read of
// a shared word; doorbell (bell) = a descriptor that wakes a poll.
// Next: back_off.hpp, then fail_point.hpp, death.hpp, spawning.hpp.
#pragma once

#include <poll.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Waits until `fd` is readable, at end-of-file or in error; false when the deadline passed first.
/// Interruptions by signals are waited through.
[[nodiscard]] MULTIPROCESSING_API bool wait_readable(int fd, const Deadline& deadline);

/// The same for a wait of the program's: throws Interrupted, see interruption.hpp.
[[nodiscard]] MULTIPROCESSING_API bool await_readable(int fd, const Deadline& deadline);

/// Which of `fds` are readable, at end-of-file or in error, by index; empty after the deadline.
/// Throws Interrupted.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::size_t> wait_any(std::span<const int> fds,
                                                                    const Deadline& deadline);

/// poll(2) until the deadline, for a wait of the program's: how many are ready. Throws Interrupted,
/// and OSError that names `thing`.
[[nodiscard]] MULTIPROCESSING_API int poll_interruptibly(std::span<pollfd> entries,
                                                         const Deadline& deadline,
                                                         std::string_view thing = {});

}  // namespace multiprocessing::detail
