// Tools that look at all of a program's memory: they had read the whole arena, 10 GB and more.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "support/child_process.hpp"

namespace {

class UnderValgrind : public testing::TestWithParam<std::string> {};

TEST_P(UnderValgrind, ALockAndAQueueTakeLessThan256MiB) {
  if (test_support::run_program({"sh", "-c", "command -v valgrind"}).exitcode != 0)
    GTEST_SKIP() << "valgrind is not installed";
  std::string valgrind = "valgrind";
  std::string tool = "--tool=" + GetParam();
  std::string failure = "--error-exitcode=9";
  std::string program = GUEST_PROGRAM;
  char* const arguments[] = {valgrind.data(), tool.data(), failure.data(), program.data(), nullptr};
  char report[] = "/tmp/under_valgrindXXXXXX";
  const int file = mkstemp(report);
  ASSERT_GE(file, 0);
  unlink(report);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, file, 2);
  pid_t pid = 0;
  ASSERT_EQ(posix_spawnp(&pid, "valgrind", &actions, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  rusage used{};
  ASSERT_EQ(wait4(pid, &status, 0, &used), pid);
  std::string said(64 * 1024, 0);
  said.resize(
      static_cast<std::size_t>(std::max<ssize_t>(pread(file, said.data(), said.size(), 0), 0)));
  close(file);
  if (said.find("debuginfo reader") != said.npos)
    GTEST_SKIP() << "this valgrind cannot read what this compiler writes for debuggers";
  EXPECT_EQ(status, 0) << said;
  EXPECT_LT(used.ru_maxrss, 256 * 1024) << "KiB";
}

INSTANTIATE_TEST_SUITE_P(Tools, UnderValgrind, testing::Values("memcheck", "helgrind"),
                         [](const auto& info) { return info.param; });

}  // namespace
