// ListenerCore: the listening socket, and clients with a handshake under way.
#pragma once

#include <poll.h>

#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "connection/core.hpp"
#include "connection/handshake.hpp"
#include "multiprocessing/connection/listener.hpp"
#include "process/end_fd.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {

class ListenerCore {
 public:
  ListenerCore(const Address& address, ListenerOptions options);
  ~ListenerCore();

  [[nodiscard]] Connection accept(const Deadline& deadline);
  [[nodiscard]] Address address() const;
  [[nodiscard]] std::optional<Address> last_accepted() const;
  [[nodiscard]] int fileno() const;
  void close();

 private:
  struct Guest {
    std::shared_ptr<EndFd> end;
    Address address;
    Deadline deadline;
    Handshake handshake;
  };
  using Guests = std::list<Guest>;  // the longest waiting first

  class AcceptTurn;

  void check_open() const;
  [[nodiscard]] Connection welcome(std::shared_ptr<EndFd> end, const Address& from);
  [[nodiscard]] std::optional<Connection> serve(Guests::iterator guest);
  [[nodiscard]] std::optional<Connection> serve_ready(const std::vector<pollfd>& entries);
  [[nodiscard]] std::optional<Connection> let_in(int listening);
  void turn_out_late();
  [[nodiscard]] std::vector<pollfd> entries(int listening) const;
  [[nodiscard]] bool wait(std::vector<pollfd>& entries, const Deadline& deadline) const;

  const ListenerOptions options_;
  const std::shared_ptr<EndFd> end_;
  const Address address_;
  const UniqueFd wake_;  // an eventfd: written by close(), for threads in accept()
  const Creator creator_;

  Guests guests_;  // the business of the one thread that is in accept()

  mutable std::mutex mutex_;  // guards what follows
  std::optional<Address> last_accepted_;
  bool accepting_ = false;
  std::condition_variable accept_ended_;
};

}  // namespace multiprocessing::detail
