#include "connection/core.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

// Memory is taken as the message comes, and not because somebody says that it will.
constexpr std::size_t first_piece = std::size_t{1} << 20;

// AF_UNIX queues what one call sends as one buffer, or not at all, up to some 32 KiB; and CPython
// too sends messages of this size by one call.
constexpr std::uint64_t atomic_size = 16384;

// How often a wait for the rest of a message looks whether its sender lives.
constexpr auto look_at_sender = 50ms;

int number_of(const std::shared_ptr<EndFd>& end) { return EndFd::Use{*end}.get(); }

iovec piece_of(const void* data, std::size_t size) { return {const_cast<void*>(data), size}; }

void advance(std::span<iovec>& pieces, std::size_t written) {
  while (!pieces.empty() && written >= pieces.front().iov_len) {
    written -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return;
  pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + written;
  pieces.front().iov_len -= written;
}

[[noreturn]] void throw_sender_died() {
  throw_os_error(ECONNRESET, "recv", "a message whose sender died amid it");
}

}  // namespace

void throw_closed() { throw_os_error(EBADF, "handle is closed"); }

ConnectionCore& ConnectionAccess::core(const Connection& connection) {
  if (connection.core_ == nullptr) throw_closed();
  return *connection.core_;
}

ConnectionCore::ConnectionCore(std::shared_ptr<EndFd> end, const ConnectionOptions& options,
                               SharedEnd shared)
    : end_(std::move(end)),
      options_(options),
      shared_(std::move(shared)),
      is_socket_(is_socket(number_of(end_))),
      is_unix_(is_unix_socket(number_of(end_))),
      readable_(options.readable) {}

void ConnectionCore::check_readable(const EndFd::Use& use) const {
  if (use.get() < 0) throw_closed();
  if (!readable()) throw_os_error(EBADF, "connection is write-only");
}

void ConnectionCore::check_writable(const EndFd::Use& use) const {
  if (use.get() < 0) throw_closed();
  if (!writable()) throw_os_error(EBADF, "connection is read-only");
}

bool ConnectionCore::goes_at_once(std::uint64_t size) const {
  return is_unix_ && size <= atomic_size;
}

bool ConnectionCore::poll(const Deadline& deadline) {
  const EndFd::Use use{*end_};
  check_readable(use);
  return wait_readable(use.get(), deadline);
}

TypedHead TypedHead::of(std::string_view message) {
  TypedHead head{};
  std::memcpy(&head.fingerprint, message.data(), sizeof head.fingerprint);
  head.parcel = static_cast<std::uint8_t>(message[sizeof head.fingerprint]);
  return head;
}

// ---- sending

void ConnectionCore::send(std::span<const std::string_view> pieces, const OutgoingFds* fds,
                          const OutgoingHandles* handles, std::uint8_t* parcel) {
  const EndFd::Use use{*end_};
  check_writable(use);
  if (fds != nullptr && !is_unix_)
    throw SerializationError("ends and descriptors go over a Pipe or AF_UNIX only");
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  const FrameHeader header = make_header(size);
  std::array<iovec, 4> parts{piece_of(header.bytes.data(), header.size)};
  std::size_t count = 1;
  for (const std::string_view piece : pieces)
    if (!piece.empty()) parts[count++] = piece_of(piece.data(), piece.size());

  Turn turn{shared_.writing(), Deadline::never()};
  if (turn.broken()) {
    // Who reads the other end gets end-of-file for the rest of the message that will not come.
    if (is_socket_) (void)::shutdown(use.get(), SHUT_WR);
    throw_os_error(EPIPE, "send", "by an end where a process died amid a message");
  }
  fail_point("connection.send.turn");
  if (handles != nullptr || !goes_at_once(size)) turn.begin_message();
  try {
    if (handles != nullptr) *parcel = post(*handles, use.get());
    fail_point("connection.send.begun");
    send_frame(stream(use), turn, std::span{parts}.first(count), fds);
  } catch (...) {
    turn.end_message();
    if (parcel != nullptr && *parcel != 0) shared_.unpost(*parcel);
    throw;
  }
  turn.end_message();
  fail_point("connection.send.sent");
}

