// Datagrams with descriptors in them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// How many descriptors a message may carry: the kernel's SCM_MAX_FD.
inline constexpr std::size_t most_descriptors = 253;

/// Two ends of a local datagram channel that tells when the other end is gone. Throws OSError.
[[nodiscard]] MULTIPROCESSING_API std::pair<UniqueFd, UniqueFd> make_channel();

/// Sends one datagram; false when the other end is gone. Throws OSError. Waits while it is full;
/// with MSG_DONTWAIT among the flags it is false then, too.
[[nodiscard]] MULTIPROCESSING_API bool send_message(int socket, std::span<const std::byte> bytes,
                                                    std::span<const int> descriptors,
                                                    int flags = 0);

struct Message {
  std::size_t size = 0;  // 0: the other end is gone
  std::vector<UniqueFd> descriptors;
  bool lost_some = false;     // of its last descriptors: this process may not open so many
  std::optional<uid_t> user;  // real, of the sender; where the socket asks by SO_PASSCRED
  std::optional<gid_t> group;
};

/// Waits for one datagram and puts it into `into`. Throws OSError.
[[nodiscard]] MULTIPROCESSING_API Message receive_message(int socket, std::span<std::byte> into);

}  // namespace multiprocessing::detail
