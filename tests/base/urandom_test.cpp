// urandom: as many bytes as asked for, other ones each time.
#include "multiprocessing/base/urandom.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

namespace mp = multiprocessing;

TEST(UrandomTest, GivesAsManyBytesAsAskedFor) {
  for (const std::size_t count : {0U, 1U, 32U, 257U, 100000U})
    EXPECT_EQ(mp::urandom(count).size(), count);
}

TEST(UrandomTest, GivesOtherBytesEachTimeToTheLastOne) {
  EXPECT_NE(mp::urandom(32), mp::urandom(32));
  const mp::Bytes many = mp::urandom(100000);
  for (std::size_t part = 0; part < many.size(); part += 1000)
    EXPECT_GT(std::ranges::count_if(many.substr(part, 1000), [](char c) { return c != 0; }), 900);
}

}  // namespace
