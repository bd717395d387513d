// Learning that another process has ended, without signal handlers and without reaping others'
// children.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// A descriptor that becomes readable when the process has ended. Throws OSError.
[[nodiscard]] MULTIPROCESSING_API UniqueFd open_pidfd(pid_t pid);

/// How a process ended, in Python's terms: its code, or minus the signal.
using ExitCode = int;

/// Reaps our ended child. `running` until it has ended; `lost` when other code of this process has
/// reaped it (ECHILD).
struct Reaped {
  enum { running, ended, lost } state;
  ExitCode exitcode = 0;
};
[[nodiscard]] MULTIPROCESSING_API Reaped reap(int pidfd, pid_t pid);

/// Whether our child has ended, by waitid(2), where poll(2) may not be used; it is still to be
/// reaped. Nothing where it is not our child, or that is refused, too.
[[nodiscard]] MULTIPROCESSING_API std::optional<bool> has_ended_by_waitid(int pidfd) noexcept;

/// Ends a child of ours that cannot be watched, and waits until it is gone. Where it may not be
/// signalled, it is waited for until `patience` is over; false when it is there still.
MULTIPROCESSING_API bool kill_and_reap(pid_t pid, const Deadline& patience) noexcept;

/// Whether the process stands still, stopped by a signal or a debugger, as /proc has it; false
/// where that cannot be known.
[[nodiscard]] MULTIPROCESSING_API bool is_stopped(pid_t pid);

/// The same, or it has ended.
[[nodiscard]] MULTIPROCESSING_API bool cannot_answer(pid_t pid);

/// Sends a signal to the process of `pidfd`; by kill(2) where the pidfd's call is refused or
/// unknown. True also when the process has ended; false, with errno set, when it may not be
/// signalled.
[[nodiscard]] MULTIPROCESSING_API bool signal_process(int pidfd, pid_t pid, int signal);

/// The exit code of a process that is not our child, where the kernel tells (PIDFD_GET_INFO, Linux
/// 6.15). It knows once the parent of that process has reaped it, and only through a pidfd that was
/// open by then; nothing before, so ask again.
[[nodiscard]] MULTIPROCESSING_API std::optional<ExitCode> exit_code_of_stranger(int pidfd);

/// A pipe with its write end in the parent alone: its end-of-file is the parent's death.
struct LifePipe {
  UniqueFd read_end;   // for the child
  UniqueFd write_end;  // for the parent alone
};
[[nodiscard]] MULTIPROCESSING_API LifePipe make_life_pipe();

/// Has the kernel send `signal` to this process when the life pipe's last writer is gone; sends it
/// at once when that has happened already. Only the process that the end was made for calls it: the
/// setting belongs to the open file, which a grandchild shares.
MULTIPROCESSING_API void die_with(int life_read_end, int signal);

}  // namespace multiprocessing::detail
