// How a connection receives: by packets from a Pipe, by bytes from other sockets and pipes.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "connection/core.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

// Memory is taken as the message comes, and not because its header says that it will.
constexpr std::size_t first_piece = std::size_t{1} << 20;

// How often a wait for the rest of a message looks whether its sender lives.
constexpr auto look_at_sender = 50ms;

// Where a packet arrives before it is known how long its message is.
unsigned char* packet_room() {
  thread_local const std::unique_ptr<unsigned char[]> room{new unsigned char[packet_size]};
  return room.get();
}

int take_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}

}  // namespace

std::optional<ConnectionCore::Received> ConnectionCore::receive(const Wanted& wanted,
                                                                const Deadline& deadline) {
  check_readable();
  auto received = receive_in_turn(wanted, deadline);
  if (in_ == nullptr) return received;
  order_after_turn();
  in_->tell_of_room();
  if (in_->seal_wanted()) quieten();
  return received;
}

std::optional<ConnectionCore::Received> ConnectionCore::receive_in_turn(const Wanted& wanted,
                                                                        const Deadline& deadline) {
  Turn turn{shared_.reading(), deadline, Turn::interruptibly};
  if (!turn.taken()) return std::nullopt;
  if (turn.broken()) lose_place();
  // A forked child has its parent's part of a message, which is none of its own.
  if (!turn.is_amid() && inflow_.begun()) inflow_ = {};
  if (!inflow_.parsed) {
    fail_point("connection.recv.begun");
    if (auto whole = take_whole(wanted)) return whole;
    if (!await_packet(turn, deadline)) return std::nullopt;
    if (auto whole = take_whole(wanted)) return whole;
  }
  return receive_in_parts(turn, wanted, deadline);
}

/// The message that is the next packet of the ring, as most are. Whatever is wrong with it
/// is found out when it is received in parts.
std::optional<ConnectionCore::Received> ConnectionCore::take_whole(const Wanted& wanted) {
  Ring* const ring = ring_in();
  const auto packet = ring == nullptr ? std::nullopt : ring->front();
  if (const auto large = packet ? ParcelPacket::in(*packet) : std::nullopt)
    return take_large(*ring, *large, wanted);
  const auto message = packet ? whole_message(*packet) : std::nullopt;
  if (!message || message->size() > longest(wanted)) return std::nullopt;
  std::optional<Received> received{std::in_place};
  received->size = message->size();
  if (!wanted.place.empty() && message->size() <= wanted.place.size())
    std::memcpy(wanted.place.data(), message->data(), message->size());
  else
    received->body = *message;
  ring->drop_front();
  fail_point("connection.recv.whole");
  take_parcel(*received, wanted);
  return received;
}

/// A message that lies in a parcel. One that is longer than is wanted is no message for
/// receive_in_parts, which says so.
std::optional<ConnectionCore::Received> ConnectionCore::take_large(Ring& ring,
                                                                   const ParcelPacket& packet,
                                                                   const Wanted& wanted) const {
  if (packet.size > longest(wanted)) return std::nullopt;
  ring.drop_front();
  fail_point("connection.recv.whole");
  const auto number = static_cast<std::uint8_t>(packet.number);
  shared_.claim_parcel(number);
  fail_point("connection.recv.claimed");
  std::optional<Received> received{std::in_place};
  received->size = packet.size;
  if (wanted.typed) {
    received->parcel = number;
    received->in_parcel = true;
    return received;
  }
  const OpenParcel parcel{shared_, number};
  const std::string_view message{parcel.body(), packet.size};
  if (!wanted.place.empty() && message.size() <= wanted.place.size())
    std::memcpy(wanted.place.data(), message.data(), message.size());
  else
    received->body = message;
  return received;
}

std::optional<ConnectionCore::Received> ConnectionCore::receive_in_parts(Turn& turn,
                                                                         const Wanted& wanted,
                                                                         const Deadline& deadline) {
  Wanted now = wanted;
  if (inflow_.parsed) now.place = {};
  const EndFd::Use fd{*end_};
  const Stream from = stream(fd.get_open());
  const bool begun = inflow_.parsed || (is_packets_ ? receive_packet(from, turn, now, deadline)
                                                    : receive_header(from, turn, now, deadline));
  if (!begun) return std::nullopt;
  if (inflow_.parsed->message_size > now.place.size()) now.place = {};
  if (!receive_body(from, turn, now, deadline)) return std::nullopt;
  fail_point("connection.recv.whole");
  Received received{inflow_.body_got, std::move(inflow_.body), std::move(inflow_.ends)};
  take_parcel(received, wanted);
  turn.end_message();
  inflow_ = {};
  return received;
}

