#include "base/waiting.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "base/death.hpp"
#include "base/interrupted.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace multiprocessing;
using namespace multiprocessing::detail;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

LifePipe make_pipe() { return make_life_pipe(); }

TEST(WaitReadableTest, APipeWithAByteIsReadable) {
  const LifePipe pipe = make_pipe();
  EXPECT_FALSE(wait_readable(pipe.read_end.get(), Deadline{0s}));
  ASSERT_EQ(write(pipe.write_end.get(), "x", 1), 1);
  EXPECT_TRUE(wait_readable(pipe.read_end.get(), Deadline::never()));
}

TEST(WaitReadableTest, EndOfFileIsReadable) {
  LifePipe pipe = make_pipe();
  pipe.write_end.reset();
  EXPECT_TRUE(wait_readable(pipe.read_end.get(), Deadline::never()));
}

TEST(WaitReadableTest, AnErrorIsReadable) {
  LifePipe pipe = make_pipe();
  pipe.read_end.reset();
  EXPECT_TRUE(wait_readable(pipe.write_end.get(), Deadline::never()));
}

TEST(WaitReadableTest, WhatIsReadyIsReportedAfterTheDeadlineToo) {
  const LifePipe pipe = make_pipe();
  ASSERT_EQ(write(pipe.write_end.get(), "x", 1), 1);
  EXPECT_TRUE(wait_readable(pipe.read_end.get(), Deadline{-1s}));
}

TEST(WaitReadableTest, AWaitLastsAtLeastItsTimeout) {
  const LifePipe pipe = make_pipe();
  const auto start = steady_clock::now();
  EXPECT_FALSE(wait_readable(pipe.read_end.get(), Deadline{30ms}));
  EXPECT_GE(steady_clock::now() - start, 30ms);
}

TEST(WaitReadableTest, AWaitInterruptedBySignalsKeepsItsDeadline) {
  const LifePipe pipe = make_pipe();
  const base_test::SignalStorm storm;
  const auto start = steady_clock::now();
  // Were the time-out begun anew by each signal, this would not end.
  EXPECT_FALSE(wait_readable(pipe.read_end.get(), Deadline{50ms}));
  EXPECT_GE(steady_clock::now() - start, 50ms);
}

TEST(WaitReadableTest, SignalsDoNotEndAWaitForData) {
  const LifePipe pipe = make_pipe();
  const base_test::SignalStorm storm;
  std::thread writer{[&] {
    base_test::SignalStorm::keep_out();
    while (storm.interruptions() < 10) std::this_thread::yield();
    EXPECT_EQ(write(pipe.write_end.get(), "x", 1), 1);
  }};
  EXPECT_TRUE(wait_readable(pipe.read_end.get(), Deadline::never()));
  writer.join();
}

TEST(WaitReadableTest, ADescriptorThatIsNotOpenIsAnError) {
  for (const int fd : {-1, 9999}) {
    try {
      (void)wait_readable(fd, Deadline::never());
      FAIL() << "no error for " << fd;
    } catch (const OSError& error) {
      EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
      EXPECT_NE(std::string{error.what()}.find(std::to_string(fd)), std::string::npos);
    }
  }
}

TEST(WaitAnyTest, NamesTheReadyOnesByIndex) {
  std::vector<LifePipe> pipes;
  std::vector<int> fds;
  for (int i = 0; i < 5; ++i) {
    pipes.push_back(make_pipe());
    fds.push_back(pipes.back().read_end.get());
  }
  EXPECT_TRUE(wait_any(fds, Deadline{0s}).empty());
  ASSERT_EQ(write(pipes[1].write_end.get(), "x", 1), 1);
  pipes[4].write_end.reset();
  EXPECT_EQ(wait_any(fds, Deadline::never()), (std::vector<std::size_t>{1, 4}));
}

TEST(WaitAnyTest, NothingToWaitForLastsUntilTheDeadline) {
  const auto start = steady_clock::now();
  EXPECT_TRUE(wait_any({}, Deadline{5ms}).empty());
  EXPECT_GE(steady_clock::now() - start, 5ms);
}

}  // namespace
