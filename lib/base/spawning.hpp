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
/// absent or shows the loader (`ld.so ./prog`); or what set_program() named.
MULTIPROCESSING_API void set_program(std::filesystem::path path);  // empty: ourselves again

struct Spawned {
  pid_t pid = -1;
  UniqueFd pidfd;
};

/// Executes the program with `arguments` (argv[0] is ours) in a child that has descriptors 0-2 and
/// `descriptors` under the same numbers, and nothing else. Cost does not depend on our memory: the
/// child borrows it until it executes. Signal handlers, and the mask, are back at default in the
/// child as far as exec leaves them. Throws OSError with the errno of the call that failed, also
/// when that happened in the child.
[[nodiscard]] MULTIPROCESSING_API Spawned spawn_program(std::span<const std::string> arguments,
                                                        std::span<const int> descriptors);

}  // namespace multiprocessing::detail
