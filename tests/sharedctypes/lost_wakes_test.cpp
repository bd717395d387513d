// Every wake reaches a thread that sleeps: where MULTIPROCESSING_TEST_LOST_WAKES is set, nothing
// else ends these waits.
#include <gtest/gtest.h>

#include "multiprocessing/sharedctypes.hpp"
#include "support/woken.hpp"

namespace {

namespace mp = multiprocessing;
using test_support::expect_woken;

TEST(LostWakesTest, ANotificationWakesAThreadThatWaitsForAValue) {
  const mp::Value<int> value{0};
  expect_woken([&] { value.wait(0); },
               [&] {
                 value.set_value(1);
                 value.notify_one();
               });
}

}  // namespace
