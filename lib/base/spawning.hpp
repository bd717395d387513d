// Executing this program again, as a child with exactly the descriptors it is given.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The program to execute: an O_PATH descriptor of our own image opened at start-up, so that
/// replacing or deleting the file on disk is harmless; /proc/self/exe, or AT_EXECFN where /proc is
/// absent or shows the loader (`ld.so ./prog`); or what set_program() named, relative to the
/// directory that was current then. An empty path means ourselves again.
MULTIPROCESSING_API void set_program(std::filesystem::path path);

struct Spawned {
  pid_t pid = -1;
  UniqueFd pidfd;
};

/// Executes the program in a child that has descriptors 0-2 and `descriptors` under the same
/// numbers, and nothing else. Its argv is ours with `arguments` before argv[1]; the environment is
/// ours. Cost does not depend on our memory: the child borrows it until it executes. Signal
/// handlers are back at default in the child; what is ignored, and the caller's mask, it keeps, as
/// exec has it. Throws OSError with the errno of the call that failed, also when that happened in
/// the child. Any thread may call it.
/// `own_group`: it leads a process group of its own from the beginning.
[[nodiscard]] MULTIPROCESSING_API Spawned spawn_program(std::span<const std::string> arguments,
                                                        std::span<const int> descriptors,
                                                        bool own_group = false);

struct SpawnedHelper {
  Spawned program;
  Spawned reaper;  // may be none
  UniqueFd line;   // to the reaper; open until the reaper has been reaped, else it becomes visible
};

/// The same for a program that the user did not ask for: a wait() or waitpid(-1) of this process
/// does not find it, nor does its end send SIGCHLD. It is the child of a small process, the reaper,
/// which waits for it, ends with it, and is to be reaped by reap(). Making that costs a fork(), so
/// in a process with much memory the program becomes an orphan instead, unless this process is the
/// one that inherits orphans. Where neither can be made it is an ordinary child. A reaper that is
/// killed leaves the program running, an orphan.
[[nodiscard]] MULTIPROCESSING_API SpawnedHelper spawn_helper(std::span<const std::string> arguments,
                                                             std::span<const int> descriptors);

}  // namespace multiprocessing::detail
