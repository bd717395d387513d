#include "base/start_hook.hpp"

#include <gtest/gtest.h>
#include <link.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace {

namespace fs = std::filesystem;
using test_support::ProgramResult;
using test_support::run_program;

std::vector<std::string> words(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> found;
  for (std::string word; in >> word;) found.push_back(word);
  return found;
}

std::string told_by(const std::string& program) {
  return "main, hook has run: 1\nchild: " + program.substr(0, 15) +
         ", static constructors know: 1\nended 7\n";
}

// Main was entered once, in the parent, and the child's part ran in the child.
void expect_right(const ProgramResult& result, const std::string& program) {
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_EQ(result.out, told_by(program)) << result.report();
}

// A folder of its own, with a copy of the program in it that may be changed.
class CopiedProgram {
 public:
  CopiedProgram() : folder_(fs::temp_directory_path() / ("hook-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    fs::copy_file(HOOK_FOLDER "/hook_archive", path(), fs::copy_options::overwrite_existing);
  }
  ~CopiedProgram() { fs::remove_all(folder_); }
  CopiedProgram(const CopiedProgram&) = delete;
  CopiedProgram& operator=(const CopiedProgram&) = delete;

  [[nodiscard]] fs::path path() const { return folder_ / "hook_archive"; }
  [[nodiscard]] fs::path folder() const { return folder_; }

 private:
  fs::path folder_;
};

const char* loader() {
  static std::string path;
  dl_iterate_phdr(
      [](dl_phdr_info* program, std::size_t, void*) {
        for (int i = 0; i < program->dlpi_phnum; ++i)
          if (program->dlpi_phdr[i].p_type == PT_INTERP)
            path =
                reinterpret_cast<const char*>(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr);
        return 1;
      },
      nullptr);
  return path.c_str();
}

TEST(StartHookTest, RunsInThisProgram) {
  EXPECT_TRUE(multiprocessing::detail::start_hook_has_run());
  EXPECT_EQ(multiprocessing::detail::birth_descriptor(), -1);
}

class BuildKindTest : public testing::TestWithParam<std::string> {};

TEST_P(BuildKindTest, TheChildNeverReachesMain) {
  const std::string program = "hook_" + GetParam();
  expect_right(run_program({HOOK_FOLDER "/" + program}), program);
}

// As Python's SystemExit. Without the hook, which a fully static program has not, it is an
// exception like any other.
TEST_P(BuildKindTest, AnExitThatLeavesMainEndsTheProgramWithItsCode) {
  const ProgramResult result = run_program({HOOK_FOLDER "/hook_" + GetParam(), "exit"});
  if (GetParam() == "static_frozen") {
    EXPECT_EQ(result.exitcode, -SIGABRT) << result.report();
  } else {
    EXPECT_EQ(result.exitcode, 7) << result.report();
    EXPECT_EQ(result.out, "unwound\nstatic destroyed\n") << result.report();
  }
}

// As Python's KeyboardInterrupt; so a shell sees that it was a signal.
TEST_P(BuildKindTest, AnInterruptedThatLeavesMainEndsTheProgramByItsSignal) {
  const ProgramResult result = run_program({HOOK_FOLDER "/hook_" + GetParam(), "interrupted"});
  if (GetParam() == "static_frozen") {
    EXPECT_EQ(result.exitcode, -SIGABRT) << result.report();
  } else {
    EXPECT_EQ(result.exitcode, -SIGTERM) << result.report();
    EXPECT_EQ(result.out, "unwound\nstatic destroyed\n") << result.report();
  }
}

TEST_P(BuildKindTest, AnyOtherExceptionThatLeavesMainAborts) {
  const ProgramResult result = run_program({HOOK_FOLDER "/hook_" + GetParam(), "throw"});
  EXPECT_EQ(result.exitcode, -SIGABRT) << result.report();
}

INSTANTIATE_TEST_SUITE_P(EveryKind, BuildKindTest, testing::ValuesIn(words(HOOK_KINDS)),
                         [](const auto& kind) { return kind.param; });

TEST(StartHookTest, WorksWhenStartedThroughTheLoader) {
  expect_right(run_program({loader(), HOOK_FOLDER "/hook_shared"}), "hook_shared");
}

TEST(StartHookTest, WorksThroughTheLoaderByARelativePathAndAnotherFolder) {
  const ProgramResult result =
      run_program({loader(), "./hook_shared", "chdir"}, {.folder = HOOK_FOLDER});
  expect_right(result, "hook_shared");
}

TEST(StartHookTest, WorksByARelativePath) {
  expect_right(run_program({"./hook_shared"}, {.folder = HOOK_FOLDER}), "hook_shared");
  expect_right(run_program({"./hook_shared", "chdir"}, {.folder = HOOK_FOLDER}), "hook_shared");
}

TEST(StartHookTest, WorksByASymbolicLink) {
  const CopiedProgram program;
  fs::create_symlink(program.path(), program.folder() / "link");
  expect_right(run_program({program.folder() / "link"}), "link");
}

TEST(StartHookTest, WorksAfterTheProgramWasRenamedDeletedOrReplaced) {
  for (const char* how : {"rename", "delete", "replace"}) {
    SCOPED_TRACE(how);
    const CopiedProgram program;
    expect_right(run_program({program.path(), how}), "hook_archive");
  }
}

TEST(StartHookTest, WorksWithStandardDescriptorsClosed) {
  EXPECT_EQ(run_program({HOOK_FOLDER "/hook_shared"}, {.closed = {0, 1, 2}}).exitcode, 0);
  EXPECT_EQ(run_program({HOOK_FOLDER "/hook_shared"}, {.closed = {0}}).exitcode, 0);
  EXPECT_EQ(run_program({HOOK_FOLDER "/hook_shared"}, {.closed = {1, 2}}).exitcode, 0);
}

TEST(StartHookTest, TheMarkGivenByHandIsAClearError) {
  for (const char* mark : {"77", "", "-1", "abc", "3x", "99999999999999999999"}) {
    const ProgramResult result =
        run_program({HOOK_FOLDER "/hook_shared", std::string{"--multiprocessing-child="} + mark});
    EXPECT_EQ(result.exitcode, 1) << result.report();
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(std::string{"the argument --multiprocessing-child="} + mark),
              std::string::npos)
        << result.report();
  }
}

TEST(StartHookTest, TheMarkCountsAsTheFirstArgumentOnly) {
  const ProgramResult result =
      run_program({HOOK_FOLDER "/hook_shared", "nothing", "--multiprocessing-child=77"});
  expect_right(result, "hook_shared");
}

TEST(StartHookTest, AProgramWithoutTheModuleThatRunsChildrenSaysSo) {
  const ProgramResult result =
      run_program({HOOK_FOLDER "/childless_program", "--multiprocessing-child=0"});
  EXPECT_EQ(result.exitcode, 1) << result.report();
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("multiprocessing-process"), std::string::npos) << result.report();
}

TEST(FreezeSupportTest, MakesAPlugInOfAStrangeProgramWork) {
  expect_right(run_program({HOOK_FOLDER "/plugin_host"}), "plugin_host");
}

TEST(FreezeSupportTest, WithoutItThePlugInKnowsThatTheHookIsMissing) {
  const ProgramResult result = run_program({HOOK_FOLDER "/plugin_host", "unfrozen"});
  EXPECT_EQ(result.exitcode, 3) << result.report();
  EXPECT_EQ(result.out, "main, hook has run: 0\n");
}

}  // namespace
