#include "multiprocessing/connection/listener.hpp"

#include <utility>

#include "connection/core.hpp"
#include "connection/handshake.hpp"
#include "connection/handshake_io.hpp"
#include "connection/listener_core.hpp"
#include "connection/socket.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing {
namespace {

using detail::ConnectionAccess;
using detail::ConnectionCore;
using detail::Credentials;
using detail::Deadline;
using detail::EndFd;
using detail::ListenerCore;

ListenerCore& opened(const std::shared_ptr<ListenerCore>& core) {
  if (core == nullptr) throw ValueError("listener was moved from");
  return *core;
}

}  // namespace

Listener::Listener(ListenerOptions options) : Listener(arbitrary_address(), std::move(options)) {}

Listener::Listener(Address address, ListenerOptions options)
    : core_(std::make_shared<ListenerCore>(address, std::move(options))) {}

Listener::Listener(Listener&& other) noexcept = default;
Listener& Listener::operator=(Listener&& other) noexcept {
  const auto old = std::exchange(core_, std::move(other.core_));
  return *this;
}
Listener::~Listener() = default;

Connection Listener::accept() const { return opened(core_).accept(Deadline::never()); }
Connection Listener::accept(Timeout timeout) const {
  return opened(core_).accept(Deadline{timeout});
}
Address Listener::address() const { return opened(core_).address(); }
std::optional<Address> Listener::last_accepted() const { return opened(core_).last_accepted(); }
int Listener::fileno() const { return opened(core_).fileno(); }
void Listener::close() const { opened(core_).close(); }

Connection Client(const Address& address, const ClientOptions& options) {
  const Deadline deadline{options.timeout};
  auto end = connect_to(address, deadline);
  if (options.authkey) {
    const EndFd::Use use{*end};
    detail::Handshake handshake{detail::Handshake::Side::client,
                                {*options.authkey, options.require_sha256}};
    finish(handshake, use.get(), deadline);
  }
  const ConnectionOptions of_end{.max_message_size = options.max_message_size};
  return ConnectionAccess::make(
      std::make_shared<ConnectionCore>(std::move(end), of_end, detail::SharedEnd{}));
}

void deliver_challenge(const Connection& connection, const Bytes& authkey,
                       std::string_view digest_name) {
  const std::string challenge = detail::make_challenge(digest_name);
  connection.send_bytes(challenge);
  const Bytes answer = connection.recv_bytes(detail::longest_unproved);
  bool right = false;
  try {
    right = verify_answer(challenge, answer, Credentials{authkey});
  } catch (const AuthenticationError&) {
    connection.send_bytes(detail::failure);
    throw;
  }
  connection.send_bytes(right ? detail::welcome : detail::failure);
  if (!right) throw AuthenticationError("digest received was wrong");
}

void answer_challenge(const Connection& connection, const Bytes& authkey) {
  const Bytes challenge = connection.recv_bytes(detail::longest_unproved);
  connection.send_bytes(answer_to(challenge, Credentials{authkey}));
  if (connection.recv_bytes(detail::longest_unproved) != detail::welcome)
    throw AuthenticationError("digest sent was rejected");
}

}  // namespace multiprocessing
