// What the tests of locks share: a count that only the thread inside may change, and processes that
// contend for that.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <numeric>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "children.hpp"

namespace arena_test {

/// Lies beside the lock, in memory that all of them share.
struct Contended {
  volatile std::uint64_t first, second;  // equal whenever no thread is inside
  std::atomic<std::uint64_t> entered[8];
  std::atomic<std::uint64_t> takeovers, violations;
  std::atomic<bool> stop;

  /// Inside, as number `which`; notes what should never be.
  void change(int which, bool from_the_dead) {
    if (from_the_dead) {
      ++takeovers;
      second = first;
    } else if (first != second) {
      ++violations;
    }
    first = first + 1;
    second = second + 1;
    ++entered[which];
  }

  [[nodiscard]] std::uint64_t total() const {
    return std::accumulate(std::begin(entered), std::end(entered), std::uint64_t{0});
  }
};

/// Has two threads of each of three processes do the work.
template <class Work>
void work_in_threads_of_processes(Work work) {
  std::vector<Child> children;
  for (int i = 0; i < 3; ++i)
    children.emplace_back([&] {
      std::thread other{work};
      work();
      other.join();
      return 0;
    });
  for (Child& child : children) EXPECT_EQ(child.join(), 0);
}

/// Four processes that enter again and again, each as a number of its own.
class Contenders {
 public:
  Contenders(Contended& contended, std::function<void(int)> enter)
      : contended_(contended), enter_(std::move(enter)) {
    for (int i = 0; i < 4; ++i) children_.push_back(start(i));
  }

  /// Kills one after the other and starts another in its place, while the rest go on.
  void kill_at_random(int kills, unsigned seed) {
    using std::chrono::steady_clock;
    std::mt19937 random{seed};
    steady_clock::duration longest{};
    for (int i = 0; i < kills; ++i) {
      usleep(static_cast<useconds_t>(random() % 1500));
      Child& victim = children_[random() % children_.size()];
      ::kill(victim.pid(), SIGKILL);
      const auto begin = steady_clock::now();
      for (const auto before = contended_.total(); contended_.total() < before + 2;)
        std::this_thread::yield();
      longest = std::max(longest, steady_clock::now() - begin);
      EXPECT_EQ(random() % 2 == 0 ? victim.join() : victim.join_unsettled(), -SIGKILL);
      victim = start(static_cast<int>(random() % children_.size()));
    }
    for (Child& each : children_) EXPECT_EQ(each.kill(), -SIGKILL);
    EXPECT_EQ(contended_.violations, 0U);
    std::printf("%d kills: %lu takeovers, entered %lu times, longest stall %.0f ms\n", kills,
                static_cast<unsigned long>(contended_.takeovers.load()),
                static_cast<unsigned long>(contended_.total()),
                std::chrono::duration<double, std::milli>(longest).count());
  }

 private:
  [[nodiscard]] Child start(int which) const {
    return Child{[this, which] {
      for (;;) enter_(which);
      return 0;
    }};
  }

  Contended& contended_;
  std::function<void(int)> enter_;
  std::vector<Child> children_;
};

}  // namespace arena_test
