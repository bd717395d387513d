// What the tests of queues share.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "multiprocessing/queues.hpp"
#include "support/asked.hpp"
#include "support/family.hpp"

namespace queues_test {

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using test_support::asked;

/// Runs once for each start method.
class QueueTest : public test_support::EveryMethodTest {};

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

}  // namespace queues_test
