// What this process knew when it was executed: its arguments and its own program.
#pragma once

#include <span>

#include "base/unique_fd.hpp"

namespace multiprocessing::detail {

/// argv[0] as it was given; empty if there was none.
[[nodiscard]] const char* own_argv0() noexcept;

/// The arguments that the program was given, without what made it a child: its parent has the same.
[[nodiscard]] std::span<char* const> own_arguments() noexcept;

/// The argument that marks a child, followed by the number of its birth descriptor. It stands in
/// argv[1], which unlike an environment variable no grandchild inherits. All descriptors from 3 on
/// of a marked process are close-on-exec before its first static constructor runs.
inline constexpr const char* child_mark = "--multiprocessing-child=";

/// What argv[1] says about being a child.
struct Mark {
  enum { none, child, unusable } kind = none;
  int birth_fd = -1;
  const char* text = "";  // argv[1], for a message
};
[[nodiscard]] const Mark& own_mark() noexcept;

/// Our own program: for execveat(2) the descriptor opened at start-up, or where the program has
/// closed that one since, a new one, which `opened` then holds; or a path for execve(2) instead.
struct OwnProgram {
  int fd = -1;
  UniqueFd opened;
  const char* path = nullptr;
};

/// Throws OSError.
[[nodiscard]] OwnProgram own_program();

/// For messages.
[[nodiscard]] const char* own_program_path() noexcept;

}  // namespace multiprocessing::detail
