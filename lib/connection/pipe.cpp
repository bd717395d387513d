#include "multiprocessing/connection/pipe.hpp"

#include <sys/socket.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/os_error.hpp"
#include "connection/core.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing {
namespace {

using detail::ConnectionAccess;
using detail::ConnectionCore;
using detail::SharedEnd;
using detail::UniqueFd;

// Sockets also where one direction would do, because a write to a pipe without readers raises a
// signal, and a pipe passes no descriptors. Of packets, because a packet goes and comes by one
// call, and is there whole or not at all, whichever side dies over it.
std::vector<std::shared_ptr<detail::EndFd>> make_ends() {
  std::scoped_lock guard{detail::fork_gate()};
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    detail::throw_os_error("socketpair", "for a pipe");
  std::vector<UniqueFd> ends;
  for (const int fd : fds) ends.emplace_back(fd);
  for (UniqueFd& end : ends) end = detail::clear_of_stdio(std::move(end));
  return detail::take_into_care(std::move(ends));
}

Connection connection(std::shared_ptr<detail::EndFd> end, SharedEnd shared, bool readable,
                      bool writable) {
  const ConnectionOptions options{.readable = readable, .writable = writable};
  return ConnectionAccess::make(
      std::make_shared<ConnectionCore>(std::move(end), options, std::move(shared)));
}

}  // namespace

std::pair<Connection, Connection> Pipe(PipeOptions options) {
  auto [first, second] = SharedEnd::make_pipe();
  auto ends = make_ends();
  return {connection(std::move(ends[0]), std::move(first), true, options.duplex),
          connection(std::move(ends[1]), std::move(second), options.duplex, true)};
}

}  // namespace multiprocessing
