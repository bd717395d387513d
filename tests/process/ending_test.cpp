// The end of a program where calls are refused that it relies on: nothing hangs, and the exit code
// is main's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "multiprocessing/process.hpp"
#include "support/child_process.hpp"
#include "support/start_methods.hpp"

namespace process_test {
namespace {

struct Refusal {
  const char* child;
  const char* call;
  int error;
};

class EndingTest : public testing::TestWithParam<std::string> {
 protected:
  /// Runs the program and expects the exit code of its main, and no process left.
  void expect_end(const Refusal& how, const std::string& output = "main returns\n") const {
    SCOPED_TRACE(std::string{how.child} + ", refused: " + how.call);
    const auto result =
        test_support::run_program({ENDING_PROGRAM, how.child, how.call, std::to_string(how.error)},
                                  {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam()}});
    if (result.exitcode == 77) GTEST_SKIP() << "seccomp is not permitted here";
    EXPECT_EQ(result.exitcode, 0) << result.report();
    EXPECT_EQ(result.out, output) << result.report();
    EXPECT_TRUE(result.left_running.empty()) << result.report();
  }
};
INSTANTIATE_TEST_SUITE_P(EveryStartMethod, EndingTest,
                         testing::ValuesIn(test_support::every_start_method),
                         test_support::NamedByParameter{});

TEST_P(EndingTest, ADaemonIsSignalledByKillWhereItsPidfdMayNotBeUsed) {
  expect_end({"daemon", "signals", EPERM});
  expect_end({"daemon", "signals", ENOSYS});
  expect_end({"killed", "signals", EPERM});
}

TEST_P(EndingTest, ADaemonThatMayNotBeSignalledAtAllEndsWithItsLifePipe) {
  expect_end({"daemon", "all signals", EPERM});
  expect_end({"killed", "all signals", EPERM});
}

TEST_P(EndingTest, AChildThatHasEndedIsReapedWithoutWaitid) {
  for (const int error : {ENOSYS, EPERM, EINVAL}) expect_end({"ended", "waitid", error});
  expect_end({"alive", "waitid", ENOSYS});
  expect_end({"daemon", "waitid", ENOSYS});
}

TEST_P(EndingTest, AProgramThatCannotWaitEndsWithTheCodeOfMain) {
  for (const char* call : {"poll", "recvmsg", "descriptors"}) {
    for (const char* child : {"ended", "alive", "daemon"}) expect_end({child, call, ENOMEM});
  }
}

TEST_P(EndingTest, AChildIsWaitedForWherePollIsRefused) {
  expect_end({"late", "poll", ENOMEM}, "main returns\nchild ends\n");
}

TEST_P(EndingTest, AChildIsWaitedForWhereNoMoreDescriptorsAreAllowed) {
  expect_end({"late", "descriptors", ENOMEM}, "main returns\nchild ends\n");
}

TEST_P(EndingTest, AChildThatCannotBeginNamesTheCallThatWasRefused) {
  for (const char* call : {"lock", "pread"}) {
    const std::string name = call == std::string{"lock"} ? "fcntl" : "pread";
    if (name == "pread" && GetParam() != "spawn")
      continue;  // others have the environment of before
    const auto result =
        test_support::run_program({ENDING_PROGRAM, "unborn", call, std::to_string(EPERM)},
                                  {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam()}});
    if (result.exitcode == 77) GTEST_SKIP() << "seccomp is not permitted here";
    EXPECT_EQ(result.exitcode, 0) << result.report();
    EXPECT_THAT(result.err, testing::HasSubstr(name)) << result.report();
    EXPECT_THAT(result.err, testing::HasSubstr("Operation not permitted"));
    EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("by this library")));
    EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("before it was born")));
  }
}

}  // namespace
}  // namespace process_test
