// Whole programs with a pool: how often main runs, and that nothing stays behind.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "pool_suite.hpp"
#include "support/child_process.hpp"

namespace pool_test {
namespace {

using test_support::ChildProgram;
using test_support::ProgramOptions;
using test_support::ProgramResult;

class PoolProgramsTest : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] ProgramOptions options() const {
    return {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam()}};
  }
  /// Program, workers and what makes them.
  [[nodiscard]] std::size_t processes(std::size_t workers) const {
    return 1 + workers + (GetParam() == "forkserver" ? 1 : 0);
  }
};
FOR_EVERY_START_METHOD(PoolProgramsTest);

// A large program, as with a sanitizer, has none beside its fork server.
bool is_no_reaper(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/comm"};
  std::string name;
  return !std::getline(file, name) || name != "mp-reaper";
}

ProgramResult killed_and_gone(ChildProgram& program, int signal_number) {
  program.send_signal(signal_number);
  ProgramResult result = program.finish();
  EXPECT_EQ(result.exitcode, -signal_number);
  EXPECT_TRUE(result.left_running.empty()) << result.report();
  return result;
}

TEST_P(PoolProgramsTest, MainIsEnteredOnceWithoutAGuard) {
  ChildProgram program({POOL_PROGRAM, "stay"}, options());
  EXPECT_EQ(program.read_line(), "main");
  EXPECT_EQ(program.read_line(), "ready");
  // One that is just being executed is sometimes not listed yet.
  const auto running = [&] {
    const std::vector<pid_t> all = program.running();
    return static_cast<std::size_t>(std::ranges::count_if(all, is_no_reaper));
  };
  test_support::wait_until([&] { return running() >= processes(2); });
  EXPECT_EQ(running(), processes(2));
  const ProgramResult result = killed_and_gone(program, SIGKILL);
  EXPECT_EQ(result.out, "main\nready\n");
}

TEST_P(PoolProgramsTest, APoolEndsWhoseWorkersMayNotBeSignalled) {
  for (const char* mode : {"dropped", "refused", "refused while busy"}) {
    SCOPED_TRACE(mode);
    if (mode == std::string{"dropped"} && getuid() != 0) continue;  // takes root
    ChildProgram program({POOL_PROGRAM, mode}, options());
    EXPECT_EQ(program.read_line(), "main");
    if (mode == std::string{"refused while busy"}) {
      for (int worker = 0; worker < 2; ++worker) EXPECT_EQ(program.read_line(), "busy");
      program.send_signal(SIGUSR1);
    }
    const ProgramResult result = program.finish();
    if (result.exitcode == 77) GTEST_SKIP() << "seccomp is not permitted here";
    EXPECT_EQ(result.exitcode, 0) << result.report();
    EXPECT_TRUE(result.left_running.empty()) << result.report();
  }
}

TEST_P(PoolProgramsTest, NoWorkerOutlivesAProgramThatIsKilledDuringAMap) {
  ChildProgram program({POOL_PROGRAM, "busy"}, options());
  for (const char* line : {"main", "busy", "busy"}) EXPECT_EQ(program.read_line(), line);
  killed_and_gone(program, SIGKILL);
}

TEST_P(PoolProgramsTest, AnInterruptFromTheTerminalEndsProgramAndWorkers) {
  ChildProgram program({POOL_PROGRAM, "busy"}, options());
  for (const char* line : {"main", "busy", "busy"}) EXPECT_EQ(program.read_line(), line);
  kill(-program.pid(), SIGINT);  // to the whole group, as the terminal does
  const ProgramResult result = program.finish();
  EXPECT_EQ(result.exitcode, -SIGINT);
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

TEST_P(PoolProgramsTest, PoolsThatLiveAtTheProgramsEndAreEndedWithIt) {
  const ProgramResult result = test_support::run_program({POOL_PROGRAM, "keep"}, options());
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
  EXPECT_EQ(result.err, "");
}

TEST_P(PoolProgramsTest, AProgramMayExitWhileAnotherThreadMaps) {
  const ProgramResult result = test_support::run_program({POOL_PROGRAM, "exit"}, options());
  EXPECT_EQ(result.exitcode, 3) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

// The thread that watches the workers ended the program by an exception of its own.
TEST_P(PoolProgramsTest, AProgramThatClosesAllDescriptorsIsToldByAnException) {
  const ProgramResult result = test_support::run_program({POOL_PROGRAM, "closed"}, options());
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

TEST_P(PoolProgramsTest, StandardStreamsMayBeClosed) {
  for (const std::vector<int>& closed : {std::vector{0}, {0, 2}, {2}}) {
    ProgramOptions without = options();
    without.closed = closed;
    const ProgramResult result = test_support::run_program({POOL_PROGRAM}, without);
    EXPECT_EQ(result.exitcode, 0) << result.report();
    EXPECT_EQ(result.out, "main\n");
  }
  ProgramOptions without = options();
  without.closed = {0, 1, 2};
  const ProgramResult result = test_support::run_program({POOL_PROGRAM, "silent"}, without);
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
}

}  // namespace
}  // namespace pool_test
