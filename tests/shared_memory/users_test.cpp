// Blocks of other users.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "shared_memory/orphans.hpp"
#include "shared_memory_suite.hpp"

namespace shared_memory_test {
namespace {

template <class F>
int error_of(F call) {
  try {
    call();
    return 0;
  } catch (const mp::OSError& error) {
    return error.code().value();
  }
}

constexpr const char* of_root = "mp_test_of_root";
constexpr const char* of_other = "mp_test_of_other";

/// What the other user finds; its own block stays behind when it is killed.
int use_as_other_user() {
  if (setgid(65534) != 0 || setuid(65534) != 0) return 77;
  if (error_of([] { mp::SharedMemory{of_root}; }) != EACCES) return 1;
  if (error_of([] { mp::SharedMemory{{.create = true, .size = 10, .name = of_root}}; }) != EEXIST)
    return 2;
  umask(0177);
  const mp::SharedMemory own{{.create = true, .size = 10, .name = of_other}};
  if (error_of([] { mp::SharedMemory{of_other}; }) != 0) return 3;
  raise(SIGKILL);
  return 4;
}

TEST(UsersTest, ABlockOfRootIsNotForOthersAndWhatAKilledOneLeavesIsTakenAwayByRoot) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const InDevShm here;
  mp::SharedMemory block{{.create = true, .size = 10, .name = of_root}};
  const pid_t other = fork();
  if (other == 0) _exit(use_as_other_user());
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    GTEST_SKIP() << "needs the right to become another user";
  EXPECT_TRUE(WIFSIGNALED(status)) << "step " << WEXITSTATUS(status);
  EXPECT_TRUE(exists(of_other));
  static_cast<void>(mp::detail::remove_orphans());
  EXPECT_FALSE(exists(of_other));
  EXPECT_TRUE(exists(of_root));
  block.unlink();
}

}  // namespace
}  // namespace shared_memory_test
