// The support itself: what it is there to find is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>
#include <thread>

#include "support/child_process.hpp"
#include "support/start_methods.hpp"

namespace {

using test_support::ChildProgram;
using test_support::ProgramOptions;
using test_support::ProgramResult;
using test_support::run_program;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ProgramResult run_misbehaving(const std::string& test) {
  return run_program({MISBEHAVING_TESTS, "--gtest_filter=" + test},
                     {.environment = {"MULTIPROCESSING_TEST_PATIENCE=1", "GTEST_OUTPUT"}});
}

struct Misdeed {
  const char* test;
  const char* said;
};
void PrintTo(const Misdeed& misdeed, std::ostream* out) { *out << misdeed.test; }

class MisdeedTest : public testing::TestWithParam<Misdeed> {
 protected:
  void TearDown() override {
    for (const auto& entry : std::filesystem::directory_iterator{"/dev/shm"})
      if (entry.path().filename().string().starts_with("mp_test_left_"))
        std::filesystem::remove(entry.path());
  }
};

TEST_P(MisdeedTest, FailsAndSaysWhatWasLeft) {
  ProgramResult result = run_misbehaving(std::string("Misbehaving.") + GetParam().test);
  EXPECT_NE(result.exitcode, 0);
  EXPECT_THAT(result.out + result.err, HasSubstr(GetParam().said)) << result.report();
  EXPECT_FALSE(result.timed_out);
  EXPECT_THAT(result.left_running, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    EveryMisdeed, MisdeedTest,
    testing::Values(Misdeed{"LeavesADescriptor", "descriptor pipe: "},
                    Misdeed{"LeavesAZombie", "(ended, not waited for): 0 before, 1 after"},
                    Misdeed{"LeavesAnOrphan", "orphan misbehaving"},
                    Misdeed{"LeavesASharedMemoryName", "/dev/shm/mp_test_left_"},
                    Misdeed{"ChangesWhatAProbeReads", "counter: 1: 0 before, 1 after"},
                    Misdeed{"HangsWithAChild", "killed by the watchdog"},
                    Misdeed{"Crashes", "killed by signal 9"},
                    Misdeed{"FailsInAChild", "the child has failed"},
                    Misdeed{"ReturnsInAForkedChild", "came back from the test body"}),
    [](const auto& info) { return std::string{info.param.test}; });

TEST(LeakListenerTest, LetsAReplacementAndWhatIsToleratedPass) {
  ProgramResult result = run_misbehaving("WellBehaved.*");
  EXPECT_EQ(result.exitcode, 0) << result.report();
}

TEST(ChildProgramTest, GivesOutputErrorsAndExitCode) {
  ProgramResult result = run_program({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(result.exitcode, 7);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
}

TEST(ChildProgramTest, GivesTheSignalThatKilledIt) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -KILL $$"}).exitcode, -SIGKILL);
}

TEST(ChildProgramTest, ChangesEnvironmentFolderAndDescriptors) {
  ProgramResult result =
      run_program({"sh", "-c", "echo $ADDED ${HOME-none}; pwd; ls /proc/self/fd"},
                  {.environment = {"ADDED=yes", "HOME"}, .folder = "/usr"});
  EXPECT_THAT(result.out, HasSubstr("yes none\n/usr\n0\n1\n2\n3\n")) << result.report();
  EXPECT_NE(run_program({"sh", "-c", "echo lost"}, {.closed = {1}}).exitcode, 0);
}

TEST(ChildProgramTest, KillsAProgramAtItsDeadline) {
  ProgramResult result = run_program({"sleep", "1000"}, {.deadline = std::chrono::seconds{0}});
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exitcode, -SIGKILL);
}

TEST(ChildProgramTest, FindsAndKillsADaemonThatStays) {
  ProgramResult result = run_program({"sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & exit 0"},
                                     {.lingering = std::chrono::milliseconds{50}});
  EXPECT_EQ(result.exitcode, 0);
  EXPECT_THAT(result.left_running, ElementsAre(HasSubstr("sleep 1000")));
}

TEST(ChildProgramTest, TalksWithARunningProgram) {
  ChildProgram program{{"sh", "-c", "echo one; echo two; exec sleep 1000"}};
  EXPECT_EQ(program.read_line(), "one");
  EXPECT_EQ(program.read_line(), "two");
  // Amid its exec it is not listed.
  for (auto all = program.running(); std::ranges::count(all, program.pid()) == 0;
       all = program.running())
    std::this_thread::yield();
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.read_line(), std::nullopt);
  EXPECT_EQ(program.finish().exitcode, -SIGTERM);
}

class StartMethodTest : public testing::TestWithParam<std::string> {};

TEST_P(StartMethodTest, NamesTheTest) {
  std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
  EXPECT_THAT(name, testing::EndsWith("/" + GetParam()));
}

INSTANTIATE_TEST_SUITE_P(EveryStartMethod, StartMethodTest,
                         testing::ValuesIn(test_support::every_start_method),
                         test_support::NamedByParameter{});

}  // namespace
