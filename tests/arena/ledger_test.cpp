// Reference tables, when processes die in the middle of a change.
#include <gtest/gtest.h>
#include <signal.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "arena/birth.hpp"
#include "arena/blocks.hpp"
#include "arena/message_handles.hpp"
#include "arena/settle.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"

namespace {

using namespace arena_test;
using mp::detail::arm_fail_point;
using mp::detail::Block;
using mp::detail::Handle;
using mp::detail::handle_from;
using mp::detail::hold;
using mp::detail::links_of;
using mp::detail::release;

using LedgerTest = ArenaTest;

/// A child that runs `body` with a kill at `point`; not settled.
template <class Body>
Child killed_at(const std::string& point, Body body) {
  Child child{[&] {
    arm_fail_point(point);
    body();
    return 0;
  }};
  EXPECT_EQ(child.join_unsettled(), -SIGKILL) << point;
  return child;
}

// The word names the dead process as its last writer until another overwrites it. Then only a
// note in the dead one's slot says that its operation took place.
TEST_F(LedgerTest, AnOperationOfTheDeadCountsOnceAlsoWhenItsTraceIsOverwritten) {
  for (const char* point : {"arena.ledger.before_count", "arena.ledger.after_count"}) {
    for (const bool drop : {false, true}) {
      const Handle object = Handle::make(10);
      const Handle holder = Handle::make(1, 4);
      Handle copy = object;
      Child child = killed_at(point, [&] {
        if (drop)
          copy = {}, const_cast<Handle&>(object) = {};
        else
          hold(links_of(holder)[0], object);
      });
      mp::detail::count_fail_points(true);
      hold(links_of(holder)[1], object);
      hold(links_of(holder)[2], object);
      EXPECT_EQ(mp::detail::fail_point_passes("arena.ledger.after_note"),
                point == std::string{"arena.ledger.after_count"} ? 1U : 0U);
      mp::detail::count_fail_points(false);
      mp::detail::settle(child.member());
      for (const std::string& fault : mp::detail::arena_faults())
        ADD_FAILURE() << point << (drop ? " drop: " : " hold: ") << fault;
    }
  }
}

// The word may name the dead one for its operation before.
TEST_F(LedgerTest, AnOperationThatDidNotTakePlaceIsNotMistakenForTheOneBefore) {
  const Handle object = Handle::make(10);
  const Handle holder = Handle::make(1, 2);
  Child child = killed_at("arena.ledger.before_count", [&] {
    mp::detail::arm_fail_point("");
    hold(links_of(holder)[0], object);
    mp::detail::arm_fail_point("arena.ledger.before_count");
    hold(links_of(holder)[1], object);
  });
  mp::detail::settle(child.member());
  EXPECT_TRUE(handle_from(links_of(holder)[0]));
  EXPECT_FALSE(handle_from(links_of(holder)[1]));
}

// Numbers of operations are compared for equality and do not wrap: a process that had only made
// and freed parts, which writes no counts, would else be misjudged after 2^27 of them.
TEST_F(LedgerTest, PartsMadeAndFreedInBetweenDoNotConfuseTheNextCount) {
  const Handle object = Handle::make(10);
  const Handle holder = Handle::make(1, 2);
  Child child = killed_at("arena.ledger.before_count", [&] {
    for (int i = 0; i < 1000; ++i) {
      Block{10}.give_to(links_of(holder)[0]);
      release(links_of(holder)[0]);
      if (i == 999) hold(links_of(holder)[1], object);
    }
  });
  mp::detail::settle(child.member());
  EXPECT_FALSE(handle_from(links_of(holder)[1]));
}

TEST_F(LedgerTest, ABlockThatWasNotHandedOnGivesBackWhatItsLinksHold) {
  const Handle object = Handle::make(10);
  Child child{[&] {
    Block block{10, 2};
    hold(block.links()[0], object);
    hold(block.links()[1], Handle::make(20));
    return ::raise(SIGKILL);
  }};
  EXPECT_EQ(child.join(), -SIGKILL);
}

TEST_F(LedgerTest, ASettlerThatDiesIsSettledAndItsWorkFinished) {
  for (const char* point :
       {"arena.settle.block_taken", "arena.settle.chunk_taken", "arena.settle.before_page",
        "arena.settle.after_mark", "arena.settle.after_links", "arena.settle.before_end",
        "arena.ledger.after_count", "arena.ledger.after_unmake", "arena.ledger.after_unlink"}) {
    const Handle object = Handle::make(10);
    // Holds much, and has taken a chunk that it is about to cut.
    Child first{[&] {
      std::vector<Handle> many;
      for (int i = 0; i < 100; ++i) many.push_back(Handle::make(1));
      std::vector<Block> blocks;
      for (int i = 0; i < 10; ++i) blocks.emplace_back(40'000);
      arm_fail_point("arena.small.before_commit");
      for (int i = 0; i < 100; ++i) blocks.emplace_back(7000);
      return 0;
    }};
    EXPECT_EQ(first.join_unsettled(), -SIGKILL);
    Child settler = killed_at(point, [&] { mp::arena_sweep(); });
    mp::arena_sweep();
    for (const std::string& fault : mp::detail::arena_faults())
      ADD_FAILURE() << point << ": " << fault;
    EXPECT_EQ(objects(), 1U) << point;
  }
}

TEST_F(LedgerTest, AChunkTakenWhileTrimmingIsNotLostWithTheTrimmer) {
  for (const char* point :
       {"arena.drain.after_mark", "arena.drain.after_taken", "arena.chunks.after_punch"}) {
    std::vector<Block> blocks;
    for (int i = 0; i < 100; ++i) blocks.emplace_back(7000);
    // So that the chunks are empty, and no living process gives them back.
    Child maker{[&] {
      std::vector<Block> more;
      for (int i = 0; i < 100; ++i) more.emplace_back(7000);
      return ::raise(SIGKILL);
    }};
    EXPECT_EQ(maker.join_unsettled(), -SIGKILL);
    Child trimmer = killed_at(point, [] { mp::arena_sweep(); });
  }
}

// The order of links in pages and of handles in the table must agree in the child.
TEST_F(LedgerTest, AChildHoldsEachOfHundredsOfHandlesByItsOwnLink) {
  for (const int count : {31, 32, 33, 100, 535, 536, 537, 2000}) {
    // In a child, for the pages stay with their process.
    Child parent{[&] {
      const auto others = mp::arena_usage().objects;
      std::vector<Handle> handles;
      for (int i = 0; i < count; ++i) handles.push_back(Handle::make(1));
      for (int i = 0; i < count; i += 3) handles[static_cast<std::size_t>(i)] = {};
      for (int i = 0; i < count; i += 6) handles[static_cast<std::size_t>(i)] = Handle::make(2);
      mp::detail::Birth birth = [&] {
        mp::detail::OutgoingHandles arguments;
        for (int i = 1; i < count; i += 7) arguments.add(handles[static_cast<std::size_t>(i)]);
        return mp::detail::Birth{arguments};
      }();
      const auto objects = mp::arena_usage().objects;
      const pid_t pid = birth.fork();
      if (pid == 0) {
        end_with([&] {
          { const mp::detail::BirthHandles adopted; }
          for (std::size_t i = 0; i < handles.size(); i += 2) handles[i] = {};
          if (!mp::detail::arena_faults().empty()) return 1;
          handles.clear();
          if (!mp::detail::arena_faults().empty()) return 2;
          return mp::arena_usage().objects == objects ? 0 : 3;
        });
      }
      // Whether the child holds nothing any more, arguments included.
      const int ended = reap(pid);
      handles.clear();
      if (mp::arena_usage().objects != others) return 50;
      mp::detail::settle(birth.child());
      for (const std::string& fault : mp::detail::arena_faults())
        std::fprintf(stderr, "%s\n", fault.c_str());
      return ended + (mp::detail::arena_faults().empty() ? 0 : 10);
    }};
    EXPECT_EQ(parent.join(), 0) << count;
  }
}

TEST_F(LedgerTest, ObjectsNestedThousandsDeepAreFreedWithTheOutermost) {
  Handle outermost = Handle::make(1);
  for (int depth = 0; depth < 10'000; ++depth) {
    Handle around = Handle::make(1, 1);
    hold(links_of(around)[0], outermost);
    outermost = std::move(around);
  }
  EXPECT_GE(objects(), 10'001U);
  Child killed{[&] { return ::raise(SIGKILL); }};
  EXPECT_EQ(killed.join(), -SIGKILL);
  outermost = {};
  EXPECT_EQ(objects(), 0U);
}

TEST_F(LedgerTest, ThreadsAndProcessesThatCountTheSameObjectsLoseNone) {
  std::vector<Handle> objects;
  for (int i = 0; i < 8; ++i) objects.push_back(Handle::make(8, 4));
  auto work = [&](unsigned seed) {
    std::minstd_rand random{seed};
    for (int i = 0; i < 5000; ++i) {
      const Handle mine = Handle::make(1, 2);
      hold(links_of(mine)[0], objects[random() % 8]);
      hold(links_of(mine)[1], objects[random() % 8]);
      const Handle read = handle_from(links_of(mine)[1]);
    }
    return 0;
  };
  std::vector<Child> children;
  for (unsigned i = 0; i < 3; ++i)
    children.emplace_back([&, i] {
      std::thread other{[&] { work(i); }};
      work(i + 10);
      other.join();
      return 0;
    });
  for (Child& child : children) EXPECT_EQ(child.join(), 0);
}

}  // namespace
