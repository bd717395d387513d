// The fork server as its users see it: starting, sharing, asking and ending it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "arena/family.hpp"
#include "base/spawning.hpp"
#include "base/unique_fd.hpp"
#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"
#include "process/fork_gate.hpp"
#include "process/identity.hpp"
#include "process/keeper.hpp"
#include "process/starter.hpp"

namespace multiprocessing::detail {

// ---- what goes over its socket, a pair of which every process that may use the server has the
// ---- same end; datagrams, so requests of several processes do not mix.

struct ForkRequest {
  char key[key_size];  // a process that has the socket by accident does not know it
  Member child;        // none: the server is to be the keeper
  bool own_group;      // the child leads one before its start is told
};

/// Sent along with a request, in this order.
enum RequestDescriptor : unsigned {
  status_socket,  // answers come by its other end; first, for a refusal needs no other
  birth_file,
  life_read_end,
  request_socket,      // for the child, which may use the server too
  request_descriptors  // then those among the arguments
};

/// The first answer, with a pidfd of the child when it was made.
struct ForkAnswer {
  enum : std::int32_t { made, not_authenticated, failed, requester_died } result;
  std::int32_t pid = 0;    // when it was made
  std::int32_t error = 0;  // an errno, when it failed
  char call[48] = {};      // and which call it was
  KeeperAddress keeper{};  // when it was asked to be one
};

/// The second, when the child has ended; in Python's terms.
struct ForkEnded {
  std::int32_t exitcode;
};

// ---- the client's part

/// A server, as seen by processes that use it.
struct ForkServer {
  ForkServer() = default;
  ~ForkServer();  // lets it go, and reaps it if it was ours alone
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;

  UniqueFd socket;
  pid_t number = 0;  // its process id, also where another process started it
  Bytes key;
  Starter begun;  // its starter, as that was then: what the server's children have of themselves

  // Of a server that this process started.
  Creator starter;
  pid_t pid = 0;
  UniqueFd pidfd;
  Spawned reaper;  // its parent, see spawn_helper()
  UniqueFd line;   // to the reaper
  Member member;
  std::atomic<bool> serves_on = false;  // as keeper: it is not to be waited for
};

/// The server of this process and its relatives, for the calling thread as it is now; started if
/// there is none, or it has died, or its children would not be what `now` is. The one before then
/// serves processes that use it still.
[[nodiscard]] std::shared_ptr<ForkServer> ensure_fork_server(
    const Starter& now = Starter::calling_thread());

/// The next start makes another than this one, which does not answer: it has died, or is stopped.
void replace_fork_server(const ForkServer& server);

/// In a child of the server: use it as well.
void adopt_fork_server(UniqueFd socket, pid_t number, Bytes key, Starter begun);

/// Lets the server go, which ends it when no other process uses it. The next start makes another.
MULTIPROCESSING_API void stop_fork_server();

// For tests.
[[nodiscard]] MULTIPROCESSING_API pid_t fork_server_pid();  // 0: there is none
[[nodiscard]] MULTIPROCESSING_API Bytes fork_server_key();
MULTIPROCESSING_API void set_fork_server_key(Bytes key);

void set_preload(void (*load)());

}  // namespace multiprocessing::detail
