// Workers that are stopped (not dead) amid tasks: the others go on, and so do those that wait.
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/death.hpp"
#include "base/fail_point.hpp"
#include "pool_suite.hpp"

namespace pool_test {
namespace {

class ApplyStoppedTest : public PoolTest {};
FOR_EVERY_START_METHOD(ApplyStoppedTest);

int square(int x) { return x * x; }

/// An initializer: the first worker is to stop at that point, and says its pid.
void stop_first(const Counters& counters, const std::string& point) {
  if (counters.raise(0) != 0) return;
  mp::detail::arm_fail_point_stop(point);
  counters[1] = static_cast<std::uint32_t>(getpid());
}

bool is_first_stopped(const Counters& counters) {
  const std::uint32_t pid = counters[1];
  return pid != 0 && mp::detail::is_stopped(static_cast<pid_t>(pid));
}

TEST_P(ApplyStoppedTest, AnIdleWorkerThatIsStoppedHoldsUpNothing) {
  mp::Pool pool(2);
  EXPECT_EQ(pool.apply(square, 2), 4);
  ASSERT_EQ(kill(pool.workers().front().pid(), SIGSTOP), 0);
  // A wake goes to either; the other one looks up by itself.
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pool.apply(square, i), i * i);
}

TEST_P(ApplyStoppedTest, AResultIsSeenWhoseWorkerIsStoppedBeforeItTells) {
  const Counters counters;
  mp::Pool pool(1, stop_first, counters, std::string("pool.task.ended"));
  EXPECT_EQ(pool.apply(square, 3), 9);
  wait_until([&] { return is_first_stopped(counters); });
}

TEST_P(ApplyStoppedTest, AWorkerThatIsStoppedHoldsUpOneTaskAndIsTerminated) {
  for (const char* point : {"pool.task.taken", "pool.task.claimed", "pool.task.ended"}) {
    SCOPED_TRACE(point);
    const Counters counters;
    mp::Pool pool(2, stop_first, counters, std::string(point));
    std::vector<mp::AsyncResult<int>> results;
    do results.push_back(pool.apply_async(square, 3));
    while (!is_first_stopped(counters));  // the other worker may take whatever comes before
    for (int i = 0; i < 50; ++i) results.push_back(pool.apply_async(square, 3));
    results.back().wait();
    wait_until([&] {
      std::size_t missing = 0;
      for (const auto& result : results) missing += result.ready() ? 0 : 1;
      return missing <= 1;
    });
    pool.terminate();
    pool.join();
    for (const auto& result : results) EXPECT_TRUE(result.ready());
  }
}

}  // namespace
}  // namespace pool_test
