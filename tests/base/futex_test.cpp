#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <new>
#include <thread>

#include "base/forked.hpp"
#include "base/futex.hpp"
#include "base/interrupted.hpp"

namespace {

using namespace multiprocessing::detail;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Words that processes share.
class FutexTest : public testing::Test {
 protected:
  void SetUp() override {
    memory_ = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory_, MAP_FAILED);
    word = new (memory_) std::atomic<std::uint32_t>{0};
  }
  void TearDown() override { munmap(memory_, 4096); }

  std::atomic<std::uint32_t>* word = nullptr;

 private:
  void* memory_ = nullptr;
};

void wait_until_changed(const std::atomic<std::uint32_t>& word, std::uint32_t from) {
  while (word.load() == from) futex_wait(word, from, Deadline::never());
}

TEST_F(FutexTest, AnotherValueIsNoReasonToSleep) {
  EXPECT_EQ(futex_wait(*word, 1, Deadline::never()), Woken::changed);
}

TEST_F(FutexTest, AWaitLastsAtLeastItsTimeout) {
  const auto start = steady_clock::now();
  const Deadline deadline{20ms};
  Woken answer = Woken::interrupted;
  while (answer == Woken::interrupted) answer = futex_wait(*word, 0, deadline);
  EXPECT_EQ(answer, Woken::timed_out);
  EXPECT_GE(steady_clock::now() - start, 20ms);
}

TEST_F(FutexTest, APassedDeadlineTimesOutAtOnce) {
  EXPECT_EQ(futex_wait(*word, 0, Deadline{0s}), Woken::timed_out);
}

TEST_F(FutexTest, ASignalInterruptsAndTheDeadlineStays) {
  const base_test::SignalStorm storm;
  const auto start = steady_clock::now();
  const Deadline deadline{50ms};
  int interruptions = 0;
  Woken answer = Woken::interrupted;
  while ((answer = futex_wait(*word, 0, deadline)) == Woken::interrupted) ++interruptions;
  EXPECT_EQ(answer, Woken::timed_out);
  EXPECT_GT(interruptions, 0);
  EXPECT_GE(steady_clock::now() - start, 50ms);
}

TEST_F(FutexTest, WakesASleeperInAnotherProcess) {
  const pid_t child = base_test::forked([&] {
    wait_until_changed(*word, 0);
    word[1].store(7);
    futex_wake_all(word[1]);
    return 3;
  });
  word->store(1);
  futex_wake_all(*word);
  wait_until_changed(word[1], 0);
  EXPECT_EQ(word[1].load(), 7U);
  EXPECT_EQ(base_test::end_of(child), 3);
}

TEST_F(FutexTest, WakesAsManyAsItWasToldInWhateverProcess) {
  pid_t children[3];
  for (pid_t& child : children)
    child = base_test::forked([&] {
      while (futex_wait(*word, 0, Deadline::never()) != Woken::woken) {
      }
      return 0;
    });
  int woken = 0;
  while (woken < 2) {  // until two of them sleep
    woken += futex_wake(*word, 1);
    EXPECT_LE(woken, 2);
  }
  while (woken < 3) woken += futex_wake_all(*word);
  EXPECT_EQ(woken, 3);
  for (const pid_t child : children) EXPECT_EQ(base_test::end_of(child), 0);
}

TEST_F(FutexTest, NobodySleepsOnAWordThatNobodyWaitsFor) { EXPECT_EQ(futex_wake_all(*word), 0); }

}  // namespace
