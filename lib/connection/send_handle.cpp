#include "multiprocessing/connection/send_handle.hpp"

#include <sys/uio.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "connection/core.hpp"
#include "multiprocessing/base/errors.hpp"

namespace multiprocessing {

using detail::ConnectionAccess;
using detail::ConnectionCore;
using detail::Deadline;
using detail::ReadResult;
using detail::Turn;

// One byte that counts the descriptors, and is no message: what CPython's sendfds does.
void send_handle(const Connection& connection, int fd) {
  ConnectionCore& core = ConnectionAccess::core(connection);
  core.check_writable();
  const detail::EndFd::Use use{*core.end()};
  if (!detail::is_unix_socket(use.get_open()))
    detail::throw_os_error(EOPNOTSUPP, "send_handle", "by what is no Pipe and not AF_UNIX");
  unsigned char count = 1;
  const iovec piece{&count, 1};
  const Turn turn{core.shared().writing(), Deadline::never(), Turn::interruptibly};
  if (turn.broken()) detail::throw_os_error(EPIPE, "send_handle");
  core.leave_ring_out();
  (void)write_some(core.stream(use.get()), {&piece, 1}, {&fd, 1});
}

int recv_handle(const Connection& connection) {
  ConnectionCore& core = ConnectionAccess::core(connection);
  core.check_readable();
  const detail::EndFd::Use use{*core.end()};
  unsigned char count = 0;
  const iovec piece{&count, 1};
  std::vector<detail::UniqueFd> fds;
  const Turn turn{core.shared().reading(), Deadline::never(), Turn::interruptibly};
  core.await_socket();
  detail::Read read{ReadResult::nothing};
  while (read.result == ReadResult::nothing) {
    (void)detail::await_readable(use.get_open(), Deadline::never());
    read = read_some(core.stream(use.get()), piece, fds);
  }
  if (read.result == ReadResult::end) throw EOFError("the other end of the connection is closed");
  if (fds.size() != 1 || count != 1)
    throw std::runtime_error("a descriptor was to be received, and a byte came with " +
                             std::to_string(fds.size()) + " of them");
  return fds.front().release();
}

}  // namespace multiprocessing
