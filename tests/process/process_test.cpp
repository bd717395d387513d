// What a Process does, by every start method.
#include "multiprocessing/process/process.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <tuple>
#include <type_traits>

#include "base/waiting.hpp"
#include "multiprocessing/base/cpu_count.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/process/submodule.hpp"
#include "process_suite.hpp"
#include "support/asked.hpp"

namespace process_test {
namespace {

using namespace std::chrono_literals;
using multiprocessing::detail::Deadline;
using multiprocessing::detail::wait_readable;
using testing::HasSubstr;

// multiprocessing.process.Process.
static_assert(std::is_same_v<mp::process::Process, mp::Process>);

void tell_self(Mailbox says, std::string word, std::vector<int> numbers) {
  const auto self = mp::current_process();
  says.put(self.name());
  says.put(word + ' ' + std::to_string(numbers.size()));
  says.put(self.authkey() == mp::Bytes{"a secret"} ? "same key" : "another key");
  says.put(self.pid());
  says.put(self.daemon() ? "daemon" : "no daemon");
  says.put(mp::active_children().size());
}

// CPython: _TestProcess.test_process
TEST_P(ProcessTest, TheChildIsToldItsArgumentsNameAndKey) {
  Mailbox says;
  mp::Process process{
      {.name = "Reader", .daemon = true}, tell_self, says, "word", std::vector{1, 2, 3}};
  process.set_authkey(mp::Bytes{"a secret"});
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(process.exitcode(), std::nullopt);
  EXPECT_EQ(process.pid(), std::nullopt);
  EXPECT_TRUE(mp::active_children().empty());

  process.start();
  EXPECT_EQ(process.exitcode().value_or(0), 0);
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(mp::active_children().empty());
  EXPECT_EQ(says.get(0), "Reader");
  EXPECT_EQ(says.get(1), "word 3");
  EXPECT_EQ(says.get(2), "same key");
  EXPECT_EQ(says.number(3), process.pid());
  EXPECT_EQ(says.get(4), "daemon");
  EXPECT_EQ(says.get(5), "0");
}

// CPython: _TestProcess.test_args_argument
TEST_P(ProcessTest, ArgumentsReachTheChildAsTheyWere) {
  Mailbox says;
  const auto target = [](Mailbox box, int a, std::tuple<std::string, double> b, const char* c) {
    box.put(std::to_string(a) + std::get<0>(b) + std::to_string(std::get<1>(b) == 0.5) + c);
  };
  const auto call = [](Mailbox box, int a, std::tuple<std::string, double> b, std::string c) {
    box.put(std::to_string(a) + std::get<0>(b) + std::to_string(std::get<1>(b) == 0.5) + c);
  };
  EXPECT_EQ(run_in_child(call, says, 1, std::tuple{std::string{"x"}, 0.5}, "text"), 0);
  EXPECT_EQ(says.get(), "1x1text");
  mp::Process wants_pointer{target, says, 1, std::tuple{std::string{"x"}, 0.5}, "text"};
  wants_pointer.start();
  wants_pointer.join();
  EXPECT_EQ(says.get(1), "1x1text");
}

TEST_P(ProcessTest, WhatCanOnlyBeMovedIsMovedToTheChild) {
  Mailbox says;
  const auto target = [](std::unique_ptr<int> number, Mailbox box) { box.put(*number); };
  mp::Process process{target, std::make_unique<int>(42), says};
  process.start();
  process.join();
  EXPECT_EQ(says.number(), 42);
}

void report_daemon(Mailbox says) {
  says.put(mp::current_process().daemon());
  says.put(mp::Process{entry::nothing}.daemon());
}

// CPython: _TestProcess.test_daemon_argument
TEST_P(ProcessTest, IsADaemonWhenToldOrWhenItsCreatorIs) {
  EXPECT_FALSE(mp::Process{entry::nothing}.daemon());
  EXPECT_TRUE((mp::Process{{.daemon = true}, entry::nothing}.daemon()));
  EXPECT_FALSE((mp::Process{{.daemon = false}, entry::nothing}.daemon()));
  Mailbox says;
  mp::Process process{{.daemon = true}, report_daemon, says};
  process.start();
  process.join();
  EXPECT_EQ(says.get(0) + says.get(1), "11");
}

TEST_P(ProcessTest, ADaemonMayNotHaveChildren) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    try {
      mp::Process{entry::nothing}.start();
    } catch (const mp::AssertionError& error) {
      box.put(error.what());
    }
  };
  mp::Process process{{.daemon = true}, target, says};
  process.start();
  process.join();
  EXPECT_EQ(says.get(), "daemonic processes are not allowed to have children");
}

// CPython: _TestProcess.test_process_mainthread_native_id
TEST_P(ProcessTest, TheChildRunsInAThreadOfItsOwn) {
  Mailbox says;
  const auto target = [](Mailbox box) { box.put(syscall(SYS_gettid)); };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_NE(says.number(), syscall(SYS_gettid));
}

