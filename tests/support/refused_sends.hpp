// Stands in the place of send(2) and sendto(2) in the program that includes it, in one source file,
// and lets them fail as the kernel does that has no memory for a packet.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace test_support {

/// How many calls that are to come will fail, of whatever thread, and the error.
inline std::atomic<int> refused_sends{0};
inline std::atomic<int> refused_sends_error{ENOBUFS};

inline bool refuses_send() {
  int left = refused_sends.load();
  while (left > 0 && !refused_sends.compare_exchange_weak(left, left - 1)) {
  }
  if (left > 0) errno = refused_sends_error;
  return left > 0;
}

}  // namespace test_support

extern "C" ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* address,
                          socklen_t address_size) {
  if (test_support::refuses_send()) return -1;
  return syscall(SYS_sendto, fd, data, size, flags, address, address_size);
}

extern "C" ssize_t send(int fd, const void* data, size_t size, int flags) {
  return sendto(fd, data, size, flags, nullptr, 0);
}
