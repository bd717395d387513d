// Names of sockets that lie in no folder: the kernel picks one, and it goes with its socket.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdint>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// Five hexadecimal digits, behind a zero in the address. Given out again when its socket is gone,
/// and known in one network namespace alone.
using AbstractName = std::array<char, 5>;

/// Binds the AF_UNIX socket to a name that no other socket has. Throws OSError.
[[nodiscard]] MULTIPROCESSING_API AbstractName bind_to_fresh_name(int fd);

/// Names the network namespace of a socket that the calling thread has just made: in no other one
/// are its names known. 0 where that cannot be told.
[[nodiscard]] MULTIPROCESSING_API std::uint64_t network_of(int fd);

struct MULTIPROCESSING_API AbstractAddress {
  explicit AbstractAddress(const AbstractName& name);

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }

  sockaddr_un bytes{};
  socklen_t size;
};

}  // namespace multiprocessing::detail
