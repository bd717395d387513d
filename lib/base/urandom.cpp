#include "multiprocessing/base/urandom.hpp"

#include <sys/random.h>

#include <cerrno>
#include <string>

#include "base/os_error.hpp"

namespace multiprocessing {

Bytes urandom(std::size_t count) {
  Bytes bytes{std::string(count, '\0')};
  // More than 256 bytes may come in several parts.
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = getrandom(bytes.data() + done, count - done, 0);
    if (got < 0 && errno != EINTR) detail::throw_os_error("getrandom");
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace multiprocessing