void ConnectionCore::take_parcel(Received& received, const Wanted& wanted) const {
  if (!wanted.typed) return;
  received.parcel = parcel_in(received.body);
  if (received.parcel != 0) shared_.claim_parcel(received.parcel);
}

/// Of a message that some `send` made; bytes that were no value do not name one.
std::uint8_t ConnectionCore::parcel_in(const std::string& body) const {
  if (!shared_.is_pipe() || body.size() < TypedHead::size) return 0;
  const TypedHead head = TypedHead::of(body);
  return MessageType::is_known(head.fingerprint) && head.parcel <= parcels_per_direction
             ? head.parcel
             : 0;
}

bool ConnectionCore::wait_for_more(Stream stream, Turn& turn, const Deadline& deadline) {
  if (!turn.is_amid()) return await_readable(stream.fd, deadline);
  for (;;) {
    if (await_readable(stream.fd, deadline.at_most(look_at_sender))) return true;
    if (shared_.sender_died()) {
      // What it sent in time may have come since the look before.
      if (wait_readable(stream.fd, Deadline{0ns})) return true;
      lose_sender(turn);
    }
    if (deadline.passed()) return false;
  }
}

Read ConnectionCore::take(Stream stream, const iovec& piece, bool with_fds, bool wait) {
  try {
    if (!with_fds || !is_unix_) return read_some(stream, piece, wait);
    // With the gate held, no fork comes between their arrival and our knowing of them.
    std::scoped_lock guard{fork_gate()};
    std::vector<UniqueFd> fds;
    const Read read = read_some(stream, piece, fds);
    for (auto& end : take_into_care(std::move(fds))) inflow_.ends.push_back(std::move(end));
    return read;
  } catch (const ConnectionResetError&) {
    if (is_reset(true)) throw;
    return {ReadResult::nothing};
  }
}

/// Whether the other end was closed with messages unread; said once, as the system does. A bell
/// that was not taken is no message, though the system takes it for one.
bool ConnectionCore::is_reset(bool says_the_socket) {
  if (out_ == nullptr) return says_the_socket;
  const bool unread = !out_->empty() || (says_the_socket && out_->used_socket());
  return unread && !told_of_reset_.exchange(true);
}

/// Waits until the ring has a packet, or nothing comes by it any more.
bool ConnectionCore::await_packet(Turn& turn, const Deadline& deadline) {
  while (Ring* const ring = ring_in()) {
    if (ring->front()) return true;
    if (ring->sealed()) {
      ring->silence();
      continue;
    }
    const Ring::Came came = ring->wait(deadline);
    if (came == Ring::Came::end_of_file) end_of_file(turn);
    if (came == Ring::Came::nothing) return false;
  }
  return true;
}

/// The first packet of a message: taken by one call, which no death can cut in two.
bool ConnectionCore::receive_packet(Stream stream, Turn& turn, const Wanted& wanted,
                                    const Deadline& deadline) {
  if (Ring* const ring = ring_in()) {
    unpack(*ring->front(), wanted, turn);
    ring->drop_front();
    if (inflow_.body_got == inflow_.parsed->message_size) return true;
    stop_reading(turn);
    throw_bad_length();
  }
  unsigned char* const room = packet_room();
  for (;;) {
    const bool wait = deadline.is_never() && !wanted.typed && !may_be_interrupted();
    const Read read = take(stream, piece_of(room, packet_size), wanted.typed, wait);
    if (read.result == ReadResult::end) end_of_file(turn);
    if (read.result == ReadResult::some && is_bell({room, read.size})) continue;
    if (read.result == ReadResult::some) {
      unpack({room, read.size}, wanted, turn);
      return true;
    }
    if (!wait_for_more(stream, turn, deadline)) return false;
  }
}

void ConnectionCore::unpack(std::span<const unsigned char> packet, const Wanted& wanted,
                            Turn& turn) {
  take_header(packet, wanted, turn);
  const bool has_header = inflow_.parsed && packet.size() >= inflow_.parsed->header_size;
  if (!has_header || packet.size() - inflow_.parsed->header_size > inflow_.parsed->message_size) {
    stop_reading(turn);
    throw_bad_length();
  }
  const auto content = packet.subspan(inflow_.parsed->header_size);
  if (content.size() < inflow_.parsed->message_size) turn.begin_message();
  Wanted now = wanted;
  if (inflow_.parsed->message_size > now.place.size()) now.place = {};
  inflow_.header_got = inflow_.parsed->header_size;
  if (!content.empty()) std::memcpy(room_for(now).data(), content.data(), content.size());
  inflow_.body_got = content.size();
}

