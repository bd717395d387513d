// How a child's end becomes its exit code, and what it says about it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "multiprocessing/base/errors.hpp"
#include "process_suite.hpp"

namespace process_test {
namespace {

using testing::HasSubstr;

/// In a child: what it writes to standard error goes to a file from now on.
void divert_errors(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_TRUNC);
  dup2(file, STDERR_FILENO);
  close(file);
}

// CPython: _TestSubclassingProcess.test_sys_exit
TEST_P(ProcessTest, ExitEndsTheChildWithTheLowBitsOfItsCode) {
  const auto leave = [](int code) { throw mp::Exit{code}; };
  EXPECT_EQ(run_in_child(leave, 0), 0);
  EXPECT_EQ(run_in_child(leave, 8), 8);
  EXPECT_EQ(run_in_child(leave, 256), 0);
  EXPECT_EQ(run_in_child(leave, -1), 255);
  EXPECT_EQ(run_in_child(leave, 300), 44);
}

TEST_P(ProcessTest, StdExitEndsTheChildWithItsCode) {
  EXPECT_EQ(run_in_child([] { std::exit(3); }), 3);
  EXPECT_EQ(run_in_child([] { std::thread{[] { std::exit(4); }}.join(); }), 4);
  EXPECT_EQ(run_in_child([] { _exit(5); }), 5);
  EXPECT_EQ(run_in_child([] { std::quick_exit(6); }), 6);
}

TEST_P(ProcessTest, ASignalIsANegativeCode) {
  EXPECT_EQ(run_in_child([] { raise(SIGKILL); }), -SIGKILL);
  EXPECT_EQ(run_in_child([] { raise(SIGUSR1); }), -SIGUSR1);
}

TEST_P(ProcessTest, TheChildLivesUntilItsLastThreadWhenTheFirstEndsByPthreadExit) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    std::thread{[box, first = pthread_self()] {
      pthread_join(first, nullptr);
      box.put("after the first thread");
    }}.detach();
    pthread_exit(nullptr);
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(says.get(), "after the first thread");
}

template <class... A>
std::string errors_of(A... target) {
  const TemporaryFile file;
  mp::Process process{{.name = "Failing"}, target..., file.path()};
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 1);
  return content_of(file.path());
}

// CPython: _TestSubclassingProcess.test_stderr_flush
TEST_P(ProcessTest, AnEscapedExceptionIsReportedWhole) {
  const auto target = [](const std::string& path) {
    divert_errors(path);
    std::cerr << "before ";
    throw std::out_of_range{"on purpose"};
  };
  EXPECT_EQ(errors_of(target), "before Process Failing:\nstd::out_of_range: on purpose\n");
}

TEST_P(ProcessTest, AReportThatNobodyReadsLeavesTheExitCodeAlone) {
  const auto target = [] {
    int ends[2];
    if (pipe(ends) != 0) _exit(2);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    throw std::runtime_error("nobody reads this");
  };
  EXPECT_EQ(run_in_child(target), 1);
}

TEST_P(ProcessTest, TheReportHasTheWholeChainOfCauses) {
  const auto target = [](const std::string& path) {
    divert_errors(path);
    try {
      throw mp::ValueError{"inner"};
    } catch (...) {
      std::throw_with_nested(std::runtime_error{"outer"});
    }
  };
  EXPECT_EQ(errors_of(target),
            "Process Failing:\nstd::runtime_error: outer\n"
            "  because of multiprocessing::ValueError: inner\n");
}

TEST_P(ProcessTest, WhateverIsThrownIsReported) {
  const auto number = [](const std::string& path) {
    divert_errors(path);
    throw 42;
  };
  const auto text = [](const std::string& path) {
    divert_errors(path);
    throw "some text";
  };
  EXPECT_EQ(errors_of(number), "Process Failing:\nint: 42\n");
  EXPECT_EQ(errors_of(text), "Process Failing:\nchar const*: some text\n");
}

// As in Python.
TEST_P(ProcessTest, TextThatIsLostAtTheEndIsReportedAndAFailure) {
  const auto target = [](const std::string& path) {
    divert_errors(path);
    dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
    std::fputs("lost", stdout);
  };
  EXPECT_EQ(errors_of(target),
            "Process Failing:\nwhat it wrote to its standard streams is lost: "
            "No space left on device\n");
}

