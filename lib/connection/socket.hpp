// Sockets for listeners and clients.
#pragma once

#include <memory>
#include <utility>

#include "base/deadline.hpp"
#include "multiprocessing/connection/address.hpp"
#include "process/end_fd.hpp"

namespace multiprocessing::detail {

/// How long a path in a socket's address may be.
inline constexpr std::size_t longest_path = 107;

/// Bound and listening; accepting by it does not wait. Throws OSError.
[[nodiscard]] std::shared_ptr<EndFd> listen_at(const Address& address, int backlog);

/// Where a listening socket is, with its port.
[[nodiscard]] Address own_address(int fd);

/// A client that waits, and where it comes from; null when there is none. Throws OSError.
[[nodiscard]] std::pair<std::shared_ptr<EndFd>, Address> accept_one(int listening);

/// Connected. Throws OSError, TimeoutError.
[[nodiscard]] std::shared_ptr<EndFd> connect_to(const Address& address, const Deadline& deadline);

}  // namespace multiprocessing::detail
