// forkserver: the child is forked by a clean copy of this program, which has one thread.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "arena/birth.hpp"
#include "base/death.hpp"
#include "base/os_error.hpp"
#include "base/reaper.hpp"
#include "base/waiting.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/logging.hpp"
#include "process/descriptor_message.hpp"
#include "process/fork_server_client.hpp"
#include "process/popen.hpp"
#include "process/standstill.hpp"

namespace multiprocessing::detail {
namespace {

using std::chrono::milliseconds;

// The server reports an end within a millisecond, unless it was stopped or killed. When it has
// died, its children are reaped by the process that inherits them, which may be this one, and then
// the kernel tells.
constexpr milliseconds time_to_tell{1000};

// How often a start looks whether the server that does not answer stands still.
constexpr milliseconds look{100};

// How often a start may find that the server has just died.
constexpr int attempts = 5;

/// A child of the server, which reaps it; this process does when it has inherited the child.
class ServedPopen final : public Popen {
 public:
  [[nodiscard]] std::optional<int> poll() override {
    const int code = find_code();
    status.close();
    return code;
  }

  OwnFd status;

 private:
  [[nodiscard]] int find_code() {
    const Deadline deadline{time_to_tell};
    if (auto code = reaped_by_us_or_others()) return *code;
    if (auto code = reported(deadline)) return *code;
    // The server has closed its sockets, and its children have a new parent in a moment.
    if (!inherits_orphans())
      if (auto code = left_exit_code(member)) return *code;
    while (!deadline.passed()) {
      if (auto code = reaped_by_us_or_others()) return *code;
      std::this_thread::sleep_for(milliseconds{2});
    }
    return code_of_the_lost(*this);
  }

  [[nodiscard]] std::optional<int> reaped_by_us_or_others() {
    const Reaped reaped = reap(pidfd.get(), pid);
    if (reaped.state == Reaped::ended) return reaped.exitcode;
    return exit_code_of_stranger(pidfd.get());
  }

  [[nodiscard]] std::optional<int> reported(const Deadline& deadline) {
    if (!wait_readable(status.get(), deadline)) return std::nullopt;
    ForkEnded ended{};
    const Message message =
        receive_message(status.get(), std::as_writable_bytes(std::span{&ended, 1}));
    if (message.size != sizeof ended) return std::nullopt;
    return ended.exitcode;
  }
};

/// The child's end of a channel; `popen` keeps the other.
void keep_status_channel(ServedPopen& popen, OwnFd& of_server) {
  std::scoped_lock guard{fork_gate()};
  auto [ours, its] = make_channel();
  popen.status.keep(std::move(ours));
  of_server.keep(std::move(its));
}

bool send_request(const ForkServer& server, Member child, bool own_group,
                  std::span<const int> fds) {
  ForkRequest request{};
  std::memcpy(request.key, server.key.data(), std::min(server.key.size(), key_size));
  request.child = child;
  request.own_group = own_group;
  return send_message(server.socket.get(), std::as_bytes(std::span{&request, 1}), fds);
}

/// Waits for the server's answer; false when it stands still or has ended, for another one does it
/// as well. Its end alone may not be seen by the channel: a forked child may have a copy still.
bool answers(const ForkServer& server, const ServedPopen& popen) {
  Standstill standstill{server.number};
  while (!wait_readable(popen.status.get(), Deadline{look})) {
    if (!standstill.seen()) continue;
    get_logger().warning("the fork server, process " + std::to_string(server.number) +
                         ", is stopped or has ended; another one is started");
    return false;
  }
  return true;
}

/// False when the server died over it, or stands still.
bool take_answer(const ForkServer& server, ServedPopen& popen) {
  if (!answers(server, popen)) return false;
  ForkAnswer answer{};
  Message message =
      receive_message(popen.status.get(), std::as_writable_bytes(std::span{&answer, 1}));
  if (message.size != sizeof answer) return false;
  if (answer.result == ForkAnswer::not_authenticated)
    throw AuthenticationError("the fork server does not accept the key of this process");
  if (answer.result == ForkAnswer::requester_died)
    throw ProcessError("the fork server takes this process for dead");
  if (answer.result == ForkAnswer::failed)
    throw_os_error(answer.error, answer.call, "in the fork server");
  if (message.descriptors.empty()) throw_os_error(EMFILE, "recvmsg", "the pidfd of a child");
  popen.pid = answer.pid;
  popen.pidfd = std::move(message.descriptors.front());
  return true;
}

[[noreturn]] void throw_too_many(std::size_t given) {
  throw ValueError("too many fds: the arguments hold " + std::to_string(given) +
                   " ends of pipes and sockets, and under forkserver a process can be given " +
                   std::to_string(most_descriptors - request_descriptors) +
                   "; send the others by one of them, or use spawn");
}

/// Nothing when the server died or stands still. Should it have made the child before that, the
/// child dies with its life pipe, which no process keeps then.
std::unique_ptr<Popen> try_popen(const ForkServer& server, std::span<const std::byte> content,
                                 const Envelope& envelope, bool own_group) {
  auto popen = std::make_unique<ServedPopen>();
  UniqueFd life = keep_life_pipe(*popen);
  OwnFd of_server;
  keep_status_channel(*popen, of_server);
  Birth birth{envelope.outgoing()};
  popen->member = birth.child();
  UniqueFd file = make_birth_file(address_for(birth), Role::child, content);
  const EndNumbers given{envelope.ends()};
  std::vector<int> fds{of_server.get(), file.get(), life.get(), server.socket.get()};
  fds.insert(fds.end(), given.get().begin(), given.get().end());
  if (fds.size() > most_descriptors) throw_too_many(given.get().size());
  if (!send_request(server, popen->member, own_group, fds)) return nullptr;
  of_server.close();  // so that the end of the server is seen
  life.reset();       // numbers that are free now are for the pidfd where no others are left
  file.reset();
  if (!take_answer(server, *popen)) return nullptr;
  birth.delivered(popen->pid);
  return popen;
}

std::string current_directory() {
  std::error_code error;  // it may have been removed; the child stays where the server is then
  return std::filesystem::current_path(error).string();
}

}  // namespace

std::unique_ptr<Popen> popen_forkserver(const Launch& launch) {
  Preparation told = launch.preparation;
  told.directory = current_directory();
  const Starter starter = Starter::calling_thread();
  Writer content;
  Envelope envelope;
  content.raw(starter.settings);
  told.write(content);
  write_body(launch, content, envelope);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto server = ensure_fork_server(starter);
    if (auto popen = try_popen(*server, content.view(), envelope, told.own_group)) return popen;
    replace_fork_server(*server);
  }
  throw ProcessError("the fork server died " + std::to_string(attempts) +
                     " times before it could make a child; its standard error may tell why");
}

}  // namespace multiprocessing::detail
