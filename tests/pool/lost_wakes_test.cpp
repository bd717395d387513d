// Every wake reaches a thread that sleeps: where MULTIPROCESSING_TEST_LOST_WAKES is set, nothing
// else ends these waits.
#include <vector>

#include "multiprocessing/synchronize.hpp"
#include "pool_suite.hpp"
#include "support/woken.hpp"

namespace pool_test {

mp::Event may_end;  // forked children have it

int wait_for_the_end(int number) {
  may_end.wait();
  return number;
}
int same(int number) { return number; }

namespace {

TEST(LostWakesTest, APostWakesWorkers) {
  mp::Pool pool{2};
  EXPECT_EQ(pool.map(same, std::vector{1, 2}), (std::vector{1, 2}));
  test_support::wait_until_strict();
  for (const mp::ProcessHandle& worker : pool.workers())
    test_support::wait_until_asleep(worker.pid());
  EXPECT_EQ(pool.map(same, std::vector{3, 4}), (std::vector{3, 4}));
}

TEST(LostWakesTest, TheEndOfAJobWakesItsCaller) {
  may_end.clear();
  mp::Pool pool{mp::PoolOptions{.processes = 2, .context = mp::get_context("fork")}};
  test_support::expect_woken(
      [&] {
        EXPECT_EQ(pool.map(wait_for_the_end, std::vector{1, 2}), (std::vector{1, 2}));
      },
      [] { may_end.set(); });
}

}  // namespace
}  // namespace pool_test
