// Value and RawValue, by every start method.
#include "multiprocessing/sharedctypes/value.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/sharedctypes/copy.hpp"
#include "multiprocessing/sharedctypes/submodule.hpp"
#include "multiprocessing/synchronize.hpp"
#include "synchronize/synchronize_suite.hpp"

namespace {

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using synchronize_test::run_in_child;

static_assert(std::is_same_v<mp::sharedctypes::Value<int>, mp::Value<int>>);

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
struct Wide {
  std::int64_t words[5];
};
struct alignas(64) Aligned {
  int number;
};
enum class Colour : std::uint8_t { red, green };

class ValueTest : public synchronize_test::ArenaTest {};
class SharedValueTest : public synchronize_test::EveryMethodTest {};
FOR_EVERY_START_METHOD(SharedValueTest);

template <class V>
void store(V value, decltype(std::declval<V>().value()) wanted) {
  value.set_value(wanted);
}

// CPython: _TestValue.test_value, _TestSharedCTypes.test_sharedctypes
TEST_P(SharedValueTest, WhatAChildStoresIsSeenHere) {
  const mp::Value<int> number{7};
  const mp::Value<double> real{3.5};
  const mp::Value<std::int64_t> large{1};
  const mp::Value<char> letter{'a'};
  const mp::Value<Colour> colour{Colour::red};
  const mp::Value<Point> point{Point{1, 2}};
  EXPECT_EQ(run_in_child(store<mp::Value<int>>, number, -8), 0);
  EXPECT_EQ(run_in_child(store<mp::Value<double>>, real, -4.25), 0);
  EXPECT_EQ(run_in_child(store<mp::Value<std::int64_t>>, large, std::int64_t{1} << 62), 0);
  EXPECT_EQ(run_in_child(store<mp::Value<char>>, letter, 'z'), 0);
  EXPECT_EQ(run_in_child(store<mp::Value<Colour>>, colour, Colour::green), 0);
  EXPECT_EQ(run_in_child([](mp::Value<Point> p) { p->y = 9; }, point), 0);
  EXPECT_EQ(number.value(), -8);
  EXPECT_EQ(real.value(), -4.25);
  EXPECT_EQ(large.value(), std::int64_t{1} << 62);
  EXPECT_EQ(letter.value(), 'z');
  EXPECT_EQ(colour.value(), Colour::green);
  EXPECT_EQ(point.value(), (Point{1, 9}));
}

// CPython: _TestValue.test_rawvalue
TEST_P(SharedValueTest, WhatAChildStoresWithoutALockIsSeenHere) {
  const mp::RawValue<int> number{7};
  const mp::RawValue<Point> point;
  EXPECT_EQ(point.value(), Point{});
  EXPECT_EQ(run_in_child(store<mp::RawValue<int>>, number, -8), 0);
  EXPECT_EQ(run_in_child([](mp::RawValue<Point> p) { p->x = 2.5; }, point), 0);
  EXPECT_EQ(number.value(), -8);
  EXPECT_EQ(point.get_obj().x, 2.5);
}

// CPython: _TestValue.test_getobj_getlock
TEST_F(ValueTest, ItsPartsAreTheObjectAndTheLock) {
  const mp::Value<int> own{5};
  EXPECT_EQ(own.get_obj(), 5);
  static_assert(std::is_same_v<decltype(own.get_lock()), const mp::RLock&>);
  const mp::Lock lock;
  const mp::Value given{5, lock};
  EXPECT_EQ(given.get_lock(), lock);
  const std::scoped_lock guard{lock};
  EXPECT_FALSE(given.try_lock());
}

TEST_F(ValueTest, IsZeroWhenNothingIsSaid) {
  EXPECT_EQ(mp::Value<int>{}.value(), 0);
  EXPECT_EQ(mp::RawValue<Point>{}.value(), Point{});
  const mp::Value<Aligned> aligned;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&aligned.get_obj()) % 64, 0U);
}

TEST_F(ValueTest, CopiesAreTheSameObjectAndHashAlike) {
  const mp::Lock lock;
  const mp::Value a{1, lock};
  const mp::Value b{1, lock};
  const auto copy = a;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(a, copy);
  EXPECT_NE(a, b);
  EXPECT_EQ((std::unordered_set<mp::Value<int, mp::Lock>>{a, b, copy}.size()), 2U);
}

// CPython: _TestSharedCTypes.test_copy
TEST_F(ValueTest, ACopyOfTheObjectIsIndependent) {
  const mp::RawValue<Point> first{Point{1, 2}};
  const auto second = mp::copy(first);
  first->x = 10;
  EXPECT_EQ(second.value(), (Point{1, 2}));
}

TEST_F(ValueTest, ARawOneIsGivenALockLater) {
  const mp::RawValue<int> raw{4};
  const mp::Lock lock;
  const auto locked = mp::synchronized(raw, lock);
  locked.set_value(5);
  EXPECT_EQ(raw.value(), 5);
  EXPECT_EQ(locked.get_lock(), lock);
}

