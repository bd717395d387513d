// For modules whose tests start processes: a suite that runs once for each start method, and what
// parent and children have in common. After every test the arena holds what it held before it.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "multiprocessing/detail/handle.hpp"
#include "multiprocessing/process.hpp"
#include "support/start_methods.hpp"

namespace test_support {

namespace mp = multiprocessing;

/// Runs with the start method that is its parameter chosen for the program.
class EveryMethodTest : public testing::TestWithParam<std::string> {
 protected:
  EveryMethodTest() { mp::set_start_method(GetParam(), {.force = true}); }
  ~EveryMethodTest() override { mp::set_start_method(std::nullopt, {.force = true}); }

  [[nodiscard]] bool forks() const { return GetParam() == "fork"; }
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
  static constexpr std::size_t count = 1024;
  mp::detail::Handle words_;
};

/// Gives the processor away until it holds; the watchdog ends a test that waits in vain.
void wait_until(const std::function<bool()>& holds);

/// Whether a process with this id can be seen, a zombie too.
[[nodiscard]] bool exists(pid_t pid);

/// Runs the target in a process of its own to its end; its exit code.
template <class... A>
int run_in_child(A&&... target_and_arguments) {
  mp::Process child{std::forward<A>(target_and_arguments)...};
  child.start();
  child.join();
  return child.exitcode().value();
}

/// Objects and blocks of the arena in use once the dead are settled.
struct InUse {
  std::uint64_t objects;
  std::uint64_t blocks;
  friend bool operator==(const InUse&, const InUse&) = default;
};
[[nodiscard]] InUse in_use();

}  // namespace test_support