struct FailsOnArrival {
  template <class Archive>
  void serialize(Archive&, unsigned) {
    if constexpr (!Archive::is_saving::value) throw std::runtime_error{"cannot be read"};
  }
};

TEST_P(ProcessTest, ArgumentsThatCannotBeReadEndTheChildWithOne) {
  if (forks()) GTEST_SKIP() << "a forked child reads nothing";
  EXPECT_EQ(run_in_child([](const FailsOnArrival&) {}, FailsOnArrival{}), 1);
}

struct FailsOnDeparture {
  template <class Archive>
  void serialize(Archive&, unsigned) {
    if constexpr (Archive::is_saving::value) throw std::runtime_error{"cannot be written"};
  }
};

TEST_P(ProcessTest, ArgumentsThatCannotBeWrittenLeaveTheProcessUnstarted) {
  if (forks()) GTEST_SKIP() << "a forked child is sent nothing";
  mp::Process process{[](const FailsOnDeparture&) {}, FailsOnDeparture{}};
  try {
    process.start();
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "cannot be written");
  }
  EXPECT_EQ(process.pid(), std::nullopt);
  EXPECT_FALSE(process.is_alive());
  EXPECT_THAT(to_string(process), HasSubstr(" initial>"));
  EXPECT_THROW(process.start(), std::runtime_error);  // and not an AssertionError
}

TEST_P(ProcessTest, ALambdaThatCapturesRunsOnlyUnderFork) {
  int number = 7;
  mp::Process process{[number] { throw mp::Exit{number}; }};
  if (forks()) {
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), 7);
    return;
  }
  try {
    process.start();
    FAIL() << "it started";
  } catch (const mp::SerializationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("as arguments"));
  }
  EXPECT_EQ(process.pid(), std::nullopt);
}

// CPython: _TestAtExit.test_atexit
TEST_P(ProcessTest, ExitHandlersOfTheChildRunAndInheritedOnesDoNot) {
  static Mailbox* says = nullptr;
  const auto target = [](Mailbox box) {
    says = new Mailbox{box};
    std::atexit([] { says->put("handler of the child"); });
    struct Static {
      ~Static() { says->put("static object of the child"); }
    };
    static const Static object;
  };
  static bool registered = false;
  Mailbox box;
  says = &box;
  if (!std::exchange(registered, true))
    std::atexit([] {
      if (mp::parent_process()) says->put("handler of the parent");
    });
  EXPECT_EQ(run_in_child(target, box), 0);
  EXPECT_EQ(box.get(0), "static object of the child");
  EXPECT_EQ(box.get(1), "handler of the child");
  EXPECT_EQ(box.size(), 2U);
  says = nullptr;
}

TEST_P(ProcessTest, TextThatTheChildHasNotFlushedIsWrittenAtItsEnd) {
  const TemporaryFile file;
  const auto target = [](const std::string& path) {
    std::cout.flush();
    fflush(stdout);
    const int fd = open(path.c_str(), O_WRONLY | O_APPEND);
    dup2(fd, STDOUT_FILENO);
    setvbuf(stdout, nullptr, _IOFBF, 4096);
    std::fputs("by stdio, ", stdout);
    std::cout << "by iostreams";
  };
  EXPECT_EQ(run_in_child(target, file.path()), 0);
  EXPECT_EQ(content_of(file.path()), "by stdio, by iostreams");
}

// CPython: _TestProcess.test_wait_for_threads
TEST_P(ProcessTest, TheEndOfTheTargetDoesNotWaitForDetachedThreads) {
  Mailbox says;
  const auto target = [](Mailbox box) {
    std::thread joined{[box] { box.put("joined thread"); }};
    std::thread{[] { entry::wait_for_ever(); }}.detach();
    joined.join();
  };
  EXPECT_EQ(run_in_child(target, says), 0);
  EXPECT_EQ(says.get(), "joined thread");
}

// CPython: _TestProcess.test_error_on_stdio_flush_2
TEST_P(ProcessTest, AChildThatClosesItsOutputEndsWell) {
  const auto target = [](int fd) {
    std::fputs("lost", fd == 1 ? stdout : stderr);
    close(fd);
  };
  EXPECT_EQ(run_in_child(target, STDOUT_FILENO), 0);
  EXPECT_EQ(run_in_child(target, STDERR_FILENO), 0);
}

}  // namespace
}  // namespace process_test
