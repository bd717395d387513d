// Where shared memory has no folder.
#include <gtest/gtest.h>

#include <chrono>

#include "support/child_process.hpp"
#include "support/watchdog.hpp"

namespace {

TEST(WithoutDevShmTest, AllWorksAsEver) {
  const test_support::Watchdog allowed{std::chrono::seconds{300}};
  const auto result = test_support::run_without_dev_shm("*-WithoutDevShmTest.*");
  if (!result) GTEST_SKIP() << "may not mount another /dev here";
  EXPECT_EQ(result->exitcode, 0) << result->report();
}

}  // namespace
