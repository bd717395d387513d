// Handle: copies of it are one object, until the last is gone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "arena/message_handles.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/asked.hpp"

namespace {

using namespace arena_test;
using mp::detail::Handle;
using mp::detail::ObjectMaker;

constexpr int made_with = 4242;
constexpr ObjectMaker maker{sizeof(int), [](void* body) { *static_cast<int*>(body) = made_with; }};

// Before main, when no hook has run and no arena exists.
Handle global{maker};

using HandleTest = ArenaTest;

TEST_F(HandleTest, CopiesAreTheSameObjectUntilTheLastIsGone) {
  Handle first = Handle::make(100);
  *first.as<int>() = 7;
  Handle second = first;
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.body(), second.body());
  EXPECT_EQ(first.offset(), second.offset());
  first = {};
  EXPECT_EQ(*second.as<int>(), 7);
  EXPECT_EQ(objects(), 1U);
  second = Handle{};
  EXPECT_EQ(objects(), 0U);
}

TEST_F(HandleTest, AMovedFromHandleRefersToNothing) {
  Handle first = Handle::make(1);
  const Handle second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.body(), nullptr);
  EXPECT_EQ(first.offset(), 0U);
  EXPECT_TRUE(second);
}

TEST_F(HandleTest, AssigningAHandleToItselfKeepsTheObject) {
  Handle handle = Handle::make(1);
  Handle& same = handle;
  handle = same;
  EXPECT_TRUE(handle);
  EXPECT_EQ(objects(), 1U);
}

TEST_F(HandleTest, HandlesOfOneObjectAreEqualAndHashAlike) {
  const Handle first = Handle::make(1);
  const Handle other = Handle::make(1);
  const Handle copy = first;
  EXPECT_NE(first, other);
  EXPECT_EQ(std::hash<Handle>{}(first), std::hash<Handle>{}(copy));
  const std::unordered_set<Handle> set{first, other, copy, Handle{}, Handle{}};
  EXPECT_EQ(set.size(), 3U);
}

TEST_F(HandleTest, ALazyHandleThatIsOverwrittenCostsNoObject) {
  Handle lazy{maker};
  EXPECT_TRUE(lazy);
  EXPECT_EQ(objects(), 0U);
  lazy = Handle{};
  EXPECT_EQ(objects(), 0U);
}

TEST_F(HandleTest, ALazyHandleMakesItsObjectWhenItIsUsedCopiedOrCompared) {
  const Handle used{maker};
  EXPECT_EQ(*used.as<int>(), made_with);
  EXPECT_EQ(objects(), 1U);
  const Handle copied{maker};
  const Handle copy = copied;
  EXPECT_EQ(copy, copied);
  EXPECT_EQ(objects(), 2U);
  EXPECT_NE(Handle{maker}, Handle{maker});
  EXPECT_EQ(objects(), 2U);
}

TEST_F(HandleTest, ALazyHandleThatIsMovedOrSwappedIsMadeOnceAtItsNewPlace) {
  Handle first{maker};
  Handle second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
  Handle third{maker};
  const Handle made = Handle::make(1);
  Handle fourth = made;
  third.swap(fourth);
  second.swap(fourth);
  EXPECT_EQ(objects(), 1U);
  EXPECT_EQ(third, made);
  EXPECT_EQ(*second.as<int>(), made_with);
  EXPECT_EQ(*fourth.as<int>(), made_with);
  EXPECT_NE(second, fourth);
}

TEST_F(HandleTest, ALazyHandleOfAStaticObjectIsOneObjectForAllForkedChildren) {
  // The first fork of the process has made it.
  Child child{[] {
    *global.as<int>() += 1;
    return 0;
  }};
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(*global.as<int>(), made_with + 1);
  *global.as<int>() = made_with;
}

TEST_F(HandleTest, ThreadsThatUseALazyHandleAtOnceGetOneObject) {
  for (int round = 0; round < 50; ++round) {
    const Handle lazy{maker};
    std::atomic<int> ready{0};
    std::vector<std::uint64_t> seen(8);
    std::vector<std::thread> threads;
    for (std::uint64_t& offset : seen)
      threads.emplace_back([&] {
        ++ready;
        while (ready < 8) std::this_thread::yield();
        offset = Handle{lazy}.offset();
      });
    for (std::thread& thread : threads) thread.join();
    for (std::uint64_t offset : seen) EXPECT_EQ(offset, seen[0]);
    EXPECT_EQ(objects(), 1U);
  }
}

