#include "process/fork_server_client.hpp"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "arena/birth.hpp"
#include "arena/family.hpp"
#include "arena/settle.hpp"
#include "base/death.hpp"
#include "base/never_destroyed.hpp"
#include "base/os_error.hpp"
#include "base/rights.hpp"
#include "base/spawning.hpp"
#include "base/start_hook.hpp"
#include "base/waiting.hpp"
#include "process/descriptor_message.hpp"
#include "process/preparation.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {
namespace {

// A server that is not used any more ends at once; one that others use still is not waited for.
constexpr std::chrono::milliseconds time_to_end{500};

using Server = std::shared_ptr<ForkServer>;

// Guarded by the gate.
Server& current() {
  static NeverDestroyed<Server> current;
  return current.get();
}

// Those that this process started and replaced; guarded by the gate.
std::vector<Server>& replaced() {
  static NeverDestroyed<std::vector<Server>> replaced;
  return replaced.get();
}

void keep_if_own(const Server& server) {
  if (server->pid != 0 && server->starter.is_this_process()) replaced().push_back(server);
}

/// Those of them that have ended, to be reaped by their destructors once the gate is let go.
std::vector<Server> take_ended() {
  std::vector<Server> ended;
  std::scoped_lock guard{fork_gate()};
  std::erase_if(replaced(), [&ended](const Server& each) {
    if (each.use_count() != 1) return false;  // another thread starts a child by it
    each->socket.reset();
    if (!wait_readable(each->pidfd.get(), Deadline{std::chrono::seconds{0}})) return false;
    ended.push_back(each);
    return true;
  });
  return ended;
}

constinit std::atomic<void (*)()> preload{nullptr};

/// The server learns by each request which user sends it: a process that has become another
/// user's and was then taken over by an intruder has this socket still, and could have children
/// made as what it was.
void ask_for_senders(const UniqueFd& socket) {
  const int yes = 1;
  if (setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0)
    throw_os_error("setsockopt", "SO_PASSCRED of the fork server");
}

// With the gate held from before the channel is made until the server's end of it is closed here:
// a child forked meanwhile would keep it open, and the death of the server would not be seen.
SpawnedHelper execute_server(ForkServer& server, const ArenaAddress& address) {
  std::scoped_lock guard{fork_gate()};
  auto [ours, its] = make_channel();
  ask_for_senders(its);
  const ServerPreparation told{server.key, its.get(), preload.load(), logging_state(),
                               server.begun};
  Writer content;
  content.raw(own_credentials(ThreadStatus{}));
  told.write(content);
  const UniqueFd file = make_birth_file(address, Role::fork_server, content.view());
  const std::array<std::string, 1> arguments{child_mark + std::to_string(file.get())};
  const std::array descriptors{file.get(), address.arena_fd, address.family_fd, address.bequest_fd,
                               its.get()};
  server.socket = std::move(ours);
  return spawn_helper(arguments, descriptors);
}

Server start_server(const Starter& now) {
  auto server = std::make_shared<ForkServer>();
  server->key = random_key();
  server->begun = now;
  Birth birth;
  SpawnedHelper spawned = execute_server(*server, address_for(birth));
  birth.delivered(spawned.program.pid);
  server->member = birth.child();
  server->pid = server->number = spawned.program.pid;
  server->pidfd = std::move(spawned.program.pidfd);
  server->reaper = std::move(spawned.reaper);
  server->line = std::move(spawned.line);
  return server;
}

Server current_server() {
  std::scoped_lock guard{fork_gate()};
  return current();
}

}  // namespace

ForkServer::~ForkServer() {
  socket.reset();
  if (pid == 0 || !starter.is_this_process()) return;
  if (serves_on) return;
  const int kept = line.release();  // a reaper that is not reaped here is not to be seen later
  try {
    const Deadline deadline{time_to_end};
    if (!wait_readable(pidfd.get(), deadline)) return;
    if (reaper.pidfd && wait_readable(reaper.pidfd.get(), deadline)) {
      (void)reap(reaper.pidfd.get(), reaper.pid);
      line.reset(kept);
    }
    (void)reap(pidfd.get(), pid);  // where it has no reaper, or this process inherited it
    settle(member);
  } catch (const std::exception& error) {
    warn_at_the_end(std::string{"the fork server is not waited for: "} + error.what());
  }
}

Server ensure_fork_server(const Starter& now) {
  Server before = current_server();
  if (before && may_serve(before->begun, now)) return before;
  Server server = start_server(now);
  {
    std::scoped_lock guard{fork_gate()};
    Server& at = current();
    // Another thread may have been faster; ours ends with its last user then.
    if (at != nullptr && at != before && may_serve(at->begun, now)) return at;
    if (at != nullptr) keep_if_own(at);
    at = server;
  }
  before.reset();
  (void)take_ended();
  return server;
}

void replace_fork_server(const ForkServer& server) {
  Server forgotten;  // destroyed after the gate is let go
  std::scoped_lock guard{fork_gate()};
  if (current().get() != &server) return;
  forgotten = std::move(current());
  keep_if_own(forgotten);
}

void adopt_fork_server(UniqueFd socket, pid_t number, Bytes key, Starter begun) {
  auto server = std::make_shared<ForkServer>();
  server->socket = std::move(socket);
  server->number = number;
  server->key = std::move(key);
  server->begun = std::move(begun);
  std::scoped_lock guard{fork_gate()};
  current() = std::move(server);
}

void stop_fork_server() {
  (void)take_ended();
  const Server server = current_server();
  if (server == nullptr) return;
  server->serves_on = keeps_ends(server->member);
  Server forgotten;
  std::scoped_lock guard{fork_gate()};
  if (current() == server) forgotten = std::move(current());
}

pid_t fork_server_pid() {
  const Server server = current_server();
  return server == nullptr ? 0 : server->pid;
}

Bytes fork_server_key() { return ensure_fork_server()->key; }

void set_fork_server_key(Bytes key) { ensure_fork_server()->key = std::move(key); }

void set_preload(void (*load)()) { preload = load; }

}  // namespace multiprocessing::detail
