// Callables that are written by one execution of a program and called by another.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace reduction_test {
namespace {

using test_support::ProgramResult;
using test_support::run_program;
namespace fs = std::filesystem;

constexpr const char* calls_of_the_program =
    "free function 1\n"
    "static member 2\n"
    "lambda 3\n"
    "generic lambda 4\n"
    "lambda with a default capture 5\n"
    "member function 6\n"
    "virtual member function 4\n"
    "function 7\n"
    "twins 15\n"
    "function of a library 12\n"
    "member function of a library 1001\n";

constexpr const char* calls_of_the_plugin =
    "plugin greets Ada 7\n"
    "plugin lambda 8\n"
    "plugin greets Bob 9\n";

/// A folder of the test's own.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "reduction-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no folder " << name;
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<std::string> ways_to_build() {
  std::vector<std::string> ways;
  std::istringstream words{CARRIERS};
  for (std::string word; words >> word;) ways.push_back(word);
  return ways;
}

std::string program(const std::string& way) {
  return std::string{CARRIER_FOLDER} + "/carrier_" + way;
}

void write_calls(const std::string& way, const std::string& file, const std::string& plugin = {}) {
  std::vector<std::string> command{program(way), "write", file};
  if (!plugin.empty()) command.push_back(plugin);
  const ProgramResult result = run_program(command);
  ASSERT_EQ(result.exitcode, 0) << result.report();
}

class EveryBuildTest : public testing::TestWithParam<std::string> {};

TEST_P(EveryBuildTest, CallsArriveInAnotherExecutionOfTheProgram) {
  const Folder folder;
  write_calls(GetParam(), folder.file("calls"));
  const ProgramResult result = run_program({program(GetParam()), "read", folder.file("calls")});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_EQ(result.out, calls_of_the_program);
}

TEST_P(EveryBuildTest, CallsOfAPluginLoadItWhereTheyArrive) {
  const Folder folder;
  write_calls(GetParam(), folder.file("calls"), PLUGIN);
  const ProgramResult result = run_program({program(GetParam()), "read", folder.file("calls")});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_EQ(result.out, std::string{calls_of_the_program} + calls_of_the_plugin);
}

INSTANTIATE_TEST_SUITE_P(EveryBuild, EveryBuildTest, testing::ValuesIn(ways_to_build()),
                         [](const auto& way) { return way.param; });

TEST(OtherProcessTest, ARebuiltProgramIsRefused) {
  const Folder folder;
  write_calls("pie", folder.file("calls"));
  const ProgramResult result = run_program({program("rebuilt"), "read", folder.file("calls")});
  EXPECT_EQ(result.exitcode, 3) << result.report();
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("rebuilt"), std::string::npos) << result.err;
}

TEST(OtherProcessTest, AnotherWayToBuildIsAnotherProgram) {
  const Folder folder;
  write_calls("pie", folder.file("calls"));
  EXPECT_EQ(run_program({program("nopie"), "read", folder.file("calls")}).exitcode, 3);
}

TEST(OtherProcessTest, ACopyOfTheProgramElsewhereIsTheSameProgram) {
  const Folder folder;
  write_calls("pie", folder.file("calls"));
  fs::copy(program("pie"), folder.file("copy"));
  const ProgramResult result =
      run_program({folder.file("copy"), "read", folder.file("calls")},
                  {.environment = {std::string{"LD_LIBRARY_PATH="} + LIBRARY_PATH}});
  EXPECT_EQ(result.exitcode, 0) << result.report();
}

TEST(OtherProcessTest, APluginOpenedByARelativePathIsFoundFromAnotherFolder) {
  const Folder folder;
  fs::copy(PLUGIN, folder.file("plugin.so"));
  const ProgramResult written = run_program(
      {program("pie"), "write", folder.file("calls"), "./plugin.so"},
      {.environment = {std::string{"LD_LIBRARY_PATH="} + LIBRARY_PATH}, .folder = folder.path()});
  ASSERT_EQ(written.exitcode, 0) << written.report();
  const ProgramResult result =
      run_program({program("pie"), "read", folder.file("calls")},
                  {.environment = {std::string{"LD_LIBRARY_PATH="} + LIBRARY_PATH}, .folder = "/"});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_EQ(result.out, std::string{calls_of_the_program} + calls_of_the_plugin);
}

TEST(OtherProcessTest, ARebuiltPluginIsRefusedAndNotEvenLoaded) {
  const Folder folder;
  fs::copy(PLUGIN, folder.file("plugin.so"));
  const test_support::ProgramOptions found{
      .environment = {std::string{"LD_LIBRARY_PATH="} + LIBRARY_PATH}};
  const ProgramResult written =
      run_program({program("pie"), "write", folder.file("calls"), folder.file("plugin.so")}, found);
  ASSERT_EQ(written.exitcode, 0) << written.report();
  fs::remove(folder.file("plugin.so"));
  fs::copy(REBUILT_PLUGIN, folder.file("plugin.so"));
  const ProgramResult result = run_program({program("pie"), "read", folder.file("calls")}, found);
  EXPECT_EQ(result.exitcode, 3) << result.report();
  EXPECT_EQ(result.out, calls_of_the_program);
  EXPECT_NE(result.err.find("plugin.so"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("rebuilt"), std::string::npos) << result.err;

  fs::remove(folder.file("plugin.so"));
  const ProgramResult gone = run_program({program("pie"), "read", folder.file("calls")}, found);
  EXPECT_EQ(gone.exitcode, 3) << gone.report();
  EXPECT_NE(gone.err.find("cannot be read"), std::string::npos) << gone.err;
}

}  // namespace
}  // namespace reduction_test
