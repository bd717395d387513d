#include "base/abstract_name.hpp"

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

AbstractAddress::AbstractAddress(const AbstractName& name)
    : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())) {
  bytes.sun_family = AF_UNIX;
  std::ranges::copy(name, bytes.sun_path + 1);
}

}  // namespace multiprocessing::detail
