// What a context constructs, for ports that write it so.
#include <gtest/gtest.h>

#include "multiprocessing/sharedctypes.hpp"
#include "synchronize/synchronize_suite.hpp"

namespace {

namespace mp = multiprocessing;

class SharedContextTest : public synchronize_test::EveryMethodTest {};
FOR_EVERY_START_METHOD(SharedContextTest);

TEST_P(SharedContextTest, MakesValuesAndArrays) {
  const auto ctx = mp::get_context(GetParam());
  const mp::Value<int> number = ctx.Value<int>(7);
  const mp::Value<int, mp::Lock> locked = ctx.Value<int, mp::Lock>(8, ctx.Lock());
  const mp::RawValue<double> raw = ctx.RawValue<double>(0.5);
  const mp::Array<int> zeros = ctx.Array<int>(3);
  const mp::Array<int> items = ctx.Array<int>({1, 2});
  const mp::RawArray<long> raw_items = ctx.RawArray<long>({3, 4, 5});
  EXPECT_EQ(zeros.size(), 3U);
  EXPECT_EQ(raw_items.size(), 3U);
  EXPECT_EQ(locked.value(), 8);
  mp::Process child = ctx.Process(
      [](mp::Value<int> n, mp::RawValue<double> r, mp::Array<int> a) {
        n.fetch_add(1);
        r.set_value(1.5);
        a[1] = 9;
      },
      number, raw, items);
  child.start();
  child.join();
  EXPECT_EQ(number.value(), 8);
  EXPECT_EQ(raw.value(), 1.5);
  EXPECT_EQ(items[1], 9);
}

}  // namespace
