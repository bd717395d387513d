#include "base/waiting.hpp"

#include <poll.h>

#include <cerrno>
#include <string>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

// poll(2) skips a negative descriptor, and reports one that is not open as ready.
void require_open(const pollfd& entry) {
  if (entry.fd < 0 || (entry.revents & POLLNVAL) != 0)
    throw_os_error(EBADF, "poll", "descriptor " + std::to_string(entry.fd));
}

void poll_until(std::span<pollfd> entries, const Deadline& deadline) {
  for (const pollfd& entry : entries) require_open(entry);
  for (;;) {
    const auto left = deadline.left_as_timespec();
    if (::ppoll(entries.data(), entries.size(), left ? &*left : nullptr, nullptr) >= 0) break;
    if (errno != EINTR) throw_os_error("poll");
  }
  for (const pollfd& entry : entries) require_open(entry);
}

}  // namespace

bool wait_readable(int fd, const Deadline& deadline) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  poll_until({&entry, 1}, deadline);
  return entry.revents != 0;
}

std::vector<std::size_t> wait_any(std::span<const int> fds, const Deadline& deadline) {
  std::vector<pollfd> entries;
  entries.reserve(fds.size());
  for (const int fd : fds) entries.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  poll_until(entries, deadline);
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].revents != 0) ready.push_back(i);
  return ready;
}

}  // namespace multiprocessing::detail
