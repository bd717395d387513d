// The suite that runs once for each start method, and what its tests share with their children.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "multiprocessing/arena/usage.hpp"
#include "multiprocessing/base.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/synchronize.hpp"
#include "support/start_methods.hpp"

namespace synchronize_test {

namespace mp = multiprocessing;

/// Fails unless use of the arena comes back to what it was.
class ArenaTest : public testing::Test {
 protected:
  ArenaTest() : before_(in_use()) {}
  void TearDown() override;

  struct InUse {
    std::uint64_t objects;
    std::uint64_t blocks;
    friend bool operator==(const InUse&, const InUse&) = default;
  };
  [[nodiscard]] static InUse in_use();

 private:
  InUse before_;
};

/// Runs with the start method that is its parameter chosen for the program.
class EveryMethodTest : public ArenaTest, public testing::WithParamInterface<std::string> {
 protected:
  EveryMethodTest() { mp::set_start_method(GetParam(), {.force = true}); }
  ~EveryMethodTest() override { mp::set_start_method(std::nullopt, {.force = true}); }
};

#define FOR_EVERY_START_METHOD(suite)                                           \
  INSTANTIATE_TEST_SUITE_P(EveryStartMethod, suite,                             \
                           testing::ValuesIn(test_support::every_start_method), \
                           test_support::NamedByParameter{})

/// Numbers that all processes see and can wait for; one object of the arena.
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
  static constexpr std::size_t count = 64;
  mp::detail::Handle words_;
};

/// Gives the processor away until it holds; the watchdog ends a test that waits in vain.
void wait_until(const std::function<bool()>& holds);

/// Runs the target in a process of its own to its end; its exit code.
template <class... A>
int run_in_child(A&&... target_and_arguments) {
  mp::Process child{std::forward<A>(target_and_arguments)...};
  child.start();
  child.join();
  return *child.exitcode();
}

/// How often, or less where everything is slow; `name` in the environment overrides it.
[[nodiscard]] int asked(const char* name, int otherwise);

}  // namespace synchronize_test
