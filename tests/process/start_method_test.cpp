// Choosing how processes are made.
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/freeze_support.hpp"
#include "multiprocessing/process/context.hpp"
#include "process_suite.hpp"

namespace process_test {
namespace {

class StartMethodTest : public testing::Test {
 protected:
  StartMethodTest() {
    if (const char* value = std::getenv(variable)) environment_ = value;
    unsetenv(variable);
    mp::set_start_method(std::nullopt, {.force = true});
  }
  ~StartMethodTest() override {
    mp::set_start_method(std::nullopt, {.force = true});
    if (environment_) setenv(variable, environment_->c_str(), 1);
  }

  static constexpr const char* variable = "MULTIPROCESSING_START_METHOD";
  std::optional<std::string> environment_;
};

// CPython: TestStartMethod.test_context
TEST_P(ProcessTest, AContextIsOneMethodForEverAlsoInItsChildren) {
  const auto ctx = mp::get_context(GetParam());
  EXPECT_EQ(ctx.get_start_method(), GetParam());
  EXPECT_EQ(ctx.get_context(), ctx);
  EXPECT_THROW(ctx.set_start_method("spawn"), mp::ValueError);
  EXPECT_THROW(ctx.set_start_method(GetParam(), {.force = true}), mp::ValueError);
  Mailbox says;
  auto child = ctx.Process([](Mailbox box) { box.put(mp::get_start_method()); }, says);
  child.start();
  child.join();
  EXPECT_EQ(says.get(), GetParam());
}

TEST_P(ProcessTest, MisuseSaysWhatToDoInstead) {
  mp::Process process{entry::nothing};
  EXPECT_THAT([&] { (void)process.sentinel(); },
              testing::ThrowsMessage<mp::ValueError>("process not started: call start() first"));
  process.start();
  EXPECT_THAT([&] { process.start(); }, testing::ThrowsMessage<mp::AssertionError>(
                                            testing::StartsWith("cannot start a process twice: ")));
  process.join();
}

// CPython: TestStartMethod.test_set_get
TEST_F(StartMethodTest, IsChosenOnceUnlessForced) {
  for (const auto& method : test_support::every_start_method) {
    mp::set_start_method(method, {.force = true});
    EXPECT_EQ(mp::get_start_method(), method);
    EXPECT_EQ(mp::get_context().get_start_method(), method);
    EXPECT_THAT([] { mp::set_start_method("fork"); },
                testing::ThrowsMessage<std::runtime_error>(
                    testing::AllOf(testing::StartsWith("context has already been set"),
                                   testing::HasSubstr("{.force = true}"))));
  }
  EXPECT_THROW(mp::set_start_method("bogus", {.force = true}), mp::ValueError);
  EXPECT_THROW((void)mp::get_context("bogus"), mp::ValueError);
  mp::set_start_method(std::nullopt, {.force = true});
  EXPECT_EQ(mp::get_start_method_if_set(), std::nullopt);
  mp::set_start_method(std::nullopt);
  EXPECT_EQ(mp::get_start_method_if_set(), "forkserver");
}

// CPython: TestStartMethod.test_get_all_start_methods
TEST_F(StartMethodTest, TheDefaultIsTheFirstOfAll) {
  EXPECT_THAT(mp::get_all_start_methods(), testing::ElementsAre("forkserver", "fork", "spawn"));
  EXPECT_EQ(mp::get_start_method(), "forkserver");
}

// CPython: TestStartMethod.test_spawn_dont_set_context
TEST_F(StartMethodTest, IsNotChosenByUsingAContext) {
  auto child = mp::get_context("spawn").Process(entry::nothing);
  child.start();
  child.join();
  EXPECT_EQ(mp::get_start_method_if_set(), std::nullopt);
}

// CPython: TestStartMethod.test_freeze_support_dont_set_context
TEST_F(StartMethodTest, IsNotChosenByFreezeSupport) {
  mp::freeze_support();
  EXPECT_EQ(mp::get_start_method_if_set(), std::nullopt);
}

TEST_F(StartMethodTest, IsTakenFromTheEnvironmentWhileNobodyHasChosen) {
  setenv(variable, "spawn", 1);
  EXPECT_EQ(mp::get_start_method(), "spawn");
  mp::set_start_method("fork", {.force = true});
  EXPECT_EQ(mp::get_start_method(), "fork");
  mp::set_start_method(std::nullopt, {.force = true});
  setenv(variable, "thread", 1);
  EXPECT_THROW((void)mp::get_start_method(), mp::ValueError);
  EXPECT_THROW(mp::Process{entry::nothing}.start(), mp::ValueError);
  unsetenv(variable);
}

TEST_F(StartMethodTest, NamesTheProcessesOfAContext) {
  EXPECT_THAT(mp::get_context("fork").Process(entry::nothing).name(),
              testing::StartsWith("ForkProcess-"));
  EXPECT_THAT(mp::get_context("spawn").Process(entry::nothing).name(),
              testing::StartsWith("SpawnProcess-"));
  EXPECT_THAT(mp::get_context("forkserver").Process(entry::nothing).name(),
              testing::StartsWith("ForkServerProcess-"));
}

void relay(std::vector<std::string> methods, Mailbox says) {
  says.put(mp::get_start_method());
  if (methods.empty()) return;
  auto child = mp::get_context(methods.back())
                   .Process(relay, std::vector(methods.begin(), methods.end() - 1), says);
  child.start();
  child.join();
}

// CPython: TestStartMethod.test_mixed_startmethod
// CPython: TestStartMethod.test_nested_startmethod
TEST_F(StartMethodTest, MayDifferFromGenerationToGeneration) {
  const std::vector<std::string> methods{"spawn", "fork",  "forkserver", "forkserver", "fork",
                                         "fork",  "spawn", "spawn",      "forkserver"};
  Mailbox says;  // belongs to no method: it goes anywhere
  auto child = mp::get_context("fork").Process(relay, methods, says);
  child.start();
  child.join();
  ASSERT_EQ(says.size(), methods.size() + 1);
  for (unsigned i = 0; i < methods.size(); ++i)
    EXPECT_EQ(says.get(i + 1), methods[methods.size() - 1 - i]);
}

// CPython: _TestProcess.test_set_executable
TEST_P(ProcessTest, TheProgramToExecuteCanBeNamed) {
  mp::set_executable(std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_EQ(run_in_child([] { throw mp::Exit{3}; }), 3);
  mp::set_executable("/no/such/program");
  if (GetParam() == "spawn") {
    mp::Process process{entry::nothing};
    EXPECT_THROW(process.start(), mp::FileNotFoundError);
    EXPECT_EQ(process.pid(), std::nullopt);
  }
  mp::set_executable("");
}

TEST_P(ProcessTest, TheChildIsInTheDirectoryOfItsParent) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path("/usr");
  Mailbox says;
  EXPECT_EQ(run_in_child([](Mailbox box) { box.put(std::filesystem::current_path()); }, says), 0);
  EXPECT_EQ(says.get(), "/usr");
  std::filesystem::current_path(before);
}

std::string command_name_of(pid_t pid) {
  std::string name;
  std::getline(std::ifstream{"/proc/" + std::to_string(pid) + "/comm"}, name);
  return name;
}

void say_command_name(Mailbox says) { says.put(command_name_of(getpid())); }

// Under forkserver it was mp-forkserver.
TEST_P(ProcessTest, BearsTheNameOfTheProgram) {
  Mailbox says;
  EXPECT_EQ(run_in_child(say_command_name, says), 0);
  EXPECT_EQ(says.get(), command_name_of(getpid()));
}

TEST_P(ProcessTest, BearsTheNameThatTheProgramHasChosenWhicheverThreadStartsIt) {
  const std::string before = command_name_of(getpid());
  prctl(PR_SET_NAME, "another name");
  Mailbox says;
  std::thread{[&] {
    prctl(PR_SET_NAME, "of a thread");
    EXPECT_EQ(run_in_child(say_command_name, says), 0);
  }}.join();
  prctl(PR_SET_NAME, before.c_str());
  EXPECT_EQ(says.get(), "another name");
}

}  // namespace
}  // namespace process_test
