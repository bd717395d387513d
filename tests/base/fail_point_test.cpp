#include "base/fail_point.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <thread>
#include <vector>

#include "base/forked.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace multiprocessing::detail;

TEST(FailPointTest, KillsAtTheNthPassAndNotBefore) {
  for (const unsigned nth : {1U, 2U, 5U}) {
    EXPECT_EQ(base_test::result_in_fork([&] {
                arm_fail_point("test.here", nth);
                for (unsigned pass = 1; pass < nth; ++pass) fail_point("test.here");
                return 4;
              }),
              4);
    EXPECT_EQ(base_test::result_in_fork([&] {
                arm_fail_point("test.here", nth);
                for (unsigned pass = 1; pass <= nth; ++pass) fail_point("test.here");
                return 4;
              }),
              -SIGKILL);
  }
}

TEST(FailPointTest, OnlyTheNamedPointKills) {
  EXPECT_EQ(base_test::result_in_fork([] {
              arm_fail_point("test.here");
              fail_point("test.elsewhere");
              fail_point("test.here.too");
              return 5;
            }),
            5);
}

TEST(FailPointTest, AnEmptyNameDisarms) {
  arm_fail_point("test.here");
  arm_fail_point({});
  fail_point("test.here");
  EXPECT_FALSE(fail_points_armed);
}

TEST(FailPointTest, IsInheritedByFork) {
  arm_fail_point("test.here");
  const int end = base_test::result_in_fork([] {
    fail_point("test.here");
    return 0;
  });
  arm_fail_point({});
  EXPECT_EQ(end, -SIGKILL);
}

TEST(FailPointTest, TheThrowingFormThrowsOnceAtTheNthPass) {
  arm_fail_point_throw("test.here", 2);
  fail_point("test.here");
  EXPECT_THROW(fail_point("test.here"), std::bad_alloc);
  fail_point("test.here");
  arm_fail_point({});
}

TEST(FailPointTest, TheStoppingFormStopsThenKillsAtTheNextPoint) {
  const pid_t child = fork();
  if (child == 0) {
    arm_fail_point_stop("test.here", "test.there");
    fail_point("test.there");
    fail_point("test.here");
    fail_point("test.here");
    fail_point("test.there");
    _exit(6);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  kill(child, SIGCONT);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(FailPointTest, PassesAreCountedFromOne) {
  EXPECT_THROW(arm_fail_point("test.here", 0), multiprocessing::ValueError);
}

TEST(FailPointTest, ListsTheNamesSeenAndCountsTheirPasses) {
  count_fail_points(true);
  fail_point("test.first");
  for (int i = 0; i < 3; ++i) fail_point("test.second");
  count_fail_points(false);
  fail_point("test.third");
  EXPECT_THAT(fail_points_seen(), testing::UnorderedElementsAre("test.first", "test.second"));
  EXPECT_EQ(fail_point_passes("test.second"), 3U);
  EXPECT_EQ(fail_point_passes("test.third"), 0U);
  count_fail_points(true);
  EXPECT_TRUE(fail_points_seen().empty());
  count_fail_points(false);
}

TEST(FailPointTest, CountsThePassesOfAllThreads) {
  count_fail_points(true);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (int pass = 0; pass < 1000; ++pass) fail_point(pass % 2 == 0 ? "test.even" : "test.odd");
    });
  for (auto& thread : threads) thread.join();
  count_fail_points(false);
  EXPECT_EQ(fail_point_passes("test.even"), 2000U);
  EXPECT_EQ(fail_point_passes("test.odd"), 2000U);
}

}  // namespace
