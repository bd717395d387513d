#include "process/keeper_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/fail_point.hpp"
#include "base/os_error.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_server_client.hpp"
#include "process/keeper.hpp"
#include "process/standstill.hpp"

namespace multiprocessing::detail {
namespace {

using namespace std::chrono_literals;

// How often a wait for an answer looks whether the keeper lives, should its end not be seen.
constexpr std::chrono::nanoseconds look = 50ms;

// How often a sender may find that the keeper has just died, or ended.
constexpr int attempts = 5;

/// The object that a message holds in the place of its ends.
struct Ticket {
  static constexpr std::uint64_t is_one = 0x74'65'6b'63'69'74'70'6dULL;  // "mpticket"

  std::uint64_t magic;
  std::uint32_t ends;
  KeeperAddress keeper;
};

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span{&value, 1});
}
template <class T>
std::span<std::byte> room_of(T& value) {
  return std::as_writable_bytes(std::span{&value, 1});
}

/// Thrown when the server that is asked is stopped, and is waited for no more.
struct StandsStill {};

/// For how long the answer of a server is waited for although it is stopped.
class Tolerance {
 public:
  Tolerance(pid_t server, const Deadline& lasts) : standstill_(server), lasts_(lasts) {}

  void check() {
    const bool stands_still = standstill_.seen();
    if (stands_still && lasts_.passed()) throw StandsStill{};
  }

 private:
  Standstill standstill_;
  const Deadline lasts_;
};

const Deadline no_longer{0ns};  // where another server does it as well

/// Its descriptors are closed before it is seen dead, one after the other.
bool is_gone(Member server) {
  for (const Deadline enough{look}; alive(server); std::this_thread::sleep_for(1ms))
    if (enough.passed()) return false;
  return true;
}

[[noreturn]] void throw_full(const KeeperAddress& keeper) {
  throw_os_error(EMFILE, "recvmsg",
                 "the fork server with process id " + std::to_string(pid_of(keeper.member)) +
                     ", which keeps the ends of pipes and sockets in messages until they are "
                     "received, and can open no more: receive some first, or raise the limit of "
                     "open files (ulimit -n) before this program is started");
}

struct Reply {
  Message message;
  int error = 0;
  std::vector<std::shared_ptr<EndFd>> ends;
};

/// A question to a server, and the channel of the answer.
class Inquiry {
 public:
  Inquiry() {
    std::scoped_lock guard{fork_gate()};
    auto [ours, its] = make_channel();
    ours_.keep(std::move(ours));
    its_.keep(std::move(its));
  }

  [[nodiscard]] int answer_by() const { return its_.get(); }

  /// Nothing when `server` died over it; its end of the channel tells that too, and where
  /// no server is named it alone. Throws OutOfTime, StandsStill.
  [[nodiscard]] std::optional<Reply> wait(std::span<std::byte> into, Member server,
                                          const Deadline& deadline, Tolerance& tolerance) {
    its_.close();
    while (!await_readable(ours_.get(), deadline.at_most(look))) {
      if (server && !alive(server) && !wait_readable(ours_.get(), Deadline{0ns}))
        return std::nullopt;
      if (deadline.passed()) throw OutOfTime{};
      tolerance.check();
    }
    Reply reply;  // its ends take the gate too when they go
    // With the gate held, no fork comes between their arrival and our knowing of them.
    std::scoped_lock guard{fork_gate()};
    reply.message = receive_message(ours_.get(), into);
    reply.ends = take_into_care(std::exchange(reply.message.descriptors, {}));
    if (reply.message.size != into.size()) return std::nullopt;
    return reply;
  }

 private:
  OwnFd ours_;
  OwnFd its_;
};

// ---- the address of the keeper

/// The server of this process becomes it. None when it died over it, or stands still.
KeeperAddress try_appoint(const ForkServer& server, const Deadline& deadline) try {
  Inquiry inquiry;
  ForkRequest request{};
  std::memcpy(request.key, server.key.data(), std::min(server.key.size(), key_size));
  const int answer_by = inquiry.answer_by();
  if (!send_message(server.socket.get(), bytes_of(request), {&answer_by, 1})) return {};
  ForkAnswer answer{};
  Tolerance tolerance{server.number, no_longer};
  if (!inquiry.wait(room_of(answer), server.member, deadline, tolerance)) return {};
  if (answer.result == ForkAnswer::not_authenticated)
    throw AuthenticationError("the fork server does not accept the key of this process");
  if (answer.result == ForkAnswer::failed)
    throw_os_error(answer.error, answer.call, "in the fork server, to keep ends in messages");
  return answer.keeper;
} catch (const StandsStill&) {
  return {};
}

[[noreturn]] void throw_dying() {
  throw ProcessError("the fork server died " + std::to_string(attempts) +
                     " times before it could keep the ends in a message; its standard error may "
                     "tell why");
}

KeeperAddress appoint(const Deadline& deadline) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto server = ensure_fork_server();
    if (const KeeperAddress keeper = try_appoint(*server, deadline); keeper.member) return keeper;
    replace_fork_server(*server);
  }
  throw_dying();
}

// ---- asking it

/// In another network a stranger has that name, or no process.
void check_network(const KeeperAddress& keeper, const OwnFd& line) {
  const std::uint64_t here = network_of(line.get());
  if (here == keeper.network || here == 0 || keeper.network == 0) return;
  throw ProcessError(
      "the fork server with process id " + std::to_string(pid_of(keeper.member)) +
      ", which keeps the ends of pipes and sockets in messages of this family, cannot be reached "
      "from here: this process is in another network namespace; put and get such messages in the "
      "fork server's, or pass the ends as arguments of a Process, or over a Pipe");
}

