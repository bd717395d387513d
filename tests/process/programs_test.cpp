// Whole programs, in the ways in which programs are started, limited and killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>

#include "support/asked.hpp"
#include "support/child_process.hpp"
#include "support/start_methods.hpp"

namespace process_test {
namespace {

using test_support::asked;
using test_support::ChildProgram;
using test_support::ProgramOptions;
using test_support::ProgramResult;
using testing::HasSubstr;

const std::string program = PROCESS_PROGRAM;
// Copies of the program, and programs without /proc, do not find them by where they stand.
const std::string libraries = "LD_LIBRARY_PATH=" PROCESS_LIBRARIES;
const std::string stripped_program = PROCESS_PROGRAM_STRIPPED;

class ProgramTest : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] ProgramOptions options() const {
    return {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam(), libraries}};
  }

  /// Runs the scenario and expects it to end well, and nothing to be left of it.
  ProgramResult expect_well(std::vector<std::string> command, ProgramOptions how) {
    const ProgramResult result = test_support::run_program(std::move(command), std::move(how));
    EXPECT_EQ(result.exitcode, 0) << result.report();
    EXPECT_TRUE(result.left_running.empty()) << result.report();
    return result;
  }
  ProgramResult expect_well(const std::string& scenario) {
    return expect_well({program, scenario}, options());
  }
};

INSTANTIATE_TEST_SUITE_P(EveryStartMethod, ProgramTest,
                         testing::ValuesIn(test_support::every_start_method),
                         test_support::NamedByParameter{});

std::multiset<std::string> lines_of(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

const std::multiset<std::string> once_main_thrice_child{"child", "child", "child", "main"};

TEST_P(ProgramTest, EntersMainOnce) {
  EXPECT_EQ(lines_of(expect_well("unguarded").out), once_main_thrice_child);
}

TEST_P(ProgramTest, EndsInMessagesThatNobodyCanReceiveDoNotKeepTheForkServerAlive) {
  expect_well("end_for_ever");
}

TEST_P(ProgramTest, ReadsNothingThatItsParentHasReadAhead) {
  expect_well("read_ahead");
  expect_well("read_ahead_unsynchronised");
}

TEST_P(ProgramTest, WorksStripped) {
  EXPECT_EQ(lines_of(expect_well({stripped_program, "unguarded"}, options()).out),
            once_main_thrice_child);
}

// CPython: MiscTestCase.test_preload_main_large_sys_argv
TEST_P(ProgramTest, WorksWithThousandsOfArguments) {
  std::vector<std::string> command{program, "unguarded"};
  command.insert(command.end(), 5000, "an argument");
  EXPECT_EQ(lines_of(expect_well(std::move(command), options()).out), once_main_thrice_child);
}

/// A folder that is removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() { path_ = mkdtemp(path_.data()); }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string copy_of_program() const {
    std::filesystem::copy_file(program, path_ + "/copy");
    return path_ + "/copy";
  }

 private:
  std::string path_ = "/tmp/multiprocessing-test-XXXXXX";
};

TEST_P(ProgramTest, WorksStartedByRelativePathSymlinkAndPath) {
  const TemporaryFolder folder;
  const std::filesystem::path path{program};
  ProgramOptions there = options();
  there.folder = path.parent_path();
  EXPECT_EQ(lines_of(expect_well({"./" + path.filename().string(), "unguarded"}, there).out),
            once_main_thrice_child);
  std::filesystem::create_symlink(program, folder.path() + "/link");
  EXPECT_EQ(lines_of(expect_well({folder.path() + "/link", "unguarded"}, options()).out),
            once_main_thrice_child);
  const std::string by_path = "PATH=" + path.parent_path().string() + ":$PATH; exec " +
                              path.filename().string() + " unguarded";
  EXPECT_EQ(lines_of(expect_well({"/bin/sh", "-c", by_path}, options()).out),
            once_main_thrice_child);
}

