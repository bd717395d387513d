#include "connection/handshake_io.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

// However it went: the listener goes on, and must not take it for an error of its own.
[[noreturn]] void throw_gone() {
  throw EOFError("the other side went away before it had proved that it knows the key");
}

// Whether something was done; false: it would have to wait.
bool write_some_of(Handshake& handshake, int socket) {
  const std::string_view text = handshake.outgoing();
  const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) {
    handshake.sent(static_cast<std::size_t>(sent));
    return true;
  }
  if (errno == EINTR) return true;
  if (errno == EAGAIN) return false;
  throw_gone();
}

bool read_some_of(Handshake& handshake, int socket) {
  std::array<char, longest_unproved + 12> room;
  const std::size_t wanted = std::min(handshake.wanted(), room.size());
  const ssize_t got = ::recv(socket, room.data(), wanted, MSG_DONTWAIT);
  if (got > 0) {
    handshake.received({room.data(), static_cast<std::size_t>(got)});
    return true;
  }
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) return false;
  throw_gone();
}

}  // namespace

void go_on(Handshake& handshake, int socket) {
  while (!handshake.done()) {
    const bool moved = handshake.outgoing().empty() ? read_some_of(handshake, socket)
                                                    : write_some_of(handshake, socket);
    if (!moved) return;
  }
}

short awaited_events(const Handshake& handshake) {
  return handshake.outgoing().empty() ? POLLIN : POLLOUT;
}

void finish(Handshake& handshake, int socket, const Deadline& deadline) {
  for (;;) {
    go_on(handshake, socket);
    if (handshake.done()) return;
    pollfd entry{.fd = socket, .events = awaited_events(handshake), .revents = 0};
    if (poll_interruptibly({&entry, 1}, deadline) == 0)
      throw TimeoutError("the other side has not proved in time that it knows the key");
  }
}

}  // namespace multiprocessing::detail
