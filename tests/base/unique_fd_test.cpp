#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/forked.hpp"

namespace {

using multiprocessing::detail::clear_of_stdio;
using multiprocessing::detail::UniqueFd;

UniqueFd open_null() { return UniqueFd{open("/dev/null", O_RDWR | O_CLOEXEC)}; }
bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFdTest, ClosesAtTheEndOfItsScope) {
  int number = -1;
  {
    const UniqueFd fd = open_null();
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFdTest, MovingHandsTheDutyOver) {
  UniqueFd first = open_null();
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_EQ(second.get(), number);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): moved-from is empty by contract
  UniqueFd third = open_null();
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFdTest, AReleasedDescriptorStaysOpen) {
  UniqueFd fd = open_null();
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  close(number);
}

TEST(UniqueFdTest, ClosingKeepsErrno) {
  UniqueFd stale{12345};  // close() fails
  errno = ENOENT;
  stale.reset();
  EXPECT_EQ(errno, ENOENT);
}

TEST(ClearOfStdioTest, ALowNumberIsMovedUpAndAHighOneKept) {
  UniqueFd high = open_null();
  const int number = high.get();
  high = clear_of_stdio(std::move(high));
  EXPECT_EQ(high.get(), number);
  const int code = base_test::result_in_fork([] {
    close(0);
    UniqueFd low = open_null();
    if (low.get() != 0) return 1;
    low = clear_of_stdio(std::move(low));
    if (low.get() < 3 || is_open(0)) return 2;
    return (fcntl(low.get(), F_GETFD) & FD_CLOEXEC) != 0 ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
