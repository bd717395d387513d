// The suite that runs once for each start method, and what its tests share with their workers.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "multiprocessing/arena/usage.hpp"
#include "multiprocessing/pool.hpp"
#include "multiprocessing/reduction/partial.hpp"
#include "support/start_methods.hpp"

namespace pool_test {

namespace mp = multiprocessing;

/// Runs with the start method that is its parameter chosen for the program.
class PoolTest : public testing::TestWithParam<std::string> {
 protected:
  PoolTest() { mp::set_start_method(GetParam(), {.force = true}); }
  ~PoolTest() override { mp::set_start_method(std::nullopt, {.force = true}); }

  [[nodiscard]] bool forks() const { return GetParam() == "fork"; }
};

#define POOL_TEST_FOR_EVERY_START_METHOD(suite)                                 \
  INSTANTIATE_TEST_SUITE_P(EveryStartMethod, suite,                             \
                           testing::ValuesIn(test_support::every_start_method), \
                           test_support::NamedByParameter{})

/// Numbers that all processes see; one object of the arena.
class Counters {
 public:
  Counters() : words_(mp::detail::Handle::make(count * sizeof(Word))) {}

  [[nodiscard]] std::atomic<std::uint32_t>& operator[](std::size_t index) const {
    return words_.as<Word>()[index];
  }

  /// Adds one and wakes who waits for it; what it was before.
  std::uint32_t raise(std::size_t index = 0) const;

  /// Waits until it is at least `value`.
  void wait_for(std::uint32_t value, std::size_t index = 0) const;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& words_;
  }

 private:
  using Word = std::atomic<std::uint32_t>;
  static constexpr std::size_t count = 1024;
  mp::detail::Handle words_;
};

/// Gives the processor away until it holds; the watchdog ends a test that waits in vain.
void wait_until(const std::function<bool()>& holds);

/// Whether a process with this id can be seen, a zombie too.
[[nodiscard]] bool exists(pid_t pid);

/// Objects and blocks in use once the dead are settled.
struct InUse {
  std::uint64_t objects;
  std::uint64_t blocks;
  friend bool operator==(const InUse&, const InUse&) = default;
};
[[nodiscard]] InUse in_use();

/// Waits at its end until use of the arena is back at what it was when this was made; the watchdog
/// ends a test that has left something there.
class ArenaBaseline {
 public:
  ArenaBaseline() : before_(in_use()) {}
  ~ArenaBaseline();
  ArenaBaseline(const ArenaBaseline&) = delete;

 private:
  InUse before_;
};

/// An initializer that counts workers: the first that comes by is killed at its `nth` pass of the
/// fail point.
void arm_first(Counters counters, std::string point, unsigned nth);

/// An initializer: every worker is.
void arm_each(Counters counters, std::string point, unsigned nth);

}  // namespace pool_test
