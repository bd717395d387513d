// What of the arena a process has mapped: windows as they come into use, large objects one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/message_handles.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/child_process.hpp"

namespace {

using namespace arena_test;
using mp::detail::Block;
using mp::detail::Handle;

constexpr std::size_t MiB = 1 << 20;

std::size_t address_space() {
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages;
  return pages * 4096;
}

/// At most so much more than the process has now.
void limit_address_space(std::size_t more) {
  const rlimit limit{address_space() + more, RLIM_INFINITY};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

class WindowsTest : public ArenaTest {};

TEST_F(WindowsTest, AnArenaInUseShowsAsNoMoreThan128MiBOfAddresses) {
  const auto result = test_support::run_program({ARENA_PROGRAM, "addresses"});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_GT(std::stoull(result.out), 0U);
  EXPECT_LE(std::stoull(result.out), 128 * MiB);
}

TEST_F(WindowsTest, ASparseObjectOf100GiBLeavesALimitedMemberRoomForSmallOnes) {
  Child child{[] {
    const Handle gate = Handle::make(64);
    Child limited{[&] {
      limit_address_space(600 * MiB);
      const Handle small = Handle::make(40'000);
      std::memset(small.body(), 1, 40'000);
      return 0;
    }};
    const Handle large = Handle::make_sparse(std::size_t{100} << 30);
    static_cast<char*>(large.body())[(std::size_t{100} << 30) - 1] = 1;
    return limited.join();
  }};
  EXPECT_EQ(child.join(), 0);
}

TEST_F(WindowsTest, ALimitIsAnErrorWithTheFiguresForTheAskerAlone) {
  // More than this process may have mapped for other tests.
  constexpr std::size_t more = std::size_t{300} << 30;
  Child child{[] {
    limit_address_space(100 * MiB);
    try {
      static_cast<void>(Handle::make_sparse(more));
    } catch (const mp::OSError& error) {
      const std::string text = error.what();
      return text.find("RLIMIT_AS") != text.npos && text.find("in use") != text.npos ? 0 : 1;
    }
    return 2;
  }};
  EXPECT_EQ(child.join(), 0);
  const Handle large = Handle::make_sparse(more);
  EXPECT_EQ(static_cast<char*>(large.body())[MiB], 0);
}

TEST_F(WindowsTest, AKillAtEveryStepOfALargeObjectLosesNothing) {
  for (const char* point :
       {"arena.windows.after_take", "arena.windows.before_commit", "arena.windows.after_commit",
        "arena.windows.after_tails", "arena.windows.after_head", "arena.windows.after_punch",
        "arena.windows.letting_go"}) {
    Child child{[&] {
      mp::detail::arm_fail_point(point);
      static_cast<void>(Handle::make_sparse(200 * MiB));
      return 0;
    }};
    EXPECT_EQ(child.join(), -SIGKILL) << point;
  }
}

}  // namespace
