#include "base/deadline.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace {

using multiprocessing::Timeout;
using multiprocessing::detail::Deadline;
using namespace std::chrono_literals;

TEST(DeadlineTest, NoTimeoutNeverPasses) {
  EXPECT_TRUE(Deadline{Timeout::forever}.is_never());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_FALSE(Deadline::never().left_as_timespec());
}

TEST(DeadlineTest, ATimeoutOfZeroHasPassedAtOnce) {
  const Deadline now{0s};
  EXPECT_TRUE(now.passed());
  EXPECT_EQ(now.left(), 0ns);
  ASSERT_TRUE(now.left_as_timespec());
  EXPECT_EQ(now.left_as_timespec()->tv_sec, 0);
  EXPECT_EQ(now.left_as_timespec()->tv_nsec, 0);
}

TEST(DeadlineTest, WhatIsLeftShrinksAndEndsAtZero) {
  const Deadline soon{2ms};
  const auto first = soon.left();
  EXPECT_LE(first, 2ms);
  while (!soon.passed()) EXPECT_LE(soon.left(), first);
  EXPECT_EQ(soon.left(), 0ns);
}

TEST(DeadlineTest, AMomentBeyondTheClockIsNever) {
  const Deadline late{std::chrono::nanoseconds::max() - 1ns};
  EXPECT_TRUE(late.is_never());
  EXPECT_FALSE(late.passed());
}

TEST(DeadlineTest, ASliceIsTheEarlierOfTheTwo) {
  EXPECT_LE(Deadline{1h}.at_most(1s).left(), 1s);
  EXPECT_LE(Deadline{1s}.at_most(1h).left(), 1s);
  EXPECT_LE(Deadline::never().at_most(1s).left(), 1s);
  EXPECT_GT(Deadline{1h}.at_most(std::chrono::nanoseconds::max()).left(), 59min);
  EXPECT_TRUE(Deadline::never().at_most(std::chrono::nanoseconds::max()).is_never());
  EXPECT_TRUE(Deadline{1h}.at_most(-1s).passed());
}

TEST(DeadlineTest, WhatIsLeftIsSplitIntoSecondsAndNanoseconds) {
  const auto left = Deadline{1500ms}.left_as_timespec();
  ASSERT_TRUE(left);
  EXPECT_LE(left->tv_sec, 1);
  EXPECT_GE(left->tv_nsec, 0);
  EXPECT_LT(left->tv_nsec, 1'000'000'000);
}

}  // namespace