void open_line(OwnFd& line) {
  std::scoped_lock guard{fork_gate()};
  UniqueFd made = clear_of_stdio(UniqueFd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)});
  if (!made) throw_os_error("socket", "to the fork server");
  line.keep(std::move(made));
}

/// False when the keeper is gone.
bool connect_to(const KeeperAddress& keeper, OwnFd& line) {
  open_line(line);
  check_network(keeper, line);
  const AbstractAddress address{keeper.name};
  if (connect(line.get(), address.get(), address.size) != 0) {
    if (errno == ECONNREFUSED) return false;
    throw_os_error("connect", "the fork server");
  }
  // It lives, so the name was not another program's already when we connected.
  return alive(keeper.member);
}

/// Waits for room in the keeper's queue; false when the keeper is gone. Throws OutOfTime,
/// StandsStill.
bool send_in_time(const OwnFd& line, const KeeperRequest& request, std::span<const int> fds,
                  const Deadline& deadline, Tolerance& tolerance) {
  for (;;) {
    const timespec left = *deadline.at_most(look).left_as_timespec();
    const timeval limit{left.tv_sec, std::max(left.tv_nsec / 1000, 1L)};
    (void)setsockopt(line.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    try {
      return send_message(line.get(), bytes_of(request), fds);
    } catch (const OSError& error) {
      if (error.code().value() != EAGAIN) throw;
    }
    if (deadline.passed()) throw OutOfTime{};
    tolerance.check();
  }
}

/// Nothing when the keeper is gone. Throws OSError when it has no room for the question, OutOfTime,
/// StandsStill.
std::optional<Reply> ask(const KeeperAddress& keeper, KeeperRequest::What what,
                         const ObjectName& ticket, const Deadline& deadline,
                         const Deadline& when_stopped, std::span<const int> descriptors = {}) {
  Tolerance tolerance{pid_of(keeper.member), when_stopped};
  Inquiry inquiry;
  OwnFd line;
  if (!connect_to(keeper, line)) return std::nullopt;
  std::vector<int> fds{inquiry.answer_by()};
  fds.insert(fds.end(), descriptors.begin(), descriptors.end());
  const KeeperRequest request{what, keeper.key, ticket};
  if (!send_in_time(line, request, fds, deadline, tolerance)) return std::nullopt;
  fail_point(what == KeeperRequest::keep ? "keeper.leave.asked" : "keeper.take.asked");
  KeeperAnswer answer{};
  std::optional<Reply> reply = inquiry.wait(room_of(answer), keeper.member, deadline, tolerance);
  if (reply) reply->error = answer.error;
  const bool is_full = reply ? reply->error == EMFILE : !is_gone(keeper.member);
  if (is_full) throw_full(keeper);
  return reply;
}

[[noreturn]] void throw_lost(const Ticket& ticket, const std::string& why) {
  throw ProcessError(std::to_string(ticket.ends) +
                     (ticket.ends == 1 ? " end of a pipe or socket in the message is lost: "
                                       : " ends of pipes and sockets in the message are lost: ") +
                     why);
}

}  // namespace

namespace {

/// Nothing when there has to be another keeper.
std::optional<Reply> ask_to_keep(const KeeperAddress& keeper, const Handle& ticket,
                                 std::span<const int> ends, const Deadline& deadline) try {
  return ask(keeper, KeeperRequest::keep, name_of(ticket), deadline, no_longer, ends);
} catch (const StandsStill&) {
  return std::nullopt;
}

}  // namespace

Handle leave_ends(std::span<const std::shared_ptr<EndFd>> ends, const Deadline& deadline) try {
  const EndNumbers numbers{ends};
  const std::size_t count = numbers.get().size();
  if (count >= most_descriptors)
    throw ValueError("too many fds: the message holds " + std::to_string(count) +
                     " ends of pipes and sockets, and one can hold " +
                     std::to_string(most_descriptors - 1));
  Handle ticket = Handle::make(sizeof(Ticket));
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const KeeperAddress keeper = family_keeper(appoint, deadline);
    *ticket.as<Ticket>() = {Ticket::is_one, static_cast<std::uint32_t>(count), keeper};
    const std::optional<Reply> reply = ask_to_keep(keeper, ticket, numbers.get(), deadline);
    fail_point("keeper.leave.answered");
    if (reply && reply->error != 0)
      throw_os_error(reply->error, "recvmsg",
                     "the fork server, which keeps the ends in messages until they are received");
    if (reply) return ticket;
    dismiss(keeper.member, deadline);
  }
  throw_dying();
} catch (const OutOfTime&) {
  return {};
}

std::vector<std::shared_ptr<EndFd>> take_ends(const Handle& ticket, const Deadline& deadline) try {
  const auto& body = *ticket.as<Ticket>();
  if (body.magic != Ticket::is_one)
    throw SerializationError("the end of a pipe or socket did not come along with its message");
  std::optional<Reply> reply =
      ask(body.keeper, KeeperRequest::give, name_of(ticket), Deadline::never(), deadline);
  fail_point("keeper.take.answered");
  if (!reply) throw_lost(body, "the fork server, which kept them, has died");
  if (reply->error == ENOENT) throw_lost(body, "they have been taken already");
  if (reply->error != 0) throw_os_error(reply->error, "sendmsg", "the ends kept for a message");
  if (reply->message.lost_some) {
    reply->ends.clear();
    throw_os_error(EMFILE, "recvmsg", "the ends of pipes and sockets in a message, which are lost");
  }
  return std::move(reply->ends);
} catch (const StandsStill&) {
  const auto& body = *ticket.as<Ticket>();
  throw_lost(body, "the fork server, process " + std::to_string(pid_of(body.keeper.member)) +
                       ", which keeps them, is stopped, and the time is over");
}

}  // namespace multiprocessing::detail
