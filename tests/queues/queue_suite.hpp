// The suite that runs once for each start method, and what its tests share with their children.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "multiprocessing/arena/usage.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/queues.hpp"
#include "support/start_methods.hpp"

namespace queues_test {

namespace mp = multiprocessing;
using namespace std::chrono_literals;

/// Runs with the start method that is its parameter chosen for the program.
class QueueTest : public testing::TestWithParam<std::string> {
 protected:
  QueueTest() { mp::set_start_method(GetParam(), {.force = true}); }
  ~QueueTest() override { mp::set_start_method(std::nullopt, {.force = true}); }
};

#define QUEUE_TEST_FOR_EVERY_START_METHOD(suite)                                \
  INSTANTIATE_TEST_SUITE_P(EveryStartMethod, suite,                             \
                           testing::ValuesIn(test_support::every_start_method), \
                           test_support::NamedByParameter{})

/// Starts a child.
template <class... A>
mp::Process started(A&&... target) {
  mp::Process process{std::forward<A>(target)...};
  process.start();
  return process;
}

/// Waits for a child, which is to end well.
inline void expect_end(mp::Process& process, int exitcode = 0) {
  process.join();
  EXPECT_EQ(process.exitcode(), exitcode) << process.name();
}

/// Objects and blocks in use once the dead are settled.
struct InUse {
  std::uint64_t objects;
  std::uint64_t blocks;
  friend bool operator==(const InUse&, const InUse&) = default;
};
[[nodiscard]] InUse in_use();

/// Fails unless use of the arena comes back to what it was when this was made.
class ArenaBaseline {
 public:
  ArenaBaseline() : before_(in_use()) {}
  ~ArenaBaseline();
  ArenaBaseline(const ArenaBaseline&) = delete;

 private:
  InUse before_;
};

/// How many kills, messages, … : what the environment says, or fewer under a sanitizer.
[[nodiscard]] int asked(const char* name, int otherwise);

}  // namespace queues_test
