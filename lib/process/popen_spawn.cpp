// spawn: the child is this program, executed again with nothing of this process but a list of
// descriptors.
#include <array>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "arena/birth.hpp"
#include "base/rights.hpp"
#include "base/spawning.hpp"
#include "base/start_hook.hpp"
#include "process/popen.hpp"

namespace multiprocessing::detail {

namespace {

Credentials credentials_now() {
  std::scoped_lock guard{fork_gate()};  // a child forked meanwhile would keep the file open
  return own_credentials(ThreadStatus{});
}

}  // namespace

std::unique_ptr<Popen> popen_spawn(const Launch& launch) {
  Writer content;
  Luggage luggage;
  auto popen = std::make_unique<Popen>();
  const UniqueFd life = keep_life_pipe(*popen);
  content.raw(credentials_now());
  content.raw(life.get());
  launch.preparation.write(content);
  write_body(launch, content, luggage);
  const OutgoingFds::Numbers given{luggage.fds};
  write_descriptors(content, given.get());
  Birth birth{luggage.handles};
  popen->member = birth.child();
  const ArenaAddress address = address_for(birth);
  const UniqueFd file = make_birth_file(address, Role::child, content.view());
  const std::array<std::string, 1> arguments{child_mark + std::to_string(file.get())};
  std::vector<int> descriptors{file.get(), address.arena_fd, address.family_fd, address.bequest_fd,
                               life.get()};
  descriptors.insert(descriptors.end(), given.get().begin(), given.get().end());
  Spawned spawned = spawn_program(arguments, descriptors, launch.preparation.own_group);
  birth.delivered(spawned.pid);
  popen->pid = spawned.pid;
  popen->pidfd = std::move(spawned.pidfd);
  return popen;
}

}  // namespace multiprocessing::detail
