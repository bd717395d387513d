// spawn: the child is this program, executed again with nothing of this process but a list of
// descriptors; and what such a program does instead of main.
#include <cxxabi.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arena/birth.hpp"
#include "base/rights.hpp"
#include "base/spawning.hpp"
#include "base/start_hook.hpp"
#include "process/child_main.hpp"
#include "process/fork_server.hpp"
#include "process/popen.hpp"
#include "process/report.hpp"

namespace multiprocessing::detail {

namespace {

Credentials credentials_now() {
  std::scoped_lock guard{fork_gate()};  // a child forked meanwhile would keep the file open
  return own_credentials(ThreadStatus{});
}

}  // namespace

std::unique_ptr<Popen> popen_spawn(const Launch& launch) {
  Writer content;
  Envelope envelope;
  auto popen = std::make_unique<Popen>();
  const UniqueFd life = keep_life_pipe(*popen);
  content.raw(credentials_now());
  content.raw(life.get());
  launch.preparation.write(content);
  write_body(launch, content, envelope);
  const EndNumbers given{envelope.ends()};
  write_descriptors(content, given.get());
  Birth birth{envelope.outgoing()};
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

// ---- the other side, in the program that was executed

namespace {

void start_as(int birth_fd) {
  UniqueFd birth{birth_fd};
  (void)self();  // joins the family by what stands in the birth file
  BirthFile file = read_birth_file(birth.get());
  birth.reset();
  Reader reader{file.content};
  resume_credentials(reader.raw<Credentials>());
  if (file.role == Role::fork_server) serve_forks(ServerPreparation::read(reader));
  const int life_fd = reader.raw<int>();
  std::vector<UniqueFd> given = take_descriptors(file.content);
  constexpr std::size_t front = sizeof(Credentials) + sizeof life_fd;
  run_child(std::string_view{file.content}.substr(front), life_fd, std::move(given));
}

}  // namespace

void child_main(int birth_fd) {
  try {
    start_as(birth_fd);
  } catch (abi::__forced_unwind&) {
    throw;  // pthread_exit by the target: other threads may go on
  } catch (...) {
    print_error("a child process cannot start:\n" + describe_current_exception() + '\n');
    ::_exit(1);
  }
}

}  // namespace multiprocessing::detail
