// The processes that this library starts for itself are not seen by a host that waits for all its
// children.
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "support/child_process.hpp"
#include "support/start_methods.hpp"

namespace process_test {
namespace {

using test_support::ProgramResult;

ProgramResult run_host(const std::string& method, const std::string& scenario,
                       const std::string& kind) {
  std::vector<std::string> environment{"MULTIPROCESSING_START_METHOD=" + method};
  // A sanitizer's search for leaks looks for itself in /proc, where it has another number then.
  if (kind == "init") environment.emplace_back("LSAN_OPTIONS=detect_leaks=0");
  return test_support::run_program({HELPERS_PROGRAM, scenario, kind}, {.environment = environment});
}

/// Whether the host could be of that kind.
bool expect_well(const ProgramResult& result) {
  if (result.exitcode == 77) return false;
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
  return true;
}

using Host = std::tuple<std::string, std::string>;  // start method, kind

/// "large" has so much memory that a copy of it would cost too much.
class HostTest : public testing::TestWithParam<Host> {
 protected:
  void run(const std::string& scenario) {
    const auto& [method, kind] = GetParam();
    if (!expect_well(run_host(method, scenario, kind)))
      GTEST_SKIP() << "needs the right to make namespaces";
  }
};

INSTANTIATE_TEST_SUITE_P(EveryStartMethod, HostTest,
                         testing::Combine(testing::ValuesIn(test_support::every_start_method),
                                          testing::Values("plain", "large", "subreaper", "init")),
                         [](const auto& told) {
                           return std::get<0>(told.param) + "_" + std::get<1>(told.param);
                         });

// It waited for ever for the fork server.
TEST_P(HostTest, WaitsForItsOwnChildrenAloneAfterAProcess) { run("process"); }

TEST_P(HostTest, WaitsForItsOwnChildrenAloneAfterAnEndInAMessage) { run("end"); }

class KindOfHostTest : public testing::TestWithParam<std::string> {
 protected:
  void run(const std::string& scenario) {
    if (!expect_well(run_host("forkserver", scenario, GetParam())))
      GTEST_SKIP() << "needs the right to make namespaces";
  }
};

INSTANTIATE_TEST_SUITE_P(EveryKind, KindOfHostTest,
                         testing::Values("plain", "large", "subreaper", "init"),
                         test_support::NamedByParameter{});

TEST_P(KindOfHostTest, IsNotToldOfTheEndOfAServer) { run("server_ended"); }

class HeirTest : public KindOfHostTest {};

INSTANTIATE_TEST_SUITE_P(EveryKind, HeirTest, testing::Values("subreaper", "init"),
                         test_support::NamedByParameter{});

// They were zombies for ever, with the code 255.
TEST_P(HeirTest, ReapsTheChildrenOfAServerThatWasKilled) { run("inherits"); }

// A subreaper has a reaper however much memory a sanitizer adds.

TEST(HelpersTest, TheServerGoesOnWhenItsReaperIsKilled) {
  expect_well(run_host("forkserver", "reaper_killed", "subreaper"));
}

TEST(HelpersTest, TheReaperHoldsNeitherMemoryNorDescriptorsOfItsParent) {
  expect_well(run_host("forkserver", "reaper_holds_nothing", "subreaper"));
}

// They were zombies that only a wait with __WALL found.
TEST(HelpersTest, AHostThatExecutesItselfFindsTheReapersItHadAsItsChildren) {
  expect_well(run_host("forkserver", "executes_itself", "subreaper"));
}

}  // namespace
}  // namespace process_test
