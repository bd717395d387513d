// Objects that hold objects, and messages that carry handles.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <utility>

#include "arena/blocks.hpp"
#include "arena/message_handles.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace arena_test;
using mp::detail::Block;
using mp::detail::data_of;
using mp::detail::exists;
using mp::detail::Handle;
using mp::detail::handle_from;
using mp::detail::hold;
using mp::detail::links_of;
using mp::detail::name_of;
using mp::detail::ObjectName;
using mp::detail::OutgoingHandles;
using mp::detail::release;

using MessageHandlesTest = ArenaTest;

TEST_F(MessageHandlesTest, SavedHandlesAreCollectedOnceEachAndKeptAlive) {
  OutgoingHandles handles;
  {
    const Handle first = Handle::make(1);
    const Handle second = Handle::make(1);
    const OutgoingHandles::Scope scope{handles};
    static_cast<void>(first.save());
    static_cast<void>(second.save());
    static_cast<void>(Handle{first}.save());
  }
  EXPECT_EQ(handles.handles().size(), 2U);
  EXPECT_EQ(objects(), 2U);
}

TEST_F(MessageHandlesTest, ANameTellsWhetherItsObjectIsStillHeld) {
  const Handle outer = Handle::make(1, 1);
  Handle inner = Handle::make(100);
  const ObjectName name = name_of(inner);
  EXPECT_NE(name, name_of(outer));
  hold(links_of(outer)[0], inner);
  inner = {};
  EXPECT_TRUE(exists(name));
  release(links_of(outer)[0]);
  EXPECT_FALSE(exists(name));
  for (int i = 0; i < 3000; ++i) {  // in the same place again, some time
    const Handle next = Handle::make(100);
    EXPECT_NE(name, name_of(next));
    EXPECT_FALSE(exists(name));
  }
}

TEST_F(MessageHandlesTest, WhoHoldsANamedObjectAndDiesLetsItGo) {
  const Shared<ObjectName> name;
  Child child{[&] {
    const Handle handle = Handle::make(1);
    *name = name_of(handle);
    return exists(*name) ? (::raise(SIGKILL), 1) : 2;
  }};
  EXPECT_EQ(child.join_unsettled(), -SIGKILL);
  EXPECT_TRUE(exists(*name));
  mp::arena_sweep();
  EXPECT_FALSE(exists(*name));
}

TEST_F(MessageHandlesTest, AScopeInsideAnotherCollectsForItself) {
  OutgoingHandles outer;
  OutgoingHandles inner;
  const Handle handle = Handle::make(1);
  const OutgoingHandles::Scope outside{outer};
  {
    const OutgoingHandles::Scope inside{inner};
    static_cast<void>(handle.save());
  }
  EXPECT_TRUE(outer.handles().empty());
  EXPECT_EQ(inner.handles().size(), 1U);
  static_cast<void>(handle.save());
  EXPECT_EQ(outer.handles().size(), 1U);
}

TEST_F(MessageHandlesTest, AScopeCollectsOnItsOwnThreadAlone) {
  OutgoingHandles handles;
  const OutgoingHandles::Scope scope{handles};
  const Handle handle = Handle::make(1);
  std::thread other{
      [&] { EXPECT_THROW(static_cast<void>(handle.save()), mp::SerializationError); }};
  other.join();
}

TEST_F(MessageHandlesTest, ALinkHoldsItsObjectAfterAllHandlesAreGone) {
  const Handle message = Handle::make(10, 3);
  {
    const Handle object = Handle::make(20);
    std::strcpy(object.as<char>(), "still here");
    hold(links_of(message)[1], object);
  }
  EXPECT_EQ(objects(), 2U);
  EXPECT_STREQ(handle_from(links_of(message)[1]).as<char>(), "still here");
  release(links_of(message)[1]);
  EXPECT_EQ(objects(), 1U);
  release(links_of(message)[1]);  // an empty link holds nothing
  EXPECT_FALSE(handle_from(links_of(message)[1]));
}

