// urandom: random bytes that cannot be guessed.
#pragma once

#include <cstddef>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// `count` random bytes from the kernel that cannot be guessed, for keys such as
/// `ListenerOptions::authkey`; Python's `os.urandom`. One system call as a rule; it waits only
/// while the system starts. Throws `OSError` where the system refuses. Any thread may call it.
[[nodiscard]] MULTIPROCESSING_API Bytes urandom(std::size_t count);

}  // namespace multiprocessing