mp::Process started_waiter() {
  mp::Process process{{.daemon = true}, entry::wait_for_ever};
  process.start();
  return process;
}

// CPython: _TestProcess.test_terminate
TEST_P(ProcessTest, TerminateEndsItBySigterm) {
  mp::Process process = started_waiter();
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(mp::active_children().size(), 1U);
  EXPECT_FALSE(process.join(0s));
  EXPECT_FALSE(process.join(-1s));
  EXPECT_EQ(process.exitcode(), std::nullopt);
  process.terminate();
  process.join();
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(mp::active_children().empty());
  EXPECT_EQ(process.exitcode(), -SIGTERM);
  process.terminate();  // no effect
  EXPECT_TRUE(process.join(0s));
}

// CPython: _TestProcess.test_kill
TEST_P(ProcessTest, KillEndsItBySigkill) {
  mp::Process process = started_waiter();
  process.kill();
  process.join();
  EXPECT_EQ(process.exitcode(), -SIGKILL);
}

// CPython: _TestProcess.test_interrupt_no_handler
TEST_P(ProcessTest, InterruptEndsItBySigint) {
  mp::Process process = started_waiter();
  process.interrupt();
  process.join();
  EXPECT_EQ(process.exitcode(), -SIGINT);
}

// CPython: _TestProcess.test_interrupt
TEST_P(ProcessTest, InterruptCanBeMadeAnErrorByTheTarget) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupts, nullptr);
    box.put("ready");
    int signal = 0;
    sigwait(&interrupts, &signal);
    throw mp::Exit{1};
  };
  mp::Process process{target, says};
  process.start();
  EXPECT_EQ(says.get(), "ready");
  process.interrupt();
  process.join();
  EXPECT_EQ(process.exitcode(), 1);
}

// CPython: _TestProcess.test_cpu_count
TEST(ProcessModuleTest, ThereIsAProcessor) { EXPECT_GE(mp::cpu_count(), 1); }

// CPython: _TestProcess.test_active_children
TEST_P(ProcessTest, ActiveChildrenAreThoseThatWereStartedAndHaveNotEnded) {
  Gate gate;
  mp::Process process{entry::wait_at, gate};
  EXPECT_TRUE(mp::active_children().empty());
  process.start();
  ASSERT_EQ(mp::active_children().size(), 1U);
  EXPECT_EQ(mp::active_children()[0], process.handle());
  gate.open();
  process.join();
  EXPECT_TRUE(mp::active_children().empty());
}

// CPython: _TestProcess.test_sentinel
TEST_P(ProcessTest, TheSentinelIsReadableOnceTheChildHasEnded) {
  Gate gate;
  mp::Process process{entry::wait_at, gate};
  EXPECT_THROW((void)process.sentinel(), mp::ValueError);
  process.start();
  const int sentinel = process.sentinel();
  EXPECT_FALSE(wait_readable(sentinel, Deadline{0s}));
  gate.open();
  EXPECT_TRUE(wait_readable(sentinel, Deadline::never()));
  process.join();
  EXPECT_TRUE(wait_readable(sentinel, Deadline{0s}));
}

// CPython: _TestProcess.test_close
TEST_P(ProcessTest, AClosedProcessIsNotAskedAnyMore) {
  Gate gate;
  mp::Process process{{.name = "Closing"}, entry::wait_at, gate};
  process.start();
  EXPECT_TRUE(process.is_alive());
  EXPECT_THROW(process.close(), mp::ValueError);
  gate.open();
  process.join();
  process.close();
  EXPECT_THROW((void)process.is_alive(), mp::ValueError);
  EXPECT_THROW(process.join(), mp::ValueError);
  EXPECT_THROW(process.terminate(), mp::ValueError);
  EXPECT_THROW(process.kill(), mp::ValueError);
  EXPECT_THROW(process.start(), mp::ValueError);
  EXPECT_THROW((void)process.exitcode(), mp::ValueError);
  EXPECT_THROW((void)process.pid(), mp::ValueError);
  EXPECT_THROW((void)process.sentinel(), mp::ValueError);
  process.close();
  EXPECT_EQ(process.name(), "Closing");
  EXPECT_FALSE(process.daemon());
  EXPECT_FALSE(process.authkey().empty());
  EXPECT_THAT(to_string(process), HasSubstr("closed"));
}

TEST_P(ProcessTest, AnUnstartedProcessCanBeClosed) {
  mp::Process process{entry::nothing};
  process.close();
  EXPECT_THROW(process.start(), mp::ValueError);
}

// CPython: _TestProcess.test_many_processes
TEST_P(ProcessTest, ManyProcessesEndWithTheirOwnCodes) {
  const int count =
      GetParam() == "spawn" ? 5 : test_support::asked("MULTIPROCESSING_TEST_CHILDREN", 100);
  std::vector<mp::Process> processes;
  const auto leave = [](int code) { throw mp::Exit{code}; };
  for (int i = 0; i < count; ++i) processes.emplace_back(leave, i % 128);
  for (auto& process : processes) process.start();
  for (auto& process : processes) process.join();
  for (int i = 0; i < count; ++i)
    EXPECT_EQ(processes[static_cast<std::size_t>(i)].exitcode(), i % 128);

  std::vector<mp::Process> waiting;
  for (int i = 0; i < count; ++i) waiting.push_back(started_waiter());
  for (auto& process : waiting) process.terminate();
  for (auto& process : waiting) process.join();
  for (auto& process : waiting) EXPECT_EQ(process.exitcode(), -SIGTERM);
}

