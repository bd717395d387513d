#include "multiprocessing/base/timeout.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace {

using multiprocessing::Timeout;
using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

TEST(TimeoutTest, ANegativeLengthMeansNow) {
  EXPECT_EQ(Timeout{-1s}.length(), 0ns);
  EXPECT_EQ(Timeout{std::chrono::hours::min()}.length(), 0ns);
  EXPECT_EQ(Timeout{Seconds{-1e300}}.length(), 0ns);
}

TEST(TimeoutTest, ZeroMeansNowAndTheShortestWaitIsOneNanosecond) {
  EXPECT_EQ(Timeout{0s}.length(), 0ns);
  EXPECT_EQ(Timeout{1ns}.length(), 1ns);
  EXPECT_EQ((Timeout{std::chrono::duration<std::int64_t, std::pico>{1}}.length()), 1ns);
  EXPECT_EQ(Timeout{Seconds{1e-12}}.length(), 1ns);
}

TEST(TimeoutTest, ALengthThatDoesNotFitIsForever) {
  EXPECT_TRUE(Timeout{std::chrono::nanoseconds::max()}.is_forever());
  EXPECT_TRUE(Timeout{std::chrono::hours::max()}.is_forever());
  EXPECT_TRUE(Timeout{Seconds{1e300}}.is_forever());
  EXPECT_TRUE(Timeout{Seconds{std::numeric_limits<double>::infinity()}}.is_forever());
  EXPECT_EQ(Timeout{std::chrono::hours::max()}, Timeout::forever);
}

TEST(TimeoutTest, NotANumberMeansNow) {
  EXPECT_EQ(Timeout{Seconds{std::numeric_limits<double>::quiet_NaN()}}.length(), 0ns);
}

TEST(TimeoutTest, WholeLengthsAreKeptToTheNanosecond) {
  EXPECT_EQ(
      Timeout{std::chrono::nanoseconds{std::numeric_limits<std::int64_t>::max() - 1}}.length(),
      std::chrono::nanoseconds{std::numeric_limits<std::int64_t>::max() - 1});
  EXPECT_EQ(Timeout{90min}.length(), 5400s);
  EXPECT_EQ(Timeout{Seconds{0.25}}.length(), 250ms);
  EXPECT_FALSE(Timeout{24h}.is_forever());
}

TEST(TimeoutTest, IsKnownWhenTheProgramIsCompiled) {
  static_assert(Timeout{1s}.length() == 1s);
  static_assert(Timeout::forever.is_forever());
}

}  // namespace
