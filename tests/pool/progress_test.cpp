// How far a call has come: the bar on standard error, and what the program is told.
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "input_ranges.hpp"
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

TEST(ProgressTest, AnIterationDrawsItsBarAsItIsRead) {
  if (!test_support::terminals_exist()) GTEST_SKIP() << "there are no pseudo terminals here";
  int ends[2];
  ASSERT_EQ(openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), 0);
  const UniqueFd screen{ends[0]};
  const UniqueFd terminal{ends[1]};
  mp::Pool pool(1);
  {
    const StandardError shown(terminal.get());
    EXPECT_EQ(pool.imap(square, std::vector{1, 2}, {.progress = true}).take(9).size(), 2U);
    EXPECT_EQ(pool.imap(square, throws_at(2), {.progress = true}).take(1).size(), 1U);
  }
  const std::string text = waiting_in(screen.get());
  EXPECT_TRUE(text.starts_with("\r[####################                    ] 50 % 1/2 ")) << text;
  EXPECT_NE(text.find(" left\x1b[K\r[########################################] 100 % 2/2 "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\r1 done "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K"));
}

/// What was told, and in which thread.
struct Told {
  std::vector<std::pair<std::size_t, std::size_t>> all;
  bool elsewhere = false;
  const std::thread::id thread = std::this_thread::get_id();

  void operator()(std::size_t done, std::size_t of) {
    elsewhere = elsewhere || std::this_thread::get_id() != thread;
    all.emplace_back(done, of);
  }
  [[nodiscard]] auto into() {
    return [this](std::size_t done, std::size_t of) { (*this)(done, of); };
  }
};
using Figures = std::vector<std::pair<std::size_t, std::size_t>>;

class ProgressCallTest : public PoolTest {};
FOR_EVERY_START_METHOD(ProgressCallTest);

TEST_P(ProgressCallTest, AMapTellsItsCallerUpToTheEnd) {
  mp::Pool pool(2);
  Told told;
  EXPECT_EQ(pool.map(square, std::vector<int>(10, 1), {.chunksize = 3, .progress = told.into()}),
            std::vector<int>(10, 1));
  EXPECT_EQ(told.all.front().second, 10U);
  EXPECT_EQ(told.all.back(), std::pair(std::size_t{10}, std::size_t{10}));
  EXPECT_TRUE(std::ranges::is_sorted(told.all));
  EXPECT_FALSE(told.elsewhere);

  Told of_tasks;  // a map with a time is made of them
  (void)pool.map(square, {1, 2, 3},
                 {.chunksize = 2, .progress = of_tasks.into(), .timeout = std::chrono::hours{1}});
  EXPECT_EQ(of_tasks.all.back(), std::pair(std::size_t{3}, std::size_t{3}));
}

TEST_P(ProgressCallTest, AMapEndsWithWhatItThrowsAndThePoolGoesOn) {
  mp::Pool pool(2);
  const auto fails = [](std::size_t, std::size_t) { throw std::domain_error("enough"); };
  EXPECT_THROW(pool.map(square, {1, 2, 3}, {.progress = fails}), std::domain_error);
  EXPECT_THROW(pool.map(square, {1, 2, 3}, {.progress = fails, .timeout = std::chrono::hours{1}}),
               std::domain_error);
  EXPECT_EQ(pool.map(square, {1, 2, 3}), (std::vector{1, 4, 9}));
}

TEST_P(ProgressCallTest, TheThreadThatWaitsForALaterMapIsTold) {
  mp::Pool pool(2);
  for (const bool with_callback : {false, true}) {
    Told told;
    mp::Callbacks<std::vector<int>> callbacks;
    if (with_callback) callbacks.callback = [](const std::vector<int>&) {};
    const auto later = pool.map_async(square, std::vector{1, 2, 3},
                                      {.chunksize = 2, .progress = told.into()}, callbacks);
    EXPECT_EQ(later.get(), (std::vector{1, 4, 9}));
    EXPECT_EQ(told.all.back(), std::pair(std::size_t{3}, std::size_t{3}));
    EXPECT_FALSE(told.elsewhere);
  }
}

TEST_P(ProgressCallTest, WhatItThrowsOutOfGetLosesNoResult) {
  mp::Pool pool(2);
  const auto fails = [](std::size_t, std::size_t) { throw std::domain_error("enough"); };
  const auto later = pool.map_async(square, std::vector{1, 2, 3}, {.progress = fails});
  EXPECT_THROW(later.get(), std::domain_error);
  EXPECT_EQ(later.get(), (std::vector{1, 4, 9}));
}

TEST_P(ProgressCallTest, AnIterationTellsOfEachChunkBeforeItIsRead) {
  mp::Pool pool(2);
  Told told;
  auto results =
      pool.imap(square, std::vector{1, 2, 3, 4, 5}, {.chunksize = 2, .progress = told.into()});
  EXPECT_TRUE(told.all.empty());
  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(told.all, (Figures{{2, 5}}));
  EXPECT_EQ(results.take(9).size(), 4U);
  EXPECT_EQ(told.all, (Figures{{2, 5}, {4, 5}, {5, 5}}));

  Told unsized;
  EXPECT_EQ(pool.imap_unordered(square, throws_at(2), {.progress = unsized.into()}).take(2).size(),
            2U);
  EXPECT_EQ(unsized.all, (Figures{{1, 0}, {2, 0}}));
}

TEST_P(ProgressCallTest, WhatItThrowsOutOfNextLosesNoResult) {
  mp::Pool pool(2);
  int calls = 0;
  const auto fails = [&](std::size_t done, std::size_t) {
    ++calls;
    if (done == 2) throw std::domain_error("enough");
  };
  auto results = pool.imap(square, std::vector{1, 2, 3}, {.progress = fails});
  EXPECT_EQ(results.next(), 1);
  EXPECT_THROW(results.next(), std::domain_error);
  EXPECT_EQ(results.take(9), (std::vector{4, 9}));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace pool_test
