// A light fence here and a heavy one there keep a store and a load in order on both sides.
#include "base/asymmetric_fence.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/asked.hpp"
#include "support/watchdog.hpp"

namespace {

namespace detail = multiprocessing::detail;

struct Flags {
  alignas(128) std::atomic<int> light;
  alignas(128) std::atomic<int> heavy;
  alignas(128) std::atomic<int> round;
  alignas(128) std::atomic<int> seen_by_light;
};

// Each raises its flag and looks for the other's: with full fences at least one sees it.
TEST(AsymmetricFenceTest, OfTwoThatRaiseAFlagAndLookAtLeastOneSeesTheOther) {
  if (!detail::register_light_fences()) GTEST_SKIP() << "membarrier(2) is not there";
  const test_support::Watchdog allowed{std::chrono::seconds{120}};
  const int rounds = test_support::asked("MULTIPROCESSING_TEST_FENCES", 2000);
  Flags flags{};
  std::thread light{[&] {
    for (int round = 1; round <= rounds; ++round) {
      for (int polls = 1; flags.round.load(std::memory_order_acquire) != round; ++polls)
        if (polls % 1000 == 0) std::this_thread::yield();
      flags.light.store(round, std::memory_order_relaxed);
      detail::light_fence();
      const bool saw = flags.heavy.load(std::memory_order_relaxed) == round;
      flags.seen_by_light.store(saw ? round : -round, std::memory_order_release);
    }
  }};
  int missed = 0;
  for (int round = 1; round <= rounds; ++round) {
    flags.round.store(round, std::memory_order_release);
    flags.heavy.store(round, std::memory_order_relaxed);
    detail::heavy_fence();
    const bool saw = flags.light.load(std::memory_order_relaxed) == round;
    int answer = 0;
    while ((answer = flags.seen_by_light.load(std::memory_order_acquire)) != round &&
           answer != -round)
      std::this_thread::yield();
    if (!saw && answer == -round) ++missed;
  }
  light.join();
  EXPECT_EQ(missed, 0);
}

}  // namespace
