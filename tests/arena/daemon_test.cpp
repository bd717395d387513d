// Daemons: children of a process that ends as soon as it has forked them.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "arena/blocks.hpp"
#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"

namespace {

using namespace arena_test;
using mp::detail::Handle;

using DaemonTest = ArenaTest;

template <class Body>
pid_t raw_fork(Body body) {
  const pid_t pid = fork();
  if (pid == 0) end_with(body);
  return pid;
}

/// Of a process that has one child; 0 before and after.
pid_t only_child_of(pid_t parent) {
  const std::string id = std::to_string(parent);
  pid_t child = 0;
  std::ifstream{"/proc/" + id + "/task/" + id + "/children"} >> child;
  return child;
}

TEST_F(DaemonTest, ADaemonForkedTwiceStaysInTheFamily) {
  const Handle object = Handle::make(8);
  Gate go;
  Gate done;
  const pid_t pid = raw_fork([&] {
    const pid_t daemon = raw_fork([&] {
      setsid();
      *object.as<int>() = 77;
      static_cast<void>(Handle::make(100));
      done.open();
      return 0;
    });
    return daemon > 0 ? 0 : 1;
  });
  EXPECT_EQ(reap(pid), 0);
  EXPECT_TRUE(done.wait());
  EXPECT_EQ(*object.as<int>(), 77);
  while (use_at_rest().processes > members()) usleep(500);
}

TEST_F(DaemonTest, IsBornBeforeItsParentEnds) {
  const Handle object = Handle::make(8);
  Gate done;
  const pid_t parent = raw_fork([&] {
    mp::detail::arm_fail_point_stop("arena.join.after_lock");
    const pid_t daemon = raw_fork([&] {
      *object.as<int>() = 77;
      done.open();
      return 0;
    });
    return daemon > 0 ? 0 : 1;
  });
  pid_t daemon = 0;
  while (daemon == 0 || !mp::detail::is_stopped(daemon)) daemon = only_child_of(parent);
  mp::arena_sweep();
  kill(daemon, SIGCONT);
  EXPECT_EQ(reap(parent), 0);
  EXPECT_TRUE(done.wait());
  EXPECT_EQ(*object.as<int>(), 77);
  while (use_at_rest().processes > members()) usleep(500);
}

}  // namespace