std::uint8_t ConnectionCore::post(const OutgoingHandles& handles, int fd) const {
  for (;;) {
    if (const auto number = shared_.try_post(handles)) return *number;
    pollfd entry{.fd = fd, .events = 0, .revents = 0};
    if (::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLHUP)) != 0)
      throw_os_error(EPIPE, "send");
    shared_.wait_for_free_link();
  }
}

void ConnectionCore::send_frame(Stream stream, Turn& turn, std::span<iovec> pieces,
                                const OutgoingFds* fds) {
  std::optional<OutgoingFds::Numbers> numbers;
  if (fds != nullptr) numbers.emplace(*fds);
  std::size_t written =
      write_some(stream, pieces, numbers ? numbers->get() : std::span<const int>{});
  advance(pieces, written);
  while (!pieces.empty()) {
    turn.begin_message();
    fail_point("connection.send.half");
    try {
      written = write_some(stream, pieces, {});
    } catch (...) {
      turn.break_stream();
      throw;
    }
    advance(pieces, written);
  }
}

// ---- receiving

std::optional<ConnectionCore::Received> ConnectionCore::receive(const Wanted& wanted,
                                                                const Deadline& deadline) {
  const EndFd::Use use{*end_};
  check_readable(use);
  Turn turn{shared_.reading(), deadline};
  if (!turn.taken()) return std::nullopt;
  if (turn.broken()) lose_place(use.get());
  // A forked child has its parent's part of a message, which is none of its own.
  if (!turn.is_amid()) inflow_ = {};
  Wanted now = wanted;
  if (inflow_.parsed) now.place = {};
  const Stream from = stream(use);
  if (!receive_header(from, turn, now, deadline)) return std::nullopt;
  if (inflow_.parsed->message_size > now.place.size()) now.place = {};
  if (!receive_body(from, turn, now, deadline)) return std::nullopt;
  fail_point("connection.recv.whole");
  Received received{inflow_.body_got, std::move(inflow_.body), std::move(inflow_.ends)};
  if (wanted.typed) received.parcel = parcel_in(received.body);
  if (received.parcel != 0) shared_.claim_parcel(received.parcel);
  turn.end_message();
  inflow_ = {};
  return received;
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
  if (!turn.is_amid()) return wait_readable(stream.fd, deadline);
  for (;;) {
    if (wait_readable(stream.fd, deadline.at_most(look_at_sender))) return true;
    if (shared_.sender_died()) {
      turn.break_stream();
      throw_sender_died();
    }
    if (deadline.passed()) return false;
  }
}

Read ConnectionCore::consume(Stream stream, Turn& turn, std::span<const iovec> pieces,
                             bool with_fds) {
  const bool at_once =
      inflow_.header_got == 0 && inflow_.parsed && goes_at_once(inflow_.parsed->message_size);
  if (!at_once) turn.begin_message();
  fail_point("connection.recv.begun");
  if (!with_fds || !stream.is_socket) return read_some(stream, pieces);
  // With the gate held, no fork comes between their arrival and our knowing of them.
  std::scoped_lock guard{fork_gate()};
  std::vector<UniqueFd> fds;
  const Read read = read_some(stream, pieces, fds);
  for (auto& end : take_into_care(std::move(fds))) inflow_.ends.push_back(std::move(end));
  return read;
}

