// Handshakes over sockets.
#pragma once

#include "base/deadline.hpp"
#include "connection/handshake.hpp"

namespace multiprocessing::detail {

/// Goes on with a handshake as far as it goes without waiting. Throws AuthenticationError,
/// EOFError, OSError.
void go_on(Handshake& handshake, int socket);

/// What poll(2) should wait for, before it can go on.
[[nodiscard]] short awaited_events(const Handshake& handshake);

/// Goes on with it to its end. Throws TimeoutError too.
void finish(Handshake& handshake, int socket, const Deadline& deadline);

}  // namespace multiprocessing::detail
