// Programs under a terminal that a signal ends: see programs/clean_end_program.cpp.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "pool_suite.hpp"
#include "support/asked.hpp"
#include "support/child_process.hpp"

namespace pool_test {
namespace {

using test_support::ChildProgram;
using test_support::ProgramResult;

/// A folder for the folders of programs.
class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "signals-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::string path_;
};

/// What a user does to a program.
struct Deed {
  const char* name;
  int signal;  // of which it dies
  void (*act)(ChildProgram& program);
};

const Deed deeds[] = {
    {"Ctrl-C", SIGINT, [](ChildProgram& program) { program.type("\x03"); }},
    {"SIGTERM", SIGTERM, [](ChildProgram& program) { program.send_signal(SIGTERM); }},
    {"Ctrl-C twice", SIGINT,
     [](ChildProgram& program) {
       program.type("\x03");
       std::this_thread::sleep_for(std::chrono::milliseconds{30});
       program.type("\x03");
     }},
};

/// Up to somewhat later than a slow machine needs to start it all.
std::chrono::microseconds random_moment() {
  static std::mt19937 random{std::random_device{}()};
  return std::chrono::microseconds{std::uniform_int_distribution<>{0, 400'000}(random)};
}

class CleanEndTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!test_support::terminals_exist()) GTEST_SKIP() << "there are no pseudo terminals here";
  }

  [[nodiscard]] ProgramResult result_after(const Deed& deed, std::chrono::microseconds moment,
                                           std::vector<std::string> more = {}) {
    std::vector<std::string> command{CLEAN_END_PROGRAM, folder_.path()};
    command.insert(command.end(), more.begin(), more.end());
    ChildProgram program{
        std::move(command),
        {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam()}, .terminal = true}};
    (void)program.read_line();
    std::this_thread::sleep_for(moment);
    deed.act(program);
    return program.finish();
  }

  const Folder folder_;
};

FOR_EVERY_START_METHOD(CleanEndTest);

TEST_P(CleanEndTest, AProgramWithSignalsCleansUpAtAnyMoment) {
  const int moments = test_support::asked("MULTIPROCESSING_TEST_MOMENTS", 2);
  for (const Deed& deed : deeds) {
    for (int i = 0; i < moments; ++i) {
      const auto moment = random_moment();
      const ProgramResult result = result_after(deed, moment);
      SCOPED_TRACE(std::string{deed.name} + " after " + std::to_string(moment.count()) +
                   " us: " + result.report());
      EXPECT_EQ(result.exitcode, -deed.signal);
      EXPECT_TRUE(result.left_running.empty());
      ASSERT_TRUE(folder_.empty());
    }
  }
}

TEST_P(CleanEndTest, WithoutSignalsItDiesOfTheSignalAsItStands) {
  for (const Deed& deed : deeds) {
    const ProgramResult result = result_after(deed, random_moment(), {"plain"});
    SCOPED_TRACE(std::string{deed.name} + ": " + result.report());
    EXPECT_EQ(result.exitcode, -deed.signal);
    EXPECT_TRUE(result.left_running.empty());
  }
}

}  // namespace
}  // namespace pool_test
