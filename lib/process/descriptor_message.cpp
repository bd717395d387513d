#include "process/descriptor_message.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/os_error.hpp"
#include "base/retrying.hpp"

namespace multiprocessing::detail {
namespace {

union Ancillary {
  cmsghdr header;
  char room[CMSG_SPACE(most_descriptors * sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
};

bool other_end_is_gone(int error) {
  return error == EPIPE || error == ECONNRESET || error == ECONNREFUSED || error == ENOTCONN;
}

/// Until it is neither interrupted nor fails for want of memory that may soon be there.
template <class Call>
ssize_t call_again(Call call) {
  ssize_t result = -1;
  (void)retry_for_a_while([&] {
    do result = call();
    while (result < 0 && errno == EINTR);
    return result >= 0 || !is_short_of_memory(errno);
  });
  return result;
}

void take_descriptors(const cmsghdr& part, Message& into) {
  int fds[most_descriptors];
  const std::size_t bytes = part.cmsg_len - CMSG_LEN(0);
  std::memcpy(fds, CMSG_DATA(&part), bytes);
  for (std::size_t i = 0; i < bytes / sizeof(int); ++i)
    into.descriptors.push_back(clear_of_stdio(UniqueFd{fds[i]}));
}

Message take_parts(std::size_t size, msghdr& message) {
  Message taken;
  taken.size = size;
  taken.lost_some = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_RIGHTS) take_descriptors(*part, taken);
    if (part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
    taken.user = sender.uid;
    taken.group = sender.gid;
  }
  return taken;
}

}  // namespace

std::pair<UniqueFd, UniqueFd> make_channel() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw_os_error("socketpair", "for the fork server");
  UniqueFd first{ends[0]};
  UniqueFd second{ends[1]};
  return {clear_of_stdio(std::move(first)), clear_of_stdio(std::move(second))};
}

bool send_message(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors,
                  int flags) {
  iovec text{const_cast<std::byte*>(bytes.data()), bytes.size()};
  Ancillary ancillary{};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = &ancillary;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
  }
  const ssize_t sent = call_again([&] { return sendmsg(socket, &message, MSG_NOSIGNAL | flags); });
  if (sent >= 0) return true;
  if (other_end_is_gone(errno)) return false;
  if (errno == EAGAIN && (flags & MSG_DONTWAIT) != 0) return false;
  throw_os_error("sendmsg", "the fork server");
}

Message receive_message(int socket, std::span<std::byte> into) {
  iovec text{into.data(), into.size()};
  Ancillary ancillary{};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = &ancillary;
  message.msg_controllen = sizeof ancillary;
  const ssize_t size = call_again([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (size >= 0) return take_parts(static_cast<std::size_t>(size), message);
  if (errno == ECONNRESET) return {};
  throw_os_error("recvmsg", "the fork server");
}

}  // namespace multiprocessing::detail
