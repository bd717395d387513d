// spawn: the child is this program, executed again with nothing of this process but a list of
// descriptors.
#include <array>
#include <string>
#include <utility>

#include "arena/family.hpp"
#include "base/spawning.hpp"
#include "base/start_hook.hpp"
#include "process/popen.hpp"

namespace multiprocessing::detail {

std::unique_ptr<Popen> popen_spawn(const Launch& launch) {
  Writer content;
  OutgoingHandles handles;
  auto popen = std::make_unique<Popen>();
  const UniqueFd life = keep_life_pipe(*popen);
  content.raw(life.get());
  launch.preparation.write(content);
  {
    OutgoingHandles::Scope scope{handles};
    launch.write_body(content);
  }
  Birth birth{handles};
  popen->member = birth.child();
  const ArenaAddress address = address_for(birth);
  const UniqueFd file = make_birth_file(address, Role::child, content.view());
  const std::array<std::string, 1> arguments{child_mark + std::to_string(file.get())};
  const std::array descriptors{file.get(), address.arena_fd, address.family_fd, life.get()};
  Spawned spawned = spawn_program(arguments, descriptors);
  birth.delivered(spawned.pid);
  if (launch.preparation.own_group) lead_own_group(spawned.pid);
  popen->pid = spawned.pid;
  popen->pidfd = std::move(spawned.pidfd);
  return popen;
}

}  // namespace multiprocessing::detail
