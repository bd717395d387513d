#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/os_error.hpp"

namespace multiprocessing::detail {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int error = errno;
  // Not repeated after EINTR: Linux has let go of the number by then, and it may be another's.
  ::close(old);
  errno = error;
}

UniqueFd clear_of_stdio(UniqueFd fd) {
  if (!fd || fd.get() > STDERR_FILENO) return fd;
  UniqueFd higher{::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
  if (!higher) throw_os_error("fcntl", "F_DUPFD_CLOEXEC");
  return higher;
}

}  // namespace multiprocessing::detail
