#include "connection/socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>

#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

/// An address as the system has it.
struct SystemAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SystemAddress unix_address(const Address& address) {
  const std::string& path = address.path();
  if (path.size() > longest_path || path.empty())
    throw_os_error(path.empty() ? EINVAL : ENAMETOOLONG, "the path of a socket", path);
  SystemAddress system;
  auto& form = reinterpret_cast<sockaddr_un&>(system.storage);
  form.sun_family = AF_UNIX;
  std::memcpy(form.sun_path, path.data(), path.size());
  if (address.is_abstract()) form.sun_path[0] = '\0';
  // An abstract name ends where its address ends, a path by a NUL.
  const std::size_t end = path.size() + (address.is_abstract() ? 0 : 1);
  system.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + end);
  return system;
}

in_addr look_up(const std::string& host) {
  in_addr found{};
  if (host.empty()) return found;  // all interfaces
  if (::inet_pton(AF_INET, host.c_str(), &found) == 1) return found;
  addrinfo wanted{};
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &wanted, &list);
  if (error == EAI_SYSTEM) throw_os_error("getaddrinfo", host);
  if (error != 0)
    throw_os_error(EADDRNOTAVAIL, "getaddrinfo", host + " (" + ::gai_strerror(error) + ')');
  found = reinterpret_cast<const sockaddr_in*>(list->ai_addr)->sin_addr;
  ::freeaddrinfo(list);
  return found;
}

SystemAddress system_address(const Address& address) {
  if (std::string_view{address.family()} == "AF_UNIX") return unix_address(address);
  SystemAddress system;
  auto& form = reinterpret_cast<sockaddr_in&>(system.storage);
  form.sin_family = AF_INET;
  form.sin_addr = look_up(address.host());
  form.sin_port = htons(address.port());
  system.size = sizeof form;
  return system;
}

Address address_of(const SystemAddress& system) {
  if (system.storage.ss_family == AF_INET) {
    const auto& form = reinterpret_cast<const sockaddr_in&>(system.storage);
    std::array<char, INET_ADDRSTRLEN> text{};
    (void)::inet_ntop(AF_INET, &form.sin_addr, text.data(), text.size());
    return {text.data(), ntohs(form.sin_port)};
  }
  const auto& form = reinterpret_cast<const sockaddr_un&>(system.storage);
  const std::size_t start = offsetof(sockaddr_un, sun_path);
  if (system.size <= start) return Address{};  // a client that has no name
  std::string path{form.sun_path, system.size - start};
  if (path.front() != '\0') path.resize(std::strlen(path.c_str()));
  return Address{std::move(path)};
}

/// In care from birth, so that no child has a copy that is in no list.
std::shared_ptr<EndFd> make_socket(int family, int flags) {
  std::scoped_lock guard{fork_gate()};
  UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
  if (!fd) throw_os_error("socket");
  return std::make_shared<EndFd>(clear_of_stdio(std::move(fd)));
}

// Messages are written whole, so there is nothing to gain by holding a small one back.
void send_at_once(int fd) {
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // an error for AF_UNIX
}

void set_send_timeout(int fd, timeval length) {
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &length, sizeof length);
}

timeval left_of(const Deadline& deadline) {
  const auto left = deadline.left_as_timespec();
  if (!left) return {};
  return {left->tv_sec, std::max<suseconds_t>(1, left->tv_nsec / 1000)};  // zero is for ever
}

// A connect that was interrupted, or ran out of time, goes on by itself with TCP.
void finish_connect(int fd, const Deadline& deadline, const std::string& name) {
  pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
  if (poll_interruptibly({&entry, 1}, deadline) == 0)
    throw TimeoutError("connecting to " + name + " took too long");
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) throw_os_error(error, "connect", name);
}

// A client that was here may be gone again, or its network.
bool is_of_client(int error) {
  constexpr std::array errors{EAGAIN,   EINTR,     ECONNABORTED, EPROTO,
                              ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH};
  return std::ranges::find(errors, error) != errors.end();
}

}  // namespace

std::shared_ptr<EndFd> listen_at(const Address& address, int backlog) {
  const SystemAddress where = system_address(address);
  auto end = make_socket(where.storage.ss_family, SOCK_NONBLOCK);
  const EndFd::Use use{*end};
  const int on = 1;
  if (::setsockopt(use.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    throw_os_error("setsockopt", to_string(address));
  if (::bind(use.get(), where.get(), where.size) != 0) throw_os_error("bind", to_string(address));
  if (::listen(use.get(), backlog) != 0) throw_os_error("listen", to_string(address));
  return end;
}

Address own_address(int fd) {
  SystemAddress system;
  system.size = sizeof system.storage;
  if (::getsockname(fd, system.get(), &system.size) != 0) throw_os_error("getsockname");
  return address_of(system);
}

std::pair<std::shared_ptr<EndFd>, Address> accept_one(int listening) {
  SystemAddress peer;
  peer.size = sizeof peer.storage;
  std::scoped_lock guard{fork_gate()};
  UniqueFd fd{::accept4(listening, peer.get(), &peer.size, SOCK_CLOEXEC)};
  if (!fd) {
    if (!is_of_client(errno)) throw_os_error("accept");
    return {};
  }
  fd = clear_of_stdio(std::move(fd));
  send_at_once(fd.get());
  return {std::make_shared<EndFd>(std::move(fd)), address_of(peer)};
}

std::shared_ptr<EndFd> connect_to(const Address& address, const Deadline& deadline) {
  const SystemAddress where = system_address(address);
  const std::string name = to_string(address);
  auto end = make_socket(where.storage.ss_family, 0);
  const EndFd::Use use{*end};
  set_send_timeout(use.get(), left_of(interruptible(deadline)));
  while (::connect(use.get(), where.get(), where.size) != 0) {
    if (errno == EINPROGRESS || (errno == EINTR && where.storage.ss_family == AF_INET)) {
      finish_connect(use.get(), deadline, name);
      break;
    }
    if (errno == EAGAIN && deadline.passed())
      throw TimeoutError("connecting to " + name + " took too long");
    if (errno != EINTR && errno != EAGAIN) throw_os_error("connect", name);
    set_send_timeout(use.get(), left_of(interruptible(deadline)));
  }
  set_send_timeout(use.get(), {});
  send_at_once(use.get());
  return end;
}

}  // namespace multiprocessing::detail
