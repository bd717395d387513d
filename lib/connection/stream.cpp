#include "connection/stream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/pipe_signal.hpp"
#include "base/waiting.hpp"
#include "connection/frame.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::size_t most_descriptors = 253;  // the kernel's SCM_MAX_FD
constexpr std::size_t least_packet = 1024;

union Ancillary {
  cmsghdr header;
  char room[CMSG_SPACE(most_descriptors * sizeof(int))];
};

msghdr message_of(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return message;
}

void attach(msghdr& message, Ancillary& ancillary, std::span<const int> descriptors) {
  message.msg_control = &ancillary;
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
}

void detach(msghdr& message, std::vector<UniqueFd>& descriptors) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int fds[most_descriptors];
    const std::size_t bytes = part->cmsg_len - CMSG_LEN(0);
    std::memcpy(fds, CMSG_DATA(part), bytes);
    for (std::size_t i = 0; i < bytes / sizeof(int); ++i) descriptors.emplace_back(fds[i]);
  }
  for (UniqueFd& fd : descriptors) fd = clear_of_stdio(std::move(fd));
}

ssize_t send_pieces(Stream stream, std::span<const iovec> pieces,
                    std::span<const int> descriptors) {
  msghdr message = message_of(pieces);
  const int flags = MSG_NOSIGNAL | (may_be_interrupted() ? MSG_DONTWAIT : 0);
  if (descriptors.empty()) return ::sendmsg(stream.fd, &message, flags);
  Ancillary ancillary{};
  attach(message, ancillary, descriptors);
  return ::sendmsg(stream.fd, &message, flags);
}

void wait_for_room(int fd) {
  pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
  (void)poll_interruptibly({&room, 1}, Deadline::never());
}

ssize_t write_pieces(Stream stream, std::span<const iovec> pieces) {
  Pieces fitting;
  if (may_be_interrupted()) {  // what a pipe with room takes without a wait
    wait_for_room(stream.fd);
    pieces = cut(pieces, PIPE_BUF, fitting);
  }
  const PipeSignalHeld held;
  const ssize_t written = ::writev(stream.fd, pieces.data(), static_cast<int>(pieces.size()));
  if (written < 0 && errno == EPIPE) {
    held.take_away();
    errno = EPIPE;
  }
  return written;
}

// What the family's errors call things: a peer that closed with messages unread resets what we sent
// it, and for the sender that is a peer that is gone.
[[noreturn]] void throw_not_written() {
  const int error = errno == ECONNRESET ? EPIPE : errno;
  if (error == EINVAL || error == ENOTSOCK) throw_os_error(error, "send", "descriptors");
  throw_os_error(error, "send");
}

void check_whole(const msghdr& message) {
  if ((message.msg_flags & MSG_TRUNC) != 0) throw_bad_length();
}

Read result_of(ssize_t size) {
  if (size > 0) return {ReadResult::some, static_cast<std::size_t>(size)};
  if (size == 0) return {ReadResult::end};
  if (errno == EAGAIN || errno == EINTR) return {ReadResult::nothing};
  throw_os_error("recv");
}

int domain_of(int fd) {
  int domain = -1;
  socklen_t size = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : -1;
}

}  // namespace

bool is_socket(int fd) { return domain_of(fd) >= 0; }
bool is_packet_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}
bool is_unix_socket(int fd) { return domain_of(fd) == AF_UNIX; }

std::span<const iovec> cut(std::span<const iovec> pieces, std::size_t most, Pieces& fitting) {
  std::size_t count = 0;
  for (const iovec& piece : pieces) {
    if (most == 0) break;
    fitting[count] = {piece.iov_base, std::min(piece.iov_len, most)};
    most -= fitting[count++].iov_len;
  }
  return {fitting.data(), count};
}

std::size_t write_some(Stream stream, std::span<const iovec> pieces,
                       std::span<const int> descriptors) {
  Pieces fitting;
  std::size_t most = packet_size;
  for (;;) {
    if (stream.is_packets) pieces = cut(pieces, most, fitting);
    const ssize_t written =
        stream.is_socket ? send_pieces(stream, pieces, descriptors) : write_pieces(stream, pieces);
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno == EAGAIN)
      wait_for_room(stream.fd);  // or the program made it non-blocking
    else if (errno == EMSGSIZE && most > least_packet)
      most /= 2;  // the program made the socket's buffer small
    else if (errno != EINTR)
      throw_not_written();
  }
}

Read read_some(Stream stream, const iovec& piece, bool wait) {
  if (!stream.is_socket) return result_of(::read(stream.fd, piece.iov_base, piece.iov_len));
  msghdr message = message_of({&piece, 1});
  const ssize_t size = ::recvmsg(stream.fd, &message, wait ? 0 : MSG_DONTWAIT);
  if (size > 0) check_whole(message);
  return result_of(size);
}

Read read_some(Stream stream, const iovec& piece, std::vector<UniqueFd>& descriptors) {
  msghdr message = message_of({&piece, 1});
  Ancillary ancillary{};
  message.msg_control = &ancillary;
  message.msg_controllen = sizeof ancillary;
  const ssize_t size = ::recvmsg(stream.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size > 0) {
    detach(message, descriptors);
    check_whole(message);
  }
  return result_of(size);
}

}  // namespace multiprocessing::detail
