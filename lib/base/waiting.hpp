// Waiting for descriptors.
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
