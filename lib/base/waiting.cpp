#include "base/waiting.hpp"

#include <cerrno>
#include <chrono>
#include <string>

#include "base/interruption.hpp"
#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

// poll(2) skips a negative descriptor, and reports one that is not open as ready.
void require_open(const pollfd& entry) {
  if (entry.fd < 0 || (entry.revents & POLLNVAL) != 0)
    throw_os_error(EBADF, "poll", "descriptor " + std::to_string(entry.fd));
}

int poll_until(std::span<pollfd> entries, const Deadline& deadline) {
  for (;;) {
    const auto left = deadline.left_as_timespec();
    const int count = ::ppoll(entries.data(), entries.size(), left ? &*left : nullptr, nullptr);
    if (count >= 0) return count;
    if (errno != EINTR) throw_os_error("poll");
  }
}

/// With the check whether they are open.
template <class Poll>
void poll_open(std::span<pollfd> entries, const Deadline& deadline, Poll poll) {
  for (const pollfd& entry : entries) require_open(entry);
  (void)poll(entries, deadline);
  for (const pollfd& entry : entries) require_open(entry);
}

constexpr auto and_be_interrupted = [](std::span<pollfd> entries, const Deadline& deadline) {
  return poll_interruptibly(entries, deadline);
};

}  // namespace

// What is ready is told before a signal is, so that a wait which is over is not interrupted.
int poll_interruptibly(std::span<pollfd> entries, const Deadline& deadline,
                       std::string_view thing) {
  for (bool only_look = may_be_interrupted();; only_look = false) {
    Deadline until = deadline;
    if (only_look)
      until = Deadline{std::chrono::nanoseconds{0}};
    else if (!deadline.passed())
      until = interruptible(deadline);
    const auto left = until.left_as_timespec();
    const int count = ::ppoll(entries.data(), entries.size(), left ? &*left : nullptr, nullptr);
    if (count > 0 || (count == 0 && !only_look && deadline.passed())) return count;
    if (count < 0 && errno != EINTR) throw_os_error("poll", thing);
  }
}

bool wait_readable(int fd, const Deadline& deadline) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  poll_open({&entry, 1}, deadline, poll_until);
  return entry.revents != 0;
}

bool await_readable(int fd, const Deadline& deadline) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  poll_open({&entry, 1}, deadline, and_be_interrupted);
  return entry.revents != 0;
}

std::vector<std::size_t> wait_any(std::span<const int> fds, const Deadline& deadline) {
  std::vector<pollfd> entries;
  entries.reserve(fds.size());
  for (const int fd : fds) entries.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  poll_open(entries, deadline, and_be_interrupted);
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].revents != 0) ready.push_back(i);
  return ready;
}

}  // namespace multiprocessing::detail
