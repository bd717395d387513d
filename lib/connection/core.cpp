#include "connection/core.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
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

int number_of(const std::shared_ptr<EndFd>& end) { return EndFd::Use{*end}.get(); }

void advance(std::span<iovec>& pieces, std::size_t written) {
  while (!pieces.empty() && written >= pieces.front().iov_len) {
    written -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return;
  pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + written;
  pieces.front().iov_len -= written;
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
      is_packets_(is_packet_socket(number_of(end_))),
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
  return is_packets_ && size + longest_header <= packet_size;
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

}  // namespace multiprocessing::detail