// A fork makes all lazy handles; one that is just being moved must not be unlinked twice.
TEST_F(HandleTest, LazyHandlesCanBeMovedWhileOtherThreadsFork) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        Handle first{maker};
        Handle second = std::move(first);
        Handle third{maker};
        third = std::move(second);
        static_cast<void>(third);
      }
    });
  for (int i = 0; i < test_support::fewer(100); ++i) {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    EXPECT_EQ(reap(pid), 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(HandleTest, ThreadsThatCopyAndDropOneHandleNeverLoseTheObject) {
  Handle shared = Handle::make(64);
  *shared.as<int>() = 5;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        const Handle copy = shared;
        const Handle again = Handle::of(copy.offset());
        EXPECT_EQ(*again.as<int>(), 5);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(HandleTest, SavingAHandleOutsideAMessageIsRefused) {
  const Handle handle = Handle::make(1);
  try {
    static_cast<void>(handle.save());
    ADD_FAILURE() << "no exception";
  } catch (const mp::SerializationError& error) {
    EXPECT_NE(std::string{error.what()}.find("processes of this family only"), std::string::npos);
  }
}

TEST_F(HandleTest, AHandleOfAnotherFamilyIsRefused) {
  const Handle handle = Handle::make(1);
  mp::detail::OutgoingHandles handles;
  const mp::detail::OutgoingHandles::Scope scope{handles};
  Handle::Wire wire = handle.save();
  wire.arena ^= 1;
  EXPECT_THROW(static_cast<void>(Handle::load(wire)), mp::SerializationError);
}

TEST_F(HandleTest, AHandleThatTheMessageDoesNotHoldIsRefused) {
  const Handle message = Handle::make(1, 2);
  std::uint64_t foreign = 0;
  mp::detail::OutgoingHandles handles;
  Handle::Wire wire{};
  {
    const mp::detail::OutgoingHandles::Scope scope{handles};
    wire = message.save();
  }
  Child other{[&] {
    const Handle theirs = Handle::make(1);
    mp::detail::hold(mp::detail::links_of(message)[0], theirs);
    return 0;
  }};
  EXPECT_EQ(other.join(), 0);
  auto links = mp::detail::links_of(message);
  foreign = mp::detail::handle_from(links[0]).offset();
  EXPECT_NE(foreign, 0U);
  for (const std::uint64_t offset : {foreign, foreign + 64, std::uint64_t{1}, ~std::uint64_t{0}}) {
    EXPECT_THROW(static_cast<void>(Handle::load({wire.arena, offset})), mp::SerializationError);
  }
  const mp::detail::IncomingHandles incoming{links};
  EXPECT_EQ(Handle::load({wire.arena, foreign}).offset(), foreign);
  EXPECT_THROW(static_cast<void>(Handle::load({wire.arena, foreign + 64})), mp::SerializationError);
  EXPECT_FALSE(Handle::load({wire.arena, 0}));
}

TEST_F(HandleTest, ALazyHandleMayHaveLinks) {
  static constexpr ObjectMaker linked{sizeof(int), nullptr, 3};
  const Handle holder{linked};
  const Handle held = Handle::make(1);
  EXPECT_NE(holder.body(), nullptr);
  const auto links = mp::detail::links_of(holder);
  ASSERT_EQ(links.size(), 3U);
  mp::detail::hold(links[2], held);
  EXPECT_EQ(mp::detail::holders_of(held), 2U);
}

struct Counted : mp::detail::LocalPart {
  explicit Counted(int& count) : alive(count) { ++alive; }
  ~Counted() override { --alive; }
  int& alive;
};

TEST_F(HandleTest, WhatAProcessKeepsBesideAnObjectGoesWithItsLastHandle) {
  int alive = 0;
  Handle first = Handle::make(1);
  EXPECT_EQ(first.local_part(), nullptr);
  auto* kept = new Counted{alive};
  ASSERT_TRUE(first.keep(nullptr, kept));
  EXPECT_FALSE(first.keep(nullptr, kept)) << "something is kept already";
  const Handle other = Handle::make(1);
  EXPECT_EQ(other.local_part(), nullptr);
  Handle second = first;
  first = {};
  EXPECT_EQ(second.local_part(), kept);
  ASSERT_TRUE(second.keep(kept, new Counted{alive}));
  delete kept;
  EXPECT_EQ(alive, 1);
  second = {};
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(Handle::make(1).local_part(), nullptr) << "in a record that is used again";
}

}  // namespace
