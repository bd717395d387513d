#include "base/unique_fd.hpp"

#include <unistd.h>

#include <cerrno>

namespace multiprocessing::detail {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int error = errno;
  // Not repeated after EINTR: Linux has let go of the number by then, and it may be another's.
  ::close(old);
  errno = error;
}

}  // namespace multiprocessing::detail
