// How a process of the family has ended, asked by any other.
#pragma once

#include <string>

#include "arena/family.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// The exit code of a process that has ended, as its exitcode() tells it. Waits for up to a second
/// where it is not known yet; 255 where it stays unknown.
[[nodiscard]] MULTIPROCESSING_API int exit_code_of(Member ended);

/// "was killed by SIGKILL", "exited with code 3".
[[nodiscard]] MULTIPROCESSING_API std::string describe_end(int exitcode);

}  // namespace multiprocessing::detail
