#include "multiprocessing/base/logging.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/child_entries.hpp"
#include "base/death.hpp"
#include "base/forked.hpp"
#include "base/process_name.hpp"
#include "support/asked.hpp"

namespace {

using namespace multiprocessing;
using namespace multiprocessing::detail;

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

// What `body` writes to standard error, in a process of its own.
template <class Body>
std::string stderr_of(Body body) {
  LifePipe pipe = make_life_pipe();
  const pid_t pid = base_test::forked([&] {
    dup2(pipe.write_end.get(), STDERR_FILENO);
    body();
    return 0;
  });
  pipe.write_end.reset();
  std::string text = read_all(pipe.read_end.get());
  EXPECT_EQ(base_test::end_of(pid), 0);
  return text;
}

// CPython: _TestLogging.test_enable_logging
TEST(LoggingTest, WhatIsBelowTheLevelIsDropped) {
  EXPECT_EQ(stderr_of([] {
              Logger& logger = log_to_stderr(LogLevel::subwarning);
              logger.debug("this will not be printed");
              logger.info("nor will this");
              logger.subwarning("but this");
              logger.warning("and this");
            }),
            "[SUBWARNING/MainProcess] but this\n[WARNING/MainProcess] and this\n");
}

// CPython: _TestLogging.test_level
TEST(LoggingTest, AChildTakesOverTheLevelOrTheDefaultOne) {
  EXPECT_EQ(base_test::ask_child("log 20 1").text,
            "[INFO/Process-1] quiet\n[WARNING/Process-1] loud\n");
  EXPECT_EQ(base_test::ask_child("log 0 1").text, "[WARNING/Process-1] loud\n");
  EXPECT_EQ(base_test::ask_child("log 20 0").text, "");
}

std::vector<std::string> recorded;

void record(const LogRecord& record) {
  recorded.push_back(std::to_string(static_cast<int>(record.level)) + ' ' +
                     std::string{record.text} + ' ' + std::string{record.process_name} + ' ' +
                     std::filesystem::path{record.where.file_name}.filename().string());
}

// CPython: _TestLogging.test_filename
TEST(LoggingTest, AHandlerOfTheProgramIsToldWhoLogged) {
  EXPECT_EQ(stderr_of([] {
              get_logger().set_handler(record);
              get_logger().warning("first");
              get_logger().info("below the level");
              get_logger().set_handler(nullptr);
              get_logger().warning("nobody hears this");
              if (recorded != std::vector<std::string>{"30 first MainProcess logging_test.cpp"})
                _exit(1);
            }),
            "");
}

TEST(LoggingTest, IsSilentUntilAnOutputIsAdded) {
  EXPECT_EQ(stderr_of([] {
              get_logger().set_level(LogLevel::debug);
              get_logger().critical("nobody hears this");
            }),
            "");
}

TEST(LoggingTest, WithoutALevelWarningsAndAboveAreWritten) {
  EXPECT_EQ(get_logger().level(), LogLevel::notset);
  EXPECT_EQ(stderr_of([] {
              Logger& logger = log_to_stderr();
              logger.subwarning("dropped");
              logger.warning("kept");
            }),
            "[WARNING/MainProcess] kept\n");
}

TEST(LoggingTest, LevelsBearPythonsNames) {
  EXPECT_EQ(stderr_of([] {
              Logger& logger = log_to_stderr(static_cast<LogLevel>(1));
              logger.subdebug("a");
              logger.debug("b");
              logger.info("c");
              logger.subwarning("d");
              logger.warning("e");
              logger.error("f");
              logger.critical("g");
              logger.log(static_cast<LogLevel>(35), "h");
            }),
            "[SUBDEBUG/MainProcess] a\n[DEBUG/MainProcess] b\n[INFO/MainProcess] c\n"
            "[SUBWARNING/MainProcess] d\n[WARNING/MainProcess] e\n[ERROR/MainProcess] f\n"
            "[CRITICAL/MainProcess] g\n[Level 35/MainProcess] h\n");
}

TEST(LoggingTest, ASecondOutputDoesNotWriteEveryLineTwice) {
  EXPECT_EQ(stderr_of([] {
              log_to_stderr();
              log_to_stderr(LogLevel::info).info("once");
            }),
            "[INFO/MainProcess] once\n");
}

TEST(LoggingTest, TextIsWrittenAsItIs) {
  EXPECT_EQ(stderr_of([] { log_to_stderr().error("{} %s {0:9} \\ ü"); }),
            "[ERROR/MainProcess] {} %s {0:9} \\ ü\n");
}

TEST(LoggingTest, LinesBearTheNameOfTheProcess) {
  EXPECT_EQ(stderr_of([] {
              set_process_name("Process-1:2");
              log_to_stderr().error("here");
              set_process_name("");
              get_logger().error("again");
            }),
            "[ERROR/Process-1:2] here\n[ERROR/MainProcess] again\n");
}

TEST(LoggingTest, TheStateCanBeHandedOver) {
  EXPECT_EQ(stderr_of([] {
              adopt_logging_state({.level = LogLevel::debug, .to_stderr = true});
              get_logger().debug("heard");
              adopt_logging_state({.level = LogLevel::debug, .to_stderr = false});
              get_logger().debug("not heard");
            }),
            "[DEBUG/MainProcess] heard\n");
  const LoggingState state = logging_state();
  EXPECT_EQ(state.level, LogLevel::notset);
  EXPECT_FALSE(state.to_stderr);
}

TEST(LoggingTest, AReaderThatIsGoneOrAClosedOutputHarmsNobody) {
  EXPECT_EQ(base_test::result_in_fork([] {
              LifePipe pipe = make_life_pipe();
              dup2(pipe.write_end.get(), STDERR_FILENO);
              pipe.read_end.reset();
              log_to_stderr().error("to nobody");
              sigset_t pending;
              sigpending(&pending);
              if (sigismember(&pending, SIGPIPE) != 0) return 1;
              close(STDERR_FILENO);
              get_logger().error("to nothing");
              return 0;
            }),
            0);
}

TEST(LoggingTest, ALineWaitsForRoomInANonBlockingOutput) {
  const std::string text(200'000, 'x');
  EXPECT_EQ(stderr_of([&] {
              fcntl(STDERR_FILENO, F_SETFL, O_WRONLY | O_NONBLOCK);
              log_to_stderr().error(text);
            }),
            "[ERROR/MainProcess] " + text + "\n");
}

// A line's letter and length follow from its author and number.
std::string text_of(int author, int number) {
  return std::to_string(author) + " " + std::to_string(number) + " " +
         std::string(static_cast<std::size_t>(20 + (author * 37 + number * 101) % 3000),
                     static_cast<char>('a' + author));
}

TEST(LoggingTest, ALineIsGivenUpInANonBlockingOutputThatNobodyReads) {
  EXPECT_EQ(base_test::result_in_fork([] {
              const LifePipe pipe = make_life_pipe();
              dup2(pipe.write_end.get(), STDERR_FILENO);
              fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
              log_to_stderr().error(std::string(1 << 20, 'x'));
              return 0;
            }),
            0);
}

TEST(LoggingTest, LinesOfEightProcessesAreWhole) {
  constexpr int authors = 8, lines = 100;
  LifePipe pipe = make_life_pipe();
  std::vector<pid_t> writers;
  for (int author = 0; author < authors; ++author)
    writers.push_back(base_test::forked([&, author] {
      dup2(pipe.write_end.get(), STDERR_FILENO);
      log_to_stderr();
      for (int number = 0; number < lines; ++number) get_logger().error(text_of(author, number));
      return 0;
    }));
  pipe.write_end.reset();
  std::istringstream all{read_all(pipe.read_end.get())};
  std::map<std::string, int> found;
  for (std::string line; std::getline(all, line);) ++found[line];
  for (const pid_t writer : writers) EXPECT_EQ(base_test::end_of(writer), 0);
  EXPECT_EQ(found.size(), static_cast<std::size_t>(authors * lines));
  for (int author = 0; author < authors; ++author)
    for (int number = 0; number < lines; ++number)
      EXPECT_EQ(found["[ERROR/MainProcess] " + text_of(author, number)], 1);
}

// Threads that log and rename while the process forks: no child waits for a lock that one of them
// held. A child that did would be ended by the watchdog.
TEST(LoggingTest, AChildForkedWhileThreadsLogDoesNotHang) {
  EXPECT_EQ(base_test::result_in_fork([] {
              dup2(UniqueFd{open("/dev/null", O_WRONLY)}.get(), STDERR_FILENO);
              log_to_stderr(LogLevel::debug);
              std::atomic<bool> over{false};
              std::vector<std::thread> threads;
              for (int i = 0; i < 4; ++i)
                threads.emplace_back([&, i] {
                  for (int turn = 0; !over; ++turn) {
                    get_logger().info("from a thread");
                    set_process_name("Process-" + std::to_string((i + turn) % 7));
                  }
                });
              int wrong = 0;
              for (int child = 0; child < test_support::fewer(100); ++child)
                wrong += base_test::result_in_fork([] {
                           set_process_name("Child");
                           get_logger().info("from a child");
                           return process_name() == "Child" ? 0 : 1;
                         }) != 0;
              over = true;
              for (auto& thread : threads) thread.join();
              return wrong;
            }),
            0);
}

}  // namespace
