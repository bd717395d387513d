#include "base/abstract_name.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>

#include "base/os_error.hpp"

namespace multiprocessing::detail {

AbstractName bind_to_fresh_name(int fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  // An address of the family alone asks for a name.
  if (bind(fd, generic, sizeof(sa_family_t)) != 0 || getsockname(fd, generic, &size) != 0)
    throw_os_error("bind", "a fresh abstract name");
  AbstractName name{};
  std::copy_n(address.sun_path + 1, name.size(), name.begin());
  return name;
}

std::uint64_t network_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0) return cookie;
  struct stat file {};  // Linux before 5.14
  return stat("/proc/thread-self/ns/net", &file) == 0 ? file.st_ino : 0;
}

AbstractAddress::AbstractAddress(const AbstractName& name)
    : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())) {
  bytes.sun_family = AF_UNIX;
  std::ranges::copy(name, bytes.sun_path + 1);
}

}  // namespace multiprocessing::detail