TEST_F(MessageHandlesTest, WhatAnObjectHoldsGoesWithIt) {
  {
    const Handle outer = Handle::make(1, 2);
    const Handle inner = Handle::make(1, 2);
    hold(links_of(inner)[0], Handle::make(1));
    hold(links_of(outer)[0], inner);
    hold(links_of(outer)[1], inner);
    EXPECT_EQ(objects(), 3U);
  }
  EXPECT_EQ(objects(), 0U);
}

TEST_F(MessageHandlesTest, PartsAreFreedWithTheirObjectAndRelease) {
  const auto blocks = mp::arena_usage().blocks;
  {
    const Handle object = Handle::make(1, 3);
    auto links = links_of(object);
    for (std::size_t bytes : {10, 50'000}) {
      Block part{bytes, 1};
      std::strcpy(static_cast<char*>(part.data()), "part");
      hold(part.links()[0], Handle::make(1));
      std::move(part).give_to(links[0]);
      EXPECT_FALSE(part);  // NOLINT(bugprone-use-after-move)
      EXPECT_STREQ(static_cast<char*>(data_of(links[0])), "part");
      EXPECT_EQ(links_of(links[0]).size(), 1U);
      EXPECT_EQ(mp::arena_usage().blocks, blocks + 3);
      release(links[0]);
      EXPECT_EQ(mp::arena_usage().blocks, blocks + 1);
      EXPECT_EQ(data_of(links[0]), nullptr);
    }
    Block{10}.give_to(links[1]);
    Block{100'000}.give_to(links[2]);
  }
  EXPECT_EQ(mp::arena_usage().blocks, blocks);
}

TEST_F(MessageHandlesTest, PartsOfPartsGoWithTheOutermost) {
  const Handle object = Handle::make(1, 1);
  Block outer{1, 1};
  Block{1}.give_to(outer.links()[0]);
  std::move(outer).give_to(links_of(object)[0]);
  EXPECT_NE(data_of(links_of(links_of(object)[0])[0]), nullptr);
}

TEST_F(MessageHandlesTest, AMessagePassesAHandleToAnotherProcess) {
  const Handle message = Handle::make(sizeof(Handle::Wire), 1);
  Gate sent;
  Child receiver{[&] {
    if (!sent.wait()) return 1;
    const mp::detail::IncomingHandles incoming{links_of(message)};
    const Handle received = Handle::load(*message.as<Handle::Wire>());
    release(links_of(message)[0]);
    return *received.as<int>() == 99 ? 0 : 2;
  }};
  {
    const Handle object = Handle::make(4);
    *object.as<int>() = 99;
    OutgoingHandles handles;
    const OutgoingHandles::Scope scope{handles};
    *message.as<Handle::Wire>() = object.save();
    hold(links_of(message)[0], object);
  }
  sent.open();
  EXPECT_EQ(receiver.join(), 0);
  EXPECT_EQ(objects(), 1U);
}

TEST_F(MessageHandlesTest, AnUnreadMessageOfTheDeadDropsWhatItHolds) {
  Child sender{[] {
    const Handle message = Handle::make(1, 1);
    hold(links_of(message)[0], Handle::make(1));
    return ::raise(SIGKILL);
  }};
  EXPECT_EQ(sender.join(), -SIGKILL);
  EXPECT_EQ(objects(), 0U);
}

TEST_F(MessageHandlesTest, ABlockOfAnotherProcessCannotBeGivenAway) {
  const Handle object = Handle::make(1, 1);
  Block block{10};
  const pid_t pid = fork();
  if (pid == 0) {
    end_with([&] {
      try {
        std::move(block).give_to(links_of(object)[0]);
      } catch (const mp::ProcessError&) {
        return 0;
      }
      return 1;
    });
  }
  EXPECT_EQ(reap(pid), 0);
}

}  // namespace