TEST_P(ProgramTest, WorksAfterItsFileWasDeletedOrReplaced) {
  for (const char* scenario : {"deleted", "replaced"}) {
    const TemporaryFolder folder;
    expect_well({folder.copy_of_program(), scenario}, options());
  }
}

// W8: however the first of them dies.
TEST_P(ProgramTest, LeavesNoDescendantWhenItIsKilled) {
  ChildProgram running{{program, "killed"}, options()};
  EXPECT_EQ(running.read_line(), "ready");
  EXPECT_EQ(running.read_line(), "ready");
  // One that is just being executed is sometimes not listed yet.
  while (running.running().size() < 5) sched_yield();
  running.send_signal(SIGKILL);
  const ProgramResult result = running.finish();
  EXPECT_EQ(result.exitcode, -SIGKILL) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

TEST_P(ProgramTest, StartsManyChildrenWhileThreadsAllocateAndPrint) {
  ProgramOptions how = options();
  how.environment.push_back("MULTIPROCESSING_TEST_CHILDREN=" +
                            std::to_string(asked("MULTIPROCESSING_TEST_CHILDREN", 100)));
  const ProgramResult result = expect_well({program, "thousand"}, how);
  const auto lines = lines_of(result.out);
  EXPECT_GT(lines.size(), 100U);
  // Tens of thousands, for which the macros of GoogleTest take minutes under a sanitizer.
  for (auto line = lines.begin(); line != lines.end(); ++line) {
    const auto next = std::next(line);
    if (!line->starts_with("thread ") || (next != lines.end() && *next == *line)) {
      ADD_FAILURE() << *line;
    }
  }
}

// CPython: _TestProcess.test_error_on_stdio_flush_1
TEST_P(ProgramTest, WorksWithoutStandardStreams) {
  for (const std::vector<int>& closed :
       std::vector<std::vector<int>>{{0}, {1}, {2}, {1, 2}, {0, 1, 2}}) {
    ProgramOptions how = options();
    how.closed = closed;
    expect_well({program, "few_streams"}, how);
  }
}

TEST_P(ProgramTest, WaitsForItsChildrenAndEndsItsDaemons) {
  EXPECT_EQ(expect_well("ends").out, "main ends\nchild ends\n");
}

TEST_P(ProgramTest, TellsABareForkThatItIsOutside) {
  EXPECT_FALSE(expect_well("bare_fork").out.empty());
}

TEST_P(ProgramTest, GetsOnWithSystemAndPopen) {
  EXPECT_EQ(lines_of(expect_well("other_ways").out).count("by popen"), 1U);
}

TEST_P(ProgramTest, SeesTheEndOfAChildThatExecutesAnother) { expect_well("executing"); }

TEST_P(ProgramTest, WorksInADaemonisedGrandchild) { expect_well("daemonising"); }

TEST_P(ProgramTest, WorksWithoutItsFirstThread) { expect_well("without_first_thread"); }

TEST_P(ProgramTest, StartsChildrenInAnotherPidNamespace) {
  if (GetParam() == "forkserver") GTEST_SKIP() << "the server's children are in its namespace";
  const ProgramResult result = expect_well("pid_namespace");
  if (result.out == "not permitted\n") GTEST_SKIP() << "needs the right to make namespaces";
}

/// Works, or one clear line.
void expect_working_or_clear(const ProgramResult& result) {
  EXPECT_TRUE(result.exitcode == 0 || result.exitcode == 2) << result.report();
  if (result.exitcode == 2) {
    EXPECT_THAT(result.out, testing::StartsWith("refused: "));
    EXPECT_EQ(lines_of(result.out).size(), 1U) << result.report();
  }
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

TEST_P(ProgramTest, WorksUnderALimitOfAddressSpace) {
  const std::string command = "ulimit -v 2000000 && exec " + program + " works_or_says_why";
  expect_well({"/bin/sh", "-c", command}, options());
}

TEST_P(ProgramTest, WorksOrSaysWhyUnderALimitOnFileSizes) {
  for (const char* blocks : {"1000000", "1000", "1", "0"}) {
    const std::string command =
        std::string{"ulimit -f "} + blocks + " && exec " + program + " works_or_says_why";
    expect_working_or_clear(test_support::run_program({"/bin/sh", "-c", command}, options()));
  }
}

TEST_P(ProgramTest, WorksOrSaysWhyWithFewDescriptors) {
  for (const char* most : {"64", "16", "12", "8"}) {
    const std::string command =
        std::string{"ulimit -n "} + most + " && exec " + program + " works_or_says_why";
    expect_working_or_clear(test_support::run_program({"/bin/sh", "-c", command}, options()));
  }
}

TEST_P(ProgramTest, WorksWithoutProc) {
  const std::string command =
      "unshare -m sh -c 'umount -l /proc || exit 77; exec " + program + " works_or_says_why'";
  const ProgramResult result = test_support::run_program({"/bin/sh", "-c", command}, options());
  if (result.exitcode == 77 || result.err.find("unshare") != std::string::npos)
    GTEST_SKIP() << "needs the right to make namespaces";
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

TEST_P(ProgramTest, WritesTextThatWasBufferedBeforeAStartOnce) {
  EXPECT_THAT(lines_of(expect_well("buffered").out),
              testing::AnyOf(std::multiset<std::string>{"only once the child"},
                             std::multiset<std::string>{"the child", "only once "}));
}

// CPython: TestNoForkBomb.test_noforkbomb
TEST_P(ProgramTest, RefusesToStartChildrenBeforeMain) {
  ProgramOptions how = options();
  how.environment.push_back("START_BEFORE_MAIN=1");
  const ProgramResult result = expect_well({program, "unguarded"}, how);
  EXPECT_THAT(result.out, HasSubstr("before main: a process cannot be started before main"));
  EXPECT_EQ(lines_of(result.out).count("child"), 3U) << result.report();
}

// W45
TEST_P(ProgramTest, IsWarnedOnceThatAForkLosesItsThreads) {
  const std::string errors = expect_well("warned").err;
  const auto first = errors.find("is multi-threaded, use of fork");
  EXPECT_EQ(first != std::string::npos, GetParam() == "fork") << errors;
  EXPECT_EQ(lines_of(errors).size(), GetParam() == "fork" ? 1U : 0U) << errors;
}

// It was killed by SIGPIPE.
TEST_P(ProgramTest, IsNotHarmedByWarningsAndReportsThatNobodyReads) {
  expect_well("warned_unheard");
  expect_well("preload_fails_unheard");
}

TEST_P(ProgramTest, HandsItsLogLevelToItsChildren) {
  const std::string errors = expect_well("logging").err;
  EXPECT_THAT(errors, HasSubstr("[INFO/Logging] from the child\n"));
  EXPECT_THAT(errors, HasSubstr("[INFO/Logging] child process calling self.run()\n"));
  EXPECT_THAT(errors, testing::Not(HasSubstr("not shown")));
}

// CPython: MiscTestCase.test_preload_main_sys_argv
TEST(PreloadTest, SeesTheArgumentsOfTheProgram) {
  const ProgramResult result = test_support::run_program(
      {program, "preloading", "--of-the-program"},
      {.environment = {"MULTIPROCESSING_START_METHOD=forkserver", "PRELOAD_SAYS_ARGUMENTS=1"}});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_THAT(result.out, HasSubstr("preloading --of-the-program preloaded"));
}

// CPython: _TestSpawnedSysPath.test_std_streams_flushed_after_preload
TEST(PreloadTest, WritesItsTextOnce) {
  const ProgramResult result = test_support::run_program(
      {program, "preloading"}, {.environment = {"MULTIPROCESSING_START_METHOD=forkserver"}});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_EQ(result.out, "preloaded ");
}

}  // namespace
}  // namespace process_test
