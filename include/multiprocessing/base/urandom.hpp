// urandom: bytes that nobody can guess.
#pragma once

#include <cstddef>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// `count` bytes that nobody can guess, for keys such as `ListenerOptions::authkey`; Python's
/// `os.urandom`. Throws `OSError` where the system refuses.
[[nodiscard]] MULTIPROCESSING_API Bytes urandom(std::size_t count);

}  // namespace multiprocessing
