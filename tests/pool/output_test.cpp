// What tasks write, kept for their results.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "pool_suite.hpp"

namespace pool_test {
namespace {

using testing::StartsWith;

class OutputTest : public PoolTest {};
FOR_EVERY_START_METHOD(OutputTest);

/// By all ways that there are; standard output is buffered.
int write_by_all_ways(int number) {
  std::cout << "stream " << number << '\n';
  std::printf("printf\n");
  std::fflush(stdout);
  const std::string text = "write\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
  (void)!std::system("echo child; echo child of error >&2");
  std::cout << "last, and no newline";
  return number;
}
std::string by_all_ways(int number) {
  return "stream " + std::to_string(number) +
         "\nprintf\nwrite\nchild\nchild of error\nlast, and no newline";
}

void write_and_die(const char* how) {
  std::printf("about to die\n");
  const std::string then = how;
  if (then == "kill") raise(SIGKILL);
  if (then == "abort") std::abort();
  if (then == "exit") _exit(3);
  throw std::domain_error("not dead");
}

TEST_P(OutputTest, WhatATaskWritesIsKeptInItsOrder) {
  mp::Pool pool(1);
  for (const int number : {1, 2}) {
    const auto result = pool.apply_async({.capture_output = true}, write_by_all_ways, number);
    EXPECT_EQ(result.get(), number);
    EXPECT_EQ(result.output(), by_all_ways(number));
    EXPECT_EQ(result.output(), by_all_ways(number)) << "at the second look";
  }
  const auto silent = pool.apply_async({.capture_output = true}, [] { return 1; });
  EXPECT_EQ(silent.get(), 1);
  EXPECT_EQ(silent.output(), "");
}

TEST_P(OutputTest, ItIsKeptOfTasksThatFailOrDie) {
  mp::Pool pool(1);
  for (const std::string how : {"throw", "kill", "abort", "exit"}) {
    const auto result = pool.apply_async(
        {.capture_output = true}, [](const std::string& s) { write_and_die(s.c_str()); }, how);
    result.wait();
    EXPECT_EQ(result.output(), "about to die\n") << how;
    EXPECT_FALSE(result.successful());
  }
  const auto next = pool.apply_async({.capture_output = true}, write_by_all_ways, 3);
  next.wait();
  EXPECT_EQ(next.output(), by_all_ways(3)) << "and of the worker that came after them";
}

TEST_P(OutputTest, ItIsKeptOfATaskThatIsStopped) {
  mp::Pool pool(1);
  const Counters counters;
  const auto hangs = [](const Counters& c) {
    std::printf("here\n");
    c.raise();
    for (;;) pause();
  };
  const auto result = pool.apply_async({.capture_output = true}, hangs, counters);
  counters.wait_for(1);
  EXPECT_THROW((void)result.output(), mp::ValueError) << "before its end";
  EXPECT_TRUE(result.stop(std::chrono::milliseconds{1}));
  EXPECT_EQ(result.output(), "here\n");
}

TEST_P(OutputTest, OfMuchTheLastMebibyteIsKept) {
  mp::Pool pool(1);
  const auto writes = [](std::size_t size) { std::cout << std::string(size, 'x') << "end"; };
  constexpr std::size_t most = std::size_t{1} << 20;
  const auto result = pool.apply_async({.capture_output = true}, writes, most);
  result.wait();
  const std::string mark = "[the first 3 bytes were cut]\n";
  EXPECT_EQ(result.output(), mark + std::string(most - 3, 'x') + "end");
}

TEST_P(OutputTest, OfATaskThatIsTriedAgainThatOfTheLastTryIsKept) {
  mp::Pool pool(1);
  const Counters counters;
  const auto dies_once = [](const Counters& c) {
    const unsigned before = c.raise();
    std::cout << "try " << before << std::endl;
    if (before == 0) raise(SIGKILL);
  };
  const auto result = pool.apply_async({.retries = 1, .capture_output = true}, dies_once, counters);
  result.get();
  EXPECT_EQ(result.output(), "try 1\n");
}

TEST_P(OutputTest, OtherTasksWriteWhereTheyDidBefore) {
  mp::Pool pool(1);
  const auto where = [] {
    char path[256] = {};
    (void)!readlink("/proc/self/fd/1", path, sizeof path - 1);
    return std::string{path};
  };
  const std::string before = pool.apply(where);
  const auto kept = pool.apply_async({.capture_output = true}, where);
  EXPECT_THAT(kept.get(), StartsWith("/memfd:multiprocessing-output"));
  EXPECT_EQ(pool.apply(where), before);
  const auto plain = pool.apply_async(where);
  plain.wait();
  EXPECT_THROW((void)plain.output(), mp::ValueError);
  EXPECT_THROW((void)pool.map_async([](int x) { return x; }, std::vector{1}).output(),
               mp::ValueError);
}

/// A worker is killed at that point of its first task, which is tried again or lost.
void kill_at(const std::string& point) {
  const Counters counters;
  mp::Pool pool(1, arm_first, counters, point, 1U);
  const auto writes = [] {
    std::cout << "text" << std::endl;
    return 7;
  };
  const auto lost = pool.apply_async({.capture_output = true}, writes);
  EXPECT_THROW(lost.get(), mp::WorkerDied) << point;
  EXPECT_EQ(lost.output(), point == "pool.output.begun" ? "" : "text\n") << point;
  const auto next = pool.apply_async({.capture_output = true}, writes);
  EXPECT_EQ(next.get(), 7);
  EXPECT_EQ(next.output(), "text\n") << point;
}

TEST_P(OutputTest, NothingIsLostOrMixedWhereAWorkerIsKilled) {
  for (const char* point :
       {"pool.output.begun", "pool.output.before_give", "pool.output.given", "pool.output.emptied"})
    kill_at(point);
}

TEST_P(OutputTest, APoolThatGrowsKeepsItOfLaterWorkersToo) {
  mp::Pool pool(1);
  const Counters counters;
  const auto meets = [](const Counters& c, int number) {
    c.raise();
    c.wait_for(2);
    std::cout << number << std::endl;
  };
  const auto one = pool.apply_async({.capture_output = true}, meets, counters, 1);
  pool.resize(2);
  const auto two = pool.apply_async({.capture_output = true}, meets, counters, 2);
  one.get();
  two.get();
  EXPECT_EQ(one.output(), "1\n");
  EXPECT_EQ(two.output(), "2\n");
}

}  // namespace
}  // namespace pool_test
