// The bar on standard error.
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.hpp"
#include "pool_suite.hpp"
#include "support/child_process.hpp"

namespace pool_test {
namespace {

using mp::detail::UniqueFd;

int square(int x) { return x * x; }

/// Standard error is `fd` for as long as this lives.
class StandardError {
 public:
  explicit StandardError(int fd) : before_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    dup2(fd, STDERR_FILENO);
  }
  ~StandardError() { dup2(before_.get(), STDERR_FILENO); }
  StandardError(const StandardError&) = delete;

 private:
  UniqueFd before_;
};

std::string waiting_in(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string text;
  char piece[4096];
  for (ssize_t size; (size = read(fd, piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(size));
  return text;
}

TEST(ProgressTest, OnATerminalABarIsDrawnAndCleanedUp) {
  if (!test_support::terminals_exist()) GTEST_SKIP() << "there are no pseudo terminals here";
  int ends[2];
  ASSERT_EQ(openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), 0);
  const UniqueFd screen{ends[0]};
  const UniqueFd terminal{ends[1]};
  mp::Pool pool(1);
  {
    const StandardError shown(terminal.get());
    EXPECT_EQ(pool.map(square, {1, 2, 3, 4}, {.chunksize = 1, .progress = true}).size(), 4U);
    EXPECT_THROW(pool.map([](int) { throw 1; }, {1}, {.progress = true}), std::exception);
  }
  const std::string text = waiting_in(screen.get());
  const std::string clean = "\r\x1b[K";
  EXPECT_TRUE(text.starts_with("\r[")) << text;
  EXPECT_NE(text.find("[########################################] 100 %"), std::string::npos);
  EXPECT_TRUE(text.ends_with(clean));
}

TEST(ProgressTest, ElsewhereNothingIsWritten) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader{ends[0]};
  const UniqueFd writer{ends[1]};
  mp::Pool pool(1);
  {
    const StandardError shown(writer.get());
    EXPECT_EQ(pool.map(square, {1, 2, 3}, {.progress = true}).size(), 3U);
  }
  EXPECT_EQ(waiting_in(reader.get()), "");
}

}  // namespace
}  // namespace pool_test