// Counts its copies in this process.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  ~Counted() { --alive; }
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

// CPython: _TestProcess.test_lose_target_ref
TEST_P(ProcessTest, TargetAndArgumentsAreDroppedOnceItHasStarted) {
  const auto target = [](const Counted&) {};
  mp::Process process{target, Counted{}};
  EXPECT_EQ(Counted::alive, 1);
  process.start();
  EXPECT_EQ(Counted::alive, 0);
  process.join();
}

// CPython: _TestProcess.test_current
TEST_P(ProcessTest, TheCurrentProcessIsAliveAndHasNotEnded) {
  const auto self = mp::current_process();
  EXPECT_TRUE(self.is_alive());
  EXPECT_FALSE(self.daemon());
  EXPECT_FALSE(self.authkey().empty());
  EXPECT_EQ(self.ident(), getpid());
  EXPECT_EQ(self.exitcode(), std::nullopt);
  EXPECT_EQ(self.name(), "MainProcess");
  EXPECT_THROW(self.join(), mp::AssertionError);
}

TEST_P(ProcessTest, NamesCountTheChildrenOfEachProcess) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    box.put(mp::current_process().name());
    mp::Process first{[](Mailbox b) { b.put(mp::current_process().name()); }, box};
    first.start();
    first.join();
    box.put(mp::Process{entry::nothing}.name());
  };
  mp::Process process{target, says};
  const std::string name = process.name();
  process.start();
  process.join();
  EXPECT_THAT(name, testing::MatchesRegex("Process-[0-9]+"));
  EXPECT_EQ(says.get(0), name);
  EXPECT_EQ(says.get(1), name + ":1");
  EXPECT_EQ(says.get(2), name + ":2");
}

TEST_P(ProcessTest, RenamingTheCurrentProcessIsSeenByItself) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    mp::current_process().set_name("Other");
    box.put(mp::current_process().name());
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(says.get(), "Other");
}

TEST_P(ProcessTest, IsShownWithItsStateAndItsEnd) {
  const std::string parent = std::to_string(getpid());
  mp::Process process{{.name = "Shown", .daemon = true}, entry::wait_for_ever};
  EXPECT_EQ(to_string(process), "<Process name='Shown' parent=" + parent + " initial daemon>");
  process.start();
  const std::string front =
      "<Process name='Shown' pid=" + std::to_string(*process.pid()) + " parent=" + parent;
  EXPECT_EQ(to_string(process), front + " started daemon>");
  process.terminate();
  process.join();
  EXPECT_EQ(to_string(process), front + " stopped exitcode=-SIGTERM daemon>");
}

// W55: misuse is an exception in every build, and says what is wrong.
TEST_P(ProcessTest, MisuseThrows) {
  mp::Process process{entry::nothing};
  EXPECT_THROW(process.terminate(), mp::AssertionError);
  EXPECT_THROW(process.kill(), mp::AssertionError);
  EXPECT_THROW(process.interrupt(), mp::AssertionError);
  EXPECT_THROW(process.join(), mp::AssertionError);
  EXPECT_THROW((void)process.handle(), mp::AssertionError);
  process.start();
  EXPECT_THROW(process.start(), mp::AssertionError);
  EXPECT_THROW(process.set_daemon(true), mp::AssertionError);
  process.join();
  EXPECT_THROW(process.start(), mp::AssertionError);
  mp::Process moved = std::move(process);
  EXPECT_THROW((void)to_string(process), mp::ValueError);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(moved.exitcode(), 0);
  EXPECT_THROW((void)process.pid(), mp::ValueError);  // NOLINT(bugprone-use-after-move)
}

TEST_P(ProcessTest, RunCallsTheTargetHereAndUsesItUp) {
  static int calls = 0;
  mp::Process process{[] { ++calls; }};
  process.run();
  EXPECT_EQ(calls, 1);
  EXPECT_THROW(process.run(), mp::AssertionError);
  EXPECT_THROW(process.start(), mp::AssertionError);
  calls = 0;
}

// CPython: _TestPollEintr.test_poll_eintr
TEST_P(ProcessTest, JoinGoesOnAfterASignal) {
  static volatile sig_atomic_t seen = 0;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { seen = 1; };  // without SA_RESTART
  sigaction(SIGUSR1, &action, &before);
  Gate gate;
  const auto target = [](pid_t parent, Gate g) {
    kill(parent, SIGUSR1);
    g.wait();
  };
  mp::Process process{target, getpid(), gate};
  process.start();
  while (seen == 0) EXPECT_FALSE(process.join(1ms));
  gate.open();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace process_test
