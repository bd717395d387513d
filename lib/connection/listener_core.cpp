#include "connection/listener_core.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/fail_point.hpp"
#include "base/interruption.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "connection/handshake_io.hpp"
#include "connection/socket.hpp"
#include "connection/socket_files.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/logging.hpp"

namespace multiprocessing::detail {
namespace {

UniqueFd make_wake() {
  UniqueFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd) throw_os_error("eventfd");
  return clear_of_stdio(std::move(fd));
}

// With a limit below 1 no client could ever be let in.
ListenerOptions checked(ListenerOptions options) {
  if (options.max_handshakes == 0) throw ValueError("max_handshakes must be at least 1");
  return options;
}

Address bound_address(const std::shared_ptr<EndFd>& end) {
  const EndFd::Use use{*end};
  return own_address(use.get());
}

// Where the guests' entries begin.
enum Entry : std::size_t { listening_entry, wake_entry, first_guest };

}  // namespace

ListenerCore::ListenerCore(const Address& address, ListenerOptions options)
    : options_(checked(std::move(options))),
      end_(listen_at(address, options_.backlog)),
      address_(bound_address(end_)),
      wake_(make_wake()) {
  remove_at_exit(address_);
}

ListenerCore::~ListenerCore() {
  try {
    close();
  } catch (const std::exception&) {
    // No memory to note that its file is gone; it goes at the end of the process.
  }
}

void ListenerCore::check_open() const {
  if (end_->closed()) throw_os_error(EBADF, "listener is closed");
}

Address ListenerCore::address() const {
  check_open();
  return address_;
}

std::optional<Address> ListenerCore::last_accepted() const {
  std::scoped_lock guard{mutex_};
  return last_accepted_;
}

int ListenerCore::fileno() const {
  check_open();
  return EndFd::Use{*end_}.get();
}

void ListenerCore::close() {
  const bool was_closed = end_->closed();
  end_->close();
  // In a forked child the file, and threads that wait in accept(), are its parent's.
  if (was_closed || !creator_.is_this_process()) return;
  remove_socket_file(address_);
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

/// One thread accepts at a time; the others wait for it. Not by a timed mutex: g++ 12's
/// ThreadSanitizer does not see its lock.
class ListenerCore::AcceptTurn {
 public:
  AcceptTurn(ListenerCore& core, const Deadline& deadline) : core_(core) {
    std::unique_lock lock{core_.mutex_};
    const auto is_free = [&] { return !core_.accepting_; };
    taken_ = wait_interruptibly(core_.accept_ended_, lock, deadline, is_free);
    if (taken_) core_.accepting_ = true;
  }
  ~AcceptTurn() {
    if (!taken_) return;
    std::scoped_lock guard{core_.mutex_};
    core_.accepting_ = false;
    core_.accept_ended_.notify_one();
  }
  AcceptTurn(const AcceptTurn&) = delete;

  [[nodiscard]] bool taken() const { return taken_; }

 private:
  ListenerCore& core_;
  bool taken_ = false;
};

Connection ListenerCore::accept(const Deadline& deadline) {
  const auto late = [] { return TimeoutError("no client has come, and proved its key, in time"); };
  const AcceptTurn turn{*this, deadline};
  if (!turn.taken()) throw late();
  for (;;) {
    check_open();
    const EndFd::Use use{*end_};
    auto waiting = entries(use.get());
    if (use.get() < 0 || !wait(waiting, deadline)) {
      check_open();
      throw late();
    }
    check_open();
    if (auto connection = serve_ready(waiting)) return std::move(*connection);
    turn_out_late();
    if (waiting[listening_entry].revents != 0)
      if (auto connection = let_in(use.get())) return std::move(*connection);
  }
}

std::vector<pollfd> ListenerCore::entries(int listening) const {
  std::vector<pollfd> entries{{.fd = listening, .events = POLLIN, .revents = 0},
                              {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  for (const Guest& guest : guests_)
    entries.push_back({.fd = EndFd::Use{*guest.end}.get(),
                       .events = awaited_events(guest.handshake),
                       .revents = 0});
  return entries;
}

/// False when the caller's time is over; a guest's time being over is an answer too.
bool ListenerCore::wait(std::vector<pollfd>& entries, const Deadline& deadline) const {
  // All guests have been given the same time, so the first one's is over first.
  const bool guest_leaves = !guests_.empty() && !guests_.front().deadline.is_never();
  const Deadline until =
      guest_leaves ? deadline.at_most(guests_.front().deadline.left()) : deadline;
  return poll_interruptibly(entries, until, "for clients") > 0 || !deadline.passed();
}

std::optional<Connection> ListenerCore::serve_ready(const std::vector<pollfd>& entries) {
  std::size_t index = first_guest;
  for (auto guest = guests_.begin(); guest != guests_.end(); ++index) {
    const auto here = guest++;
    if (entries[index].revents == 0) continue;
    if (auto connection = serve(here)) return connection;
  }
  return std::nullopt;
}

/// Its connection, when it has proved its key. Whatever else ends it comes out of accept().
std::optional<Connection> ListenerCore::serve(Guests::iterator guest) {
  try {
    go_on(guest->handshake, EndFd::Use{*guest->end}.get());
  } catch (...) {
    guests_.erase(guest);
    throw;
  }
  fail_point("connection.accept.served");
  if (!guest->handshake.done()) return std::nullopt;
  const Guest done = std::move(*guest);
  guests_.erase(guest);
  return welcome(done.end, done.address);
}

Connection ListenerCore::welcome(std::shared_ptr<EndFd> end, const Address& from) {
  {
    std::scoped_lock guard{mutex_};
    last_accepted_ = from;
  }
  const ConnectionOptions options{.max_message_size = options_.max_message_size};
  return ConnectionAccess::make(
      std::make_shared<ConnectionCore>(std::move(end), options, SharedEnd{}));
}

std::optional<Connection> ListenerCore::let_in(int listening) {
  auto [end, from] = accept_one(listening);
  if (end == nullptr) return std::nullopt;
  if (!options_.authkey) return welcome(std::move(end), from);
  if (guests_.size() >= options_.max_handshakes) {
    get_logger().info("a client that was slow to prove its key makes room for another");
    guests_.pop_front();
  }
  guests_.push_back(
      {std::move(end), std::move(from), Deadline{options_.handshake_timeout},
       Handshake{Handshake::Side::listener, {*options_.authkey, options_.require_sha256}}});
  return serve(std::prev(guests_.end()));
}

void ListenerCore::turn_out_late() {
  while (!guests_.empty() && guests_.front().deadline.passed()) {
    get_logger().info("a client has not proved its key in time");
    guests_.pop_front();
  }
}

}  // namespace multiprocessing::detail
