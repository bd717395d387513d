// Array and RawArray, by every start method.
#include "multiprocessing/sharedctypes/array.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/sharedctypes/copy.hpp"
#include "multiprocessing/synchronize.hpp"
#include "synchronize/synchronize_suite.hpp"

namespace {

namespace mp = multiprocessing;
using synchronize_test::run_in_child;

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

class ArrayTest : public synchronize_test::ArenaTest {};
class SharedArrayTest : public synchronize_test::EveryMethodTest {};
FOR_EVERY_START_METHOD(SharedArrayTest);

using Numbers = std::vector<int>;

// CPython: _TestArray.test_array
TEST_P(SharedArrayTest, AChildAddsUpWhatIsReadHere) {
  const Numbers items{680, 626, 934, 821, 150, 233, 548, 982, 714, 831};
  const mp::Array<int> array(items);
  EXPECT_EQ(array.size(), items.size());
  EXPECT_EQ(array[3], 821);
  EXPECT_EQ(array.slice(2, 7), Numbers(items.begin() + 2, items.begin() + 7));
  array.set_slice(4, 8, {1, 2, 3, 4});
  EXPECT_EQ(array.slice(4, 8), (Numbers{1, 2, 3, 4}));

  Numbers expected = array.slice();
  std::partial_sum(expected.begin(), expected.end(), expected.begin());
  const auto add_up = [](mp::Array<int> a) {
    for (std::size_t i = 1; i < a.size(); ++i) {
      const auto at = static_cast<std::ptrdiff_t>(i);
      a[at] += a[at - 1];
    }
  };
  EXPECT_EQ(run_in_child(add_up, array), 0);
  EXPECT_EQ(array.slice(), expected);
}

// CPython: _TestArray.test_rawarray
TEST_P(SharedArrayTest, ARawOneIsARangeThatAChildChanges) {
  const mp::RawArray<int> array{3, 1, 2};
  EXPECT_EQ(run_in_child([](mp::RawArray<int> a) { std::ranges::sort(a); }, array), 0);
  EXPECT_EQ(Numbers(array.begin(), array.end()), (Numbers{1, 2, 3}));
  EXPECT_EQ(array[-1], 3);
}

// CPython: _TestArray.test_array_from_size
TEST_F(ArrayTest, IsZeroedAlsoWhereOthersWereBefore) {
  for (int round = 0; round < 3; ++round) {
    const mp::Array<int> array(10);
    EXPECT_EQ(array.slice(), Numbers(10, 0));
    array.update([&](std::span<int> all) { std::ranges::fill(all, round + 1); });
    EXPECT_EQ(array.slice(), Numbers(10, round + 1));
  }
}

// CPython: _TestArray.test_getobj_getlock_obj
TEST_F(ArrayTest, ItsPartsAreTheElementsAndTheLock) {
  const mp::Lock lock;
  const mp::Array<int, mp::Lock> array{{1, 2, 3}, lock};
  EXPECT_EQ(array.get_lock(), lock);
  EXPECT_EQ(array.get_obj().size(), 3U);
  EXPECT_EQ(array.get_obj()[1], 2);
  const std::scoped_lock guard{array};
  EXPECT_FALSE(lock.try_lock());
}

TEST_F(ArrayTest, IndicesAndSlicesArePythons) {
  const mp::Array<int> array{0, 1, 2, 3, 4};
  EXPECT_EQ(array[-5], 0);
  EXPECT_THROW((void)array[5], mp::IndexError);
  EXPECT_THROW((void)array[-6], mp::IndexError);
  EXPECT_EQ(array.slice({}, {}, -2), (Numbers{4, 2, 0}));
  EXPECT_EQ(array.slice(-2), (Numbers{3, 4}));
  EXPECT_EQ(array.slice({}, 2), (Numbers{0, 1}));
  array.set_slice({}, {}, {7, 8, 9}, 2);
  EXPECT_EQ(array.slice(), (Numbers{7, 1, 8, 3, 9}));
  EXPECT_THROW(array.set_slice(0, 2, {1}), mp::ValueError);
  EXPECT_EQ(array.slice(0, 2), (Numbers{7, 1}));
}

TEST_F(ArrayTest, AWholeArrayIsAssignedFromAnyRangeOfAsMany) {
  const mp::Array<double> array(3);
  array.set_slice(std::vector{1.5, 2.5, 3.5});
  EXPECT_EQ(array.slice(), (std::vector{1.5, 2.5, 3.5}));
  array.set_slice(std::list{4, 5, 6});  // they become what the elements are
  EXPECT_EQ(array.slice(), (std::vector{4.0, 5.0, 6.0}));
  array.set_slice({7, 8, 9});
  EXPECT_EQ(array.slice(), (std::vector{7.0, 8.0, 9.0}));
  array.set_slice({}, {}, std::vector{30, 10}, -2);
  EXPECT_EQ(array.slice(), (std::vector{10.0, 8.0, 30.0}));
}

TEST_F(ArrayTest, WhatHasAnotherSizeIsAssignedToNoElement) {
  const mp::Array<int> array{1, 2, 3};
  for (const Numbers& other : {Numbers{}, Numbers{9, 9}, Numbers{9, 9, 9, 9}}) {
    EXPECT_THROW(array.set_slice(other), mp::ValueError);
    EXPECT_THROW(array.set_slice({}, {}, other, -1), mp::ValueError);
    EXPECT_THROW(mp::RawArray<int>(3).set_slice(other), mp::ValueError);
  }
  EXPECT_THROW(array.set_slice({}, {}, Numbers{9, 9, 9}, 0), mp::ValueError);
  EXPECT_THROW(array.set_slice({}, {}, Numbers{9}, 2), mp::ValueError);
  EXPECT_EQ(array.slice(), (Numbers{1, 2, 3}));
}

TEST_F(ArrayTest, TextIsAssignedToASliceOfChars) {
  const mp::Array<char> array(5);
  array.set_slice("hello");  // without the NUL behind it
  array.set_slice(0, 1, std::string{"J"});
  EXPECT_EQ(array.value(), "Jello");
  EXPECT_THROW(array.set_slice("hello!"), mp::ValueError);
}

TEST_F(ArrayTest, RawArraysHaveSlicesToo) {
  const mp::RawArray<int> raw{0, 1, 2, 3, 4};
  EXPECT_EQ(raw.slice(1, -1), (Numbers{1, 2, 3}));
  EXPECT_EQ(raw.slice({}, {}, -2), (Numbers{4, 2, 0}));
  raw.set_slice(raw.slice({}, {}, -1));
  EXPECT_EQ(raw.slice(), (Numbers{4, 3, 2, 1, 0}));
  raw.set_slice({}, {}, {7, 8, 9}, 2);
  EXPECT_EQ(raw.slice(), (Numbers{7, 3, 8, 1, 9}));
  mp::Array<int>(5).set_slice(raw);  // an array is a range
}

TEST_P(SharedArrayTest, AChildAssignsASlice) {
  const mp::Array<int> array(4);
  const auto assign = [](mp::Array<int> a, const Numbers& numbers) { a.set_slice(numbers); };
  run_in_child(assign, array, Numbers{1, 2, 3, 4});
  EXPECT_EQ(array.slice(), (Numbers{1, 2, 3, 4}));
}

TEST_F(ArrayTest, ElementsAreCopiedAndChangedUnderTheLock) {
  const mp::Array<int> a{1, 2};
  const mp::Array<int> b{10, 20};
  a[0] = b[1];
  a[1] += 5;
  EXPECT_EQ(a.slice(), (Numbers{20, 7}));
  const mp::Array<Point> points(2);
  points[1]->y = 2.5;
  EXPECT_EQ(points[1], (Point{0, 2.5}));
}

TEST_F(ArrayTest, IsMadeOfAnyRange) {
  const std::list<short> listed{1, 2, 3};
  EXPECT_EQ(mp::Array<int>(listed).slice(), (Numbers{1, 2, 3}));
  const std::vector<bool> flags{true, false};
  EXPECT_EQ(mp::Array<bool>(flags).slice(), flags);
  EXPECT_EQ(mp::Array<int>(std::vector<int>{}).size(), 0U);
  EXPECT_EQ(mp::Array<int>(0).slice(), Numbers{});
  EXPECT_EQ(mp::Array<int>{}.size(), 0U);
}

TEST_F(ArrayTest, MoreElementsThanAnyMemoryHoldsAreRefused) {
  EXPECT_THROW(mp::Array<int>(static_cast<std::size_t>(-1)), mp::ValueError);
  EXPECT_THROW(mp::RawArray<double>(std::size_t{1} << 61), mp::ValueError);
  EXPECT_THROW(mp::RawArray<double>(std::size_t{1} << 50), mp::OSError);
}

// CPython: _TestSharedCTypes.test_sharedctypes
TEST_P(SharedArrayTest, AChildDoublesATextAndAStruct) {
  const mp::Array<char> text("hello");
  const mp::Array<Point> points{{1, 2}, {3, 4}};
  const auto twice = [](mp::Array<char> t, mp::Array<Point> p) {
    t.set_value("bye");
    for (std::size_t i = 0; i < p.size(); ++i) p[static_cast<std::ptrdiff_t>(i)]->x *= 2;
  };
  EXPECT_EQ(run_in_child(twice, text, points), 0);
  EXPECT_EQ(text.value(), "bye");
  EXPECT_EQ(text.raw(), mp::Bytes{std::string_view("bye\0o", 5)});
  EXPECT_EQ(points.slice(), (std::vector<Point>{{2, 2}, {6, 4}}));
}

TEST_F(ArrayTest, ATextIsAsLongAsItsArrayAtMost) {
  const mp::Array<char> text("hello");
  text.set_value("HELLO");
  EXPECT_EQ(text.value(), "HELLO");
  EXPECT_THROW(text.set_value("HELLO!"), mp::ValueError);
  EXPECT_EQ(text.value(), "HELLO");
  const mp::Array<char> letters(std::size_t{4});
  EXPECT_EQ(letters.value(), "");
}

// CPython: _TestSharedCTypes.test_copy
TEST_F(ArrayTest, ACopyIsIndependentAndARawOneIsGivenALock) {
  const mp::RawArray<int> first{1, 2};
  const auto second = mp::copy(first);
  const auto locked = mp::synchronized(first);
  locked[0] = 9;
  EXPECT_EQ(first[0], 9);
  EXPECT_EQ(second[0], 1);
}

// A handle is sent and not what it refers to; nothing is reserved that is not touched.
TEST_P(SharedArrayTest, FourGibibytesArePassedAtTheCostOfAHandle) {
  constexpr std::size_t count = (std::size_t{4} << 30) / sizeof(double);
  mp::RawArray<double> array;
  try {
    array = mp::RawArray<double>(count, {.sparse = true});
  } catch (const mp::OSError&) {
    GTEST_SKIP() << "the arena of this build is smaller";
  }
  const auto touch = [](mp::RawArray<double> a) { a[-1] = a[0] + 1; };
  array[0] = 1;
  EXPECT_EQ(run_in_child(touch, array), 0);
  EXPECT_EQ(array[-1], 2);
}

TEST_P(SharedArrayTest, WhoIsKilledInAnUpdateLeavesALockThatSaysSo) {
  const mp::Array<int> array(3);
  const auto die = [](mp::Array<int> a) {
    a.update([](std::span<int> all) {
      all[0] = 1;
      kill(getpid(), SIGKILL);
    });
  };
  EXPECT_EQ(run_in_child(die, array), -SIGKILL);
  EXPECT_THROW((void)static_cast<int>(array[0]), mp::OwnerDied);
  EXPECT_THROW((void)array.slice(), mp::OwnerDied);
  array.recover();
  EXPECT_EQ(array.get_obj()[0], 1);
  array.release();
  EXPECT_EQ(array[0], 1);
}

int errors_of_empty_ones(mp::Array<int> a, mp::RawArray<double> r, mp::Array<char> text) {
  int wrong = static_cast<int>(a.size() + r.size() + text.size() + a.slice().size() +
                               a.get_obj().size() + text.value().size());
  for (const std::ptrdiff_t index : {0, -1}) {
    try {
      a[index] = 1;
      ++wrong;
    } catch (const mp::IndexError&) {
    }
  }
  return wrong;
}

TEST_P(SharedArrayTest, ThoseOfNothingHaveNoElementsInChildrenEither) {
  const mp::Array<int> a(0);
  const mp::RawArray<double> r(0);
  const mp::Array<char> text(std::string_view{});
  EXPECT_EQ(errors_of_empty_ones(a, r, text), 0);
  EXPECT_EQ(
      run_in_child([](auto... all) { throw mp::Exit{errors_of_empty_ones(all...)}; }, a, r, text),
      0);
}

struct Register {  // of a device; memory is shared as it is
  unsigned low : 3;
  unsigned high : 29;
};
struct __attribute__((packed)) Header {
  char kind;
  unsigned length;
};
struct Event {
  int kind;
  union {
    int code;
    float level;
  };
};

TEST_F(ArrayTest, MayHoldBitFieldsPackedStructsAndUnions) {
  const mp::Array<Register> registers{{5, 123456}};
  EXPECT_EQ(static_cast<Register>(registers[0]).high, 123456U);
  const mp::RawArray<Header> headers{{'a', 70000}};
  EXPECT_EQ(+headers[0].length, 70000U);
  const mp::RawArray<Event> events{{1, {2}}};
  EXPECT_EQ(events[0].code, 2);
}

}  // namespace