/// Not the message with its header: how long that is, is not known yet.
bool ConnectionCore::receive_header(Stream stream, Turn& turn, const Wanted& wanted,
                                    const Deadline& deadline) {
  while (!inflow_.parsed) {
    const std::size_t aim = inflow_.header_got < FrameHeader::short_size ? FrameHeader::short_size
                                                                         : FrameHeader::long_size;
    const iovec rest =
        piece_of(inflow_.header.data() + inflow_.header_got, aim - inflow_.header_got);
    const bool begins = inflow_.header_got == 0;
    if (!stream.is_socket && !wait_for_more(stream, turn, deadline)) return false;
    turn.begin_message();
    const Read read = take(stream, rest, wanted.typed && begins, false);
    if (begins && read.result != ReadResult::some) turn.end_message();
    if (read.result == ReadResult::end) end_of_file(turn);
    if (read.result == ReadResult::nothing && !wait_for_more(stream, turn, deadline)) return false;
    inflow_.header_got += read.size;
    take_header(std::span{inflow_.header}.first(inflow_.header_got), wanted, turn);
  }
  return true;
}

std::size_t ConnectionCore::longest(const Wanted& wanted) const {
  return std::min(options_.max_message_size, wanted.maxlength.value_or(options_.max_message_size));
}

void ConnectionCore::take_header(std::span<const unsigned char> beginning, const Wanted& wanted,
                                 Turn& turn) {
  try {
    const auto parsed = parse_header(beginning);
    if (!parsed) return;
    if (parsed->message_size > longest(wanted)) throw_bad_length();
    inflow_.parsed = parsed;
  } catch (const OSError&) {
    stop_reading(turn);
    throw;
  }
}

/// The message's length is not to be had: what follows in the stream has no meaning any more.
void ConnectionCore::stop_reading(Turn& turn) {
  turn.break_stream();
  inflow_ = {};
  readable_ = false;
  if (!writable()) close();
}

/// From the message's first byte on. Always as much as the next packet may hold, or the rest.
std::span<std::byte> ConnectionCore::room_for(const Wanted& wanted) {
  const auto size = static_cast<std::size_t>(inflow_.parsed->message_size);
  if (!wanted.place.empty()) return wanted.place.first(size);
  const std::size_t room = std::min(size, std::max(first_piece, 2 * inflow_.body_got));
  if (inflow_.body.size() < room) inflow_.body.resize(room);
  return std::as_writable_bytes(std::span{inflow_.body});
}

bool ConnectionCore::receive_body(Stream stream, Turn& turn, const Wanted& wanted,
                                  const Deadline& deadline) {
  while (inflow_.body_got < inflow_.parsed->message_size) {
    const auto rest = room_for(wanted).subspan(inflow_.body_got);
    if (!stream.is_socket && !wait_for_more(stream, turn, deadline)) return false;
    const Read read = take(stream, piece_of(rest.data(), rest.size()), false, false);
    if (read.result == ReadResult::end) end_of_file(turn);
    if (read.result == ReadResult::nothing && !wait_for_more(stream, turn, deadline)) return false;
    inflow_.body_got += read.size;
    fail_point("connection.recv.half");
  }
  return true;
}

void ConnectionCore::end_of_file(Turn& turn) {
  const bool amid = inflow_.header_got != 0;
  turn.end_message();
  inflow_ = {};
  // By the ring, the socket has not been asked yet.
  if (!amid && is_reset(ring_in() != nullptr && take_error(EndFd::Use{*end_}.get()) == ECONNRESET))
    throw_os_error(ECONNRESET, "recv");
  if (amid) throw_os_error(ECONNRESET, "got end of file during message");
  check_interruption();  // the other side may have died of the same signal
  throw EOFError("the other end of the connection is closed");
}

void ConnectionCore::lose_sender(Turn& turn) {
  turn.break_stream();
  throw_os_error(ECONNRESET, "recv", "a message whose sender died amid it");
}

/// A process that had this end died when it had taken a part of a message, and with it the place in
/// the stream. Senders to this end learn it.
void ConnectionCore::lose_place() {
  if (is_socket_) (void)::shutdown(EndFd::Use{*end_}.get(), SHUT_RD);
  throw_os_error(ECONNRESET, "recv", "by an end where a process died amid a message");
}

}  // namespace multiprocessing::detail