/// A header is looked at where it lies, so that it can be taken together with its message, and so
/// that a receiver that dies before has taken nothing. Where one cannot look, or the header comes
/// in pieces, it is taken as it comes.
bool ConnectionCore::receive_header(Stream stream, Turn& turn, const Wanted& wanted,
                                    const Deadline& deadline) {
  while (!inflow_.parsed) {
    std::array<unsigned char, 12> seen{};
    if (stream.is_socket && inflow_.header_got == 0) {
      const Read read = peek(stream, seen, deadline);
      if (read.result == ReadResult::end) end_of_file(turn);
      if (read.result == ReadResult::some)
        take_header(std::span{seen}.first(read.size), wanted, turn);
      if (inflow_.parsed) return true;
      if (read.result == ReadResult::nothing) {
        if (!wait_for_more(stream, turn, deadline)) return false;
        continue;
      }
    } else if (!wait_for_more(stream, turn, deadline)) {
      return false;
    }
    // No more than a short header: behind it lies the message.
    const std::size_t aim = inflow_.header_got < 4 ? 4 : 12;
    const iovec rest =
        piece_of(inflow_.header.data() + inflow_.header_got, aim - inflow_.header_got);
    const bool was_amid = inflow_.header_got != 0;
    const Read read = consume(stream, turn, {&rest, 1}, wanted.typed && !was_amid);
    if (!was_amid && read.result != ReadResult::some) turn.end_message();
    if (read.result == ReadResult::end) end_of_file(turn);
    inflow_.header_got += read.size;
    take_header(std::span{inflow_.header}.first(inflow_.header_got), wanted, turn);
  }
  return true;
}

void ConnectionCore::take_header(std::span<const unsigned char> beginning, const Wanted& wanted,
                                 Turn& turn) {
  try {
    const auto parsed = parse_header(beginning);
    if (!parsed) return;
    const std::size_t longest =
        std::min(options_.max_message_size, wanted.maxlength.value_or(options_.max_message_size));
    if (parsed->message_size > longest) throw_bad_length();
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
  if (!writable()) end_->close();
}

bool ConnectionCore::receive_body(Stream stream, Turn& turn, const Wanted& wanted,
                                  const Deadline& deadline) {
  const auto size = static_cast<std::size_t>(inflow_.parsed->message_size);
  const std::size_t header_size = inflow_.parsed->header_size;
  while (inflow_.header_got < header_size || inflow_.body_got < size) {
    std::byte* into = wanted.place.data();
    std::size_t room = size;
    if (wanted.place.empty()) {
      room = std::min(size, std::max(first_piece, 2 * inflow_.body_got));
      if (inflow_.body.size() < room) inflow_.body.resize(room);
      into = reinterpret_cast<std::byte*>(inflow_.body.data());
    }
    const std::size_t header_left = header_size - std::min(header_size, inflow_.header_got);
    const std::array<iovec, 2> pieces{
        piece_of(inflow_.header.data() + inflow_.header_got, header_left),
        piece_of(into + inflow_.body_got, room - inflow_.body_got)};
    const bool begins = inflow_.header_got == 0;
    if (!stream.is_socket && !wait_for_more(stream, turn, deadline)) return false;
    const Read read = consume(stream, turn, pieces, wanted.typed && begins);
    if (read.result == ReadResult::end) end_of_file(turn);
    if (read.result == ReadResult::nothing) {
      if (begins) turn.end_message();
      if (!wait_for_more(stream, turn, deadline)) return false;
      continue;
    }
    if (read.size < header_left + size - inflow_.body_got) turn.begin_message();
    const std::size_t of_header = std::min(header_left, read.size);
    inflow_.header_got += of_header;
    inflow_.body_got += read.size - of_header;
    fail_point("connection.recv.half");
  }
  return true;
}

void ConnectionCore::end_of_file(Turn& turn) {
  const bool amid = inflow_.header_got != 0;
  turn.end_message();
  inflow_ = {};
  if (amid) throw_os_error(ECONNRESET, "got end of file during message");
  throw EOFError("the other end of the connection is closed");
}

/// A process that had this end died when it had taken a part of a message, and with it the place in
/// the stream. Who sends here learns it.
void ConnectionCore::lose_place(int fd) {
  if (is_socket_) (void)::shutdown(fd, SHUT_RD);
  throw_os_error(ECONNRESET, "recv", "by an end where a process died amid a message");
}

}  // namespace multiprocessing::detail
