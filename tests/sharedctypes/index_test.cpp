// Python's rules for indices and slices, against what Python itself gives.
#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <tuple>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/shared_cells.hpp"

namespace {

namespace mp = multiprocessing;
using multiprocessing::detail::place_of;
using multiprocessing::detail::slice_of;

using Bound = std::optional<std::ptrdiff_t>;

std::vector<std::size_t> places(Bound start, Bound stop, std::ptrdiff_t step, std::size_t size) {
  const auto slice = slice_of(start, stop, step, size);
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < slice.count; ++i) list.push_back(slice[i]);
  return list;
}

using Places = std::vector<std::size_t>;

TEST(IndexTest, CountsFromTheEndWhenNegative) {
  EXPECT_EQ(place_of(0, 3), 0U);
  EXPECT_EQ(place_of(2, 3), 2U);
  EXPECT_EQ(place_of(-1, 3), 2U);
  EXPECT_EQ(place_of(-3, 3), 0U);
}

TEST(IndexTest, OutOfRangeIsAnErrorOnBothSides) {
  for (const std::ptrdiff_t index : {3L, -4L, PTRDIFF_MAX, PTRDIFF_MIN})
    EXPECT_THROW((void)place_of(index, 3), mp::IndexError) << index;
  EXPECT_THROW((void)place_of(0, 0), mp::IndexError);
}

TEST(SliceTest, IsPythons) {
  EXPECT_EQ(places({}, {}, 1, 4), (Places{0, 1, 2, 3}));
  EXPECT_EQ(places(1, 3, 1, 4), (Places{1, 2}));
  EXPECT_EQ(places(-3, -1, 1, 4), (Places{1, 2}));
  EXPECT_EQ(places({}, {}, -1, 4), (Places{3, 2, 1, 0}));
  EXPECT_EQ(places({}, {}, 2, 5), (Places{0, 2, 4}));
  EXPECT_EQ(places({}, {}, -2, 5), (Places{4, 2, 0}));
  EXPECT_EQ(places(10, 0, -3, 8), (Places{7, 4, 1}));
  EXPECT_EQ(places(3, 1, 1, 4), Places{});
  EXPECT_EQ(places(-100, 100, 1, 2), (Places{0, 1}));
  EXPECT_EQ(places(1, -100, -1, 4), (Places{1, 0}));
  EXPECT_EQ(places({}, {}, PTRDIFF_MIN, 4), Places{3});
  EXPECT_EQ(places({}, {}, PTRDIFF_MAX, 4), Places{0});
  EXPECT_EQ(places({}, {}, 1, 0), Places{});
  EXPECT_EQ(places({}, {}, -1, 0), Places{});
}

TEST(SliceTest, AStepOfZeroIsAnError) {
  EXPECT_THROW((void)slice_of({}, {}, 0, 4), mp::ValueError);
}

}  // namespace
