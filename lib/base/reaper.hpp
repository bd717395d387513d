// The reaper: a small process between this one and a helper, so that waits of the program's do not
// find the helper.
//
// A child that has executed a program is seen by every wait of its parent and sends it SIGCHLD. A
// child that was made with another exit signal and never executes a program is not seen, and sends
// none. The reaper is such a child. It waits for its own child, the helper, and ends with it.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "base/close_on_exec.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What ps calls it.
inline constexpr const char* reaper_name = "mp-reaper";

/// argv[1] of a reaper after its parent has executed another program: it has to end before its
/// main.
inline constexpr char reaper_mark[] = "--multiprocessing-reaper";

/// The one descriptor that a reaper keeps: an end of a pair of sockets. Its parent holds the other
/// for as long as it knows of the reaper.
inline constexpr int reaper_line = 0;

/// Forks a process that sends no signal when it ends, and that only a wait with __WALL or __WCLONE
/// sees. It has a copy of this one's memory, which costs as much as fork(). 0 in it; -1 and errno
/// when there is none. `pidfd` stays -1 on a kernel that does not give one.
[[nodiscard]] pid_t fork_hidden(int& pidfd) noexcept;

/// The rest of its life: gives back terminal, folder, all descriptors but its line and all memory
/// but a few pages, waits for its child, and ends. All signals are blocked.
[[noreturn]] MULTIPROCESSING_BORROWED_MEMORY void be_reaper(pid_t child) noexcept;

/// Whether this process becomes the parent of orphans among its descendants (a subreaper, or the
/// first process of a container).
[[nodiscard]] MULTIPROCESSING_API bool inherits_orphans() noexcept;

/// How much memory a fork() copies, in bytes; 0 when that is not to be known.
[[nodiscard]] std::size_t private_memory();

/// Reaps reapers that ended unseen: those of helpers that outlived the wait for them, and, where
/// /proc is missing, those of the program that this process was before it executed this one.
void reap_reapers() noexcept;

}  // namespace multiprocessing::detail