// CPython: _TestSharedCTypes.test_synchronize
TEST_P(SharedValueTest, UpdatesOfManyProcessesLoseNothing) {
  constexpr int times = 2000;
  const mp::Value<int> number{0};
  const mp::Value<Wide> wide;
  std::vector<mp::Process> children;
  for (int i = 0; i < 3; ++i) {
    children.emplace_back(
        [](mp::Value<int> n, mp::Value<Wide> w) {
          for (int k = 0; k < times; ++k) {
            n.update([](int& at) { ++at; });
            n.fetch_add(1);  // between the other's look and its store
            w.update([](Wide& at) {
              for (auto& word : at.words) ++word;
            });
          }
        },
        number, wide);
    children.back().start();
  }
  for (auto& child : children) child.join();
  EXPECT_EQ(number.value(), 3 * 2 * times);
  for (const auto word : wide.value().words) EXPECT_EQ(word, 3 * times);
}

TEST_F(ValueTest, UpdateGivesWhatItsFunctionGives) {
  const mp::Value<int> number{3};
  EXPECT_EQ(number.update([](int& n) { return n++; }), 3);
  EXPECT_EQ(number.value(), 4);
}

TEST_F(ValueTest, AnUpdateThatThrowsLeavesANumberAndFreesTheLock) {
  const mp::Value<int> number{3};
  const auto fail = [](int& n) {
    n = 100;
    throw std::runtime_error("on purpose");
  };
  EXPECT_THROW(number.update(fail), std::runtime_error);
  EXPECT_EQ(number.value(), 3);
  EXPECT_FALSE(number.locked());
}

TEST_F(ValueTest, NumbersChangeInOneStep) {
  const mp::Value<unsigned> number{~0U};
  EXPECT_EQ(number.fetch_add(2), ~0U);
  EXPECT_EQ(number.value(), 1U);
  EXPECT_EQ(number.exchange(8), 1U);
  unsigned expected = 7;
  EXPECT_FALSE(number.compare_exchange(expected, 9));
  EXPECT_EQ(expected, 8U);
  EXPECT_TRUE(number.compare_exchange(expected, 9));
  EXPECT_EQ(number.value(), 9U);
}

TEST_P(SharedValueTest, AWaiterIsToldThatTheNumberChanged) {
  const mp::Value<int> number{0};
  const mp::Value<int> answer{0};
  mp::Process child{[](mp::Value<int> n, mp::Value<int> a) {
                      n.wait(0);
                      a.set_value(n.value() + 1);
                      a.notify_one();
                    },
                    number, answer};
  child.start();
  number.set_value(41);
  number.notify_all();
  answer.wait(0);
  EXPECT_EQ(answer.value(), 42);
  child.join();
}

TEST_F(ValueTest, AWaitEndsWithItsTimeout) {
  const mp::Value<int> number{3};
  EXPECT_TRUE(number.wait(2, 0s));
  EXPECT_FALSE(number.wait(3, 0s));
  EXPECT_FALSE(number.wait(3, -1s));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(number.wait(3, 30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
}

// A process changed it, and was killed before it could notify.
TEST_P(SharedValueTest, AChangeThatWasNeverNotifiedIsSeen) {
  const mp::Value<int> number{0};
  mp::Process child{[](mp::Value<int> n) {
                      n.set_value(1);
                      kill(getpid(), SIGKILL);
                    },
                    number};
  child.start();
  number.wait(0);
  EXPECT_EQ(number.value(), 1);
  child.join();
}

// W35: to a holder of its lock a struct is before or after a change, and the lock says when it is
// not.
TEST_P(SharedValueTest, WhoIsKilledInAnUpdateLeavesALockThatSaysSo) {
  const mp::Value<Point> point{Point{1, 1}};
  const mp::Value<int> number{1};
  const int code = run_in_child(
      [](mp::Value<Point> p, mp::Value<int> n) {
        const std::scoped_lock also{n.get_lock()};
        p.update([](Point& at) {
          at.x = 2;
          kill(getpid(), SIGKILL);
        });
      },
      point, number);
  EXPECT_EQ(code, -SIGKILL);
  EXPECT_THROW((void)point.value(), mp::OwnerDied);
  EXPECT_THROW(number.set_value(3), mp::OwnerDied);
  EXPECT_EQ(number.fetch_add(1), 1);  // which needs no lock
  point.recover();
  EXPECT_EQ(point.get_obj(), (Point{2, 1}));
  point.set_value({2, 2});
  point.release();
  EXPECT_EQ(point.value(), (Point{2, 2}));
  number.recover();
  number.release();
}

const mp::Value<int> global{5};  // made before main, in each spawned child a different one

TEST_P(SharedValueTest, OneThatAGlobalHoldsGoesIntoChildrenAsAnArgument) {
  global.set_value(5);
  EXPECT_EQ(run_in_child([](mp::Value<int> n) { n.fetch_add(1); }, global), 0);
  EXPECT_EQ(global.value(), 6);
}

}  // namespace
