// ArenaAllocator: Boost's containers in the arena, shared by processes that die.
#include "multiprocessing/arena/allocator.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <boost/container/flat_map.hpp>
#include <boost/container/map.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>

#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "arena/owner_lock.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "support/asked.hpp"

namespace {

using namespace arena_test;
using mp::detail::Handle;
using mp::detail::OwnerGuard;
using mp::detail::OwnerLock;

template <class T>
using Vector = boost::container::vector<T, mp::ArenaAllocator<T>>;
using Text = boost::container::basic_string<char, std::char_traits<char>, mp::ArenaAllocator<char>>;
using Map =
    boost::container::map<int, Text, std::less<>, mp::ArenaAllocator<std::pair<const int, Text>>>;
using FlatMap =
    boost::container::flat_map<int, int, std::less<>, mp::ArenaAllocator<std::pair<int, int>>>;

struct Containers {
  explicit Containers(const Handle& object)
      : numbers(object), names(std::less<>{}, object), squares(std::less<>{}, object) {}
  OwnerLock lock;
  Vector<int> numbers;
  Map names;
  FlatMap squares;
};

Handle make_containers() {
  Handle object = Handle::make(sizeof(Containers));
  new (object.body()) Containers{object};
  return object;
}

using AllocatorTest = ArenaTest;

TEST_F(AllocatorTest, AllocatorsOfOneObjectAreEqual) {
  const Handle first = Handle::make(1);
  const Handle other = Handle::make(1);
  const mp::ArenaAllocator<int> a{first};
  const mp::ArenaAllocator<char> b{a};
  EXPECT_TRUE(a == b);
  EXPECT_TRUE(a != mp::ArenaAllocator<int>{other});
}

TEST_F(AllocatorTest, ContainersAreFilledByOneProcessAndReadByAnother) {
  const Handle object = make_containers();
  Child writer{[&] {
    auto& shared = *object.as<Containers>();
    const OwnerGuard guard{shared.lock};
    for (int i = 0; i < 10'000; ++i) {
      shared.numbers.push_back(i);
      shared.squares.emplace(i, i * i);
    }
    for (int i = 0; i < 100; ++i)
      shared.names.emplace(i,
                           Text{std::string(100, 'x').c_str(), mp::ArenaAllocator<char>{object}});
    return 0;
  }};
  EXPECT_EQ(writer.join(), 0);
  auto& shared = *object.as<Containers>();
  mp::detail::reach_members();
  EXPECT_EQ(shared.numbers.size(), 10'000U);
  EXPECT_EQ(shared.numbers[9999], 9999);
  EXPECT_EQ(shared.squares.at(99), 99 * 99);
  EXPECT_EQ(shared.names.at(42), std::string(100, 'x').c_str());
  shared.names.erase(42);
  shared.numbers.clear();
  shared.numbers.shrink_to_fit();
}

TEST_F(AllocatorTest, MemoryOfAContainerGoesWithItsObjectWhoeverDropsIt) {
  Handle object = make_containers();
  Gate filled;
  Child last{[&] {
    object.as<Containers>()->numbers.resize(100'000);
    filled.open();
    return pause();
  }};
  EXPECT_TRUE(filled.wait());
  object = {};
  EXPECT_EQ(objects(), 1U);
  EXPECT_EQ(last.kill(), -SIGKILL);
  EXPECT_EQ(objects(), 0U);
}

TEST_F(AllocatorTest, FreeingTwiceOrOfAnotherObjectDoesNothing) {
  const Handle first = Handle::make(1);
  const Handle other = Handle::make(1);
  const auto blocks = mp::arena_usage().blocks;
  mp::ArenaAllocator<int> allocator{first};
  const auto memory = allocator.allocate(10);
  mp::ArenaAllocator<int>{other}.deallocate(memory, 10);
  EXPECT_EQ(mp::arena_usage().blocks, blocks + 1);
  allocator.deallocate(memory, 10);
  allocator.deallocate(memory, 10);
  EXPECT_EQ(mp::arena_usage().blocks, blocks);
}

TEST_F(AllocatorTest, AnImpossibleSizeIsRefused) {
  const Handle object = Handle::make(1);
  mp::ArenaAllocator<int> allocator{object};
  EXPECT_THROW(static_cast<void>(allocator.allocate(~std::size_t{0} / 2)),
               std::bad_array_new_length);
}

/// Pushes until killed; mends what a dead one left half changed.
[[noreturn]] void push_for_ever(const Handle& object, unsigned seed) {
  auto& shared = *object.as<Containers>();
  std::mt19937 random{seed};
  for (;;) {
    const OwnerGuard guard{shared.lock};
    mp::detail::reach_members();
    if (guard.from_the_dead() || shared.numbers.size() > 3000) {
      mp::detail::free_members(object);
      new (&shared.numbers) Vector<int>{object};
      new (&shared.names) Map{std::less<>{}, object};
      new (&shared.squares) FlatMap{std::less<>{}, object};
    }
    const int key = static_cast<int>(random() % 5000);
    shared.numbers.push_back(key);
    shared.squares[key] = key;
    shared.names.insert_or_assign(
        key, Text{std::string(random() % 200, 'y').c_str(), mp::ArenaAllocator<char>{object}});
  }
}

TEST_F(AllocatorTest, ProcessesKilledInMidPushLeaveNothingBehind) {
  const Handle object = make_containers();
  auto pusher = [&](unsigned seed) {
    return Child{[&, seed]() -> int { push_for_ever(object, seed); }};
  };
  std::vector<Child> pushers;
  for (unsigned i = 0; i < 3; ++i) pushers.push_back(pusher(i));
  std::mt19937 random{7};
  for (int i = 0; i < test_support::fewer(100); ++i) {
    usleep(static_cast<useconds_t>(random() % 3000));
    Child& victim = pushers[random() % 3];
    EXPECT_EQ(victim.kill(), -SIGKILL);
    victim = pusher(static_cast<unsigned>(i) + 10);
  }
  for (const char* point : {"arena.member.counted", "arena.member.after_commit",
                            "arena.settle.block_taken", "arena.claim.after_name"}) {
    Child victim{[&]() -> int {
      mp::detail::arm_fail_point(point, 20);
      push_for_ever(object, 99);
    }};
    EXPECT_EQ(victim.join(), -SIGKILL) << point;
  }
  for (Child& each : pushers) EXPECT_EQ(each.kill(), -SIGKILL);
}

}  // namespace
