// send_handle and recv_handle: any open file, by a connection to another process.
#pragma once

#include "multiprocessing/connection/connection.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

/// Sends what is open under the descriptor, over a Pipe or AF_UNIX: the other process has it then
/// too. In the form that Python's `multiprocessing.reduction.send_handle` has. Throws `OSError`,
/// also when the connection is of another kind.
MULTIPROCESSING_API void send_handle(const Connection& connection, int fd);

/// Waits for what was sent and gives a descriptor of it, close-on-exec and the caller's to close.
/// Throws `EOFError`, and `std::runtime_error` when what came is no descriptor.
[[nodiscard]] MULTIPROCESSING_API int recv_handle(const Connection& connection);

}  // namespace multiprocessing
