// What of the arena a process has mapped: windows as they come into use, large objects one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/chunks.hpp"
#include "arena/message_handles.hpp"
#include "arena/settle.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/address_space.hpp"
#include "support/child_process.hpp"

namespace {

using namespace arena_test;
using mp::detail::Block;
using mp::detail::Handle;
using mp::detail::segment;
using mp::detail::window_bytes;
using mp::detail::windows_here;
using test_support::FarAway;
using test_support::limit_address_space;
using test_support::MiB;
using test_support::ProgramResult;
using test_support::run_program;
using testing::HasSubstr;

constexpr std::size_t hundred_gib = std::size_t{100} << 30;

/// What it threw; empty when it did not.
template <class Body>
std::string refusal_of(Body body) {
  try {
    body();
  } catch (const mp::OSError& error) {
    return error.what();
  }
  return {};
}

class WindowsTest : public ArenaTest {};

TEST_F(WindowsTest, AnArenaInUseShowsAsNoMoreThan128MiBOfAddresses) {
  const ProgramResult result = run_program({ARENA_PROGRAM, "addresses"});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_GT(std::stoull(result.out), 0U);
  EXPECT_LE(std::stoull(result.out), 128 * MiB);
}

TEST_F(WindowsTest, AMemberWithALimitGetsSmallBlocksAfterAnotherMadeASparseObjectOf100GiB) {
  Gate made;
  Child limited{[&] {
    limit_address_space(400 * MiB);
    if (!made.wait()) return 1;
    // More than the windows that it has mapped: it has to map further ones.
    std::vector<Block> blocks;
    for (int i = 0; i < 150; ++i) std::memset(blocks.emplace_back(MiB).data(), 1, 4096);
    return 0;
  }};
  const Handle large = Handle::make_sparse(hundred_gib);
  large.as<char>()[hundred_gib - 1] = 1;
  made.open();
  EXPECT_EQ(limited.join(), 0);
}

TEST_F(WindowsTest, ALimitIsAnErrorWithTheFiguresForTheAskerAlone) {
  // More than this process may have mapped for other tests.
  constexpr std::size_t more = 3 * hundred_gib;
  const std::uint64_t border = segment().borders().high;
  Child child{[] {
    limit_address_space(100 * MiB);
    const std::string text = refusal_of([] { static_cast<void>(Handle::make_sparse(more)); });
    EXPECT_THAT(text, HasSubstr("RLIMIT_AS"));
    EXPECT_THAT(text, HasSubstr("in use"));
    return testing::Test::HasFailure() ? 1 : 0;
  }};
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(segment().borders().high, border) << "the refused one took addresses from small blocks";
  const Handle large = Handle::make_sparse(more);
  EXPECT_EQ(large.as<char>()[MiB], 0);
}

TEST_F(WindowsTest, AKillAtEveryStepOfALargeObjectLosesNothing) {
  for (const char* point :
       {"arena.windows.after_take", "arena.windows.before_border", "arena.windows.before_commit",
        "arena.windows.after_commit", "arena.windows.after_tails", "arena.windows.after_head",
        "arena.windows.after_punch", "arena.windows.letting_go"}) {
    Child child{[&] {
      mp::detail::arm_fail_point(point);
      static_cast<void>(Handle::make_sparse(200 * MiB));
      return 0;
    }};
    EXPECT_EQ(child.join(), -SIGKILL) << point;
  }
}

TEST_F(WindowsTest, AKillWhileSmallBlocksOpenAWindowLosesNothing) {
  for (const char* point : {"arena.windows.before_map", "arena.windows.mapped"}) {
    Child child{[&] {
      const FarAway far;
      mp::detail::arm_fail_point(point);
      const FarAway further;
      return 0;
    }};
    EXPECT_EQ(child.join(), -SIGKILL) << point;
  }
}

TEST_F(WindowsTest, ASettlerThatIsKilledAmidTheWindowsOfTheDeadIsSettledToo) {
  Child first{[] {
    mp::detail::arm_fail_point("arena.windows.before_commit");
    static_cast<void>(Handle::make_sparse(5 * window_bytes));
    return 0;
  }};
  EXPECT_EQ(first.join_unsettled(), -SIGKILL);
  Child settler{[&] {
    mp::detail::arm_fail_point("arena.settle.window_taken", 2);
    mp::detail::settle(first.member());
    return 0;
  }};
  EXPECT_EQ(settler.join_unsettled(), -SIGKILL);
}

TEST_F(WindowsTest, AMappingOfTheProgramInTheWayIsAnErrorUntilItGoes) {
  Child child{[] {
    const auto next = [] { return segment().window_offset(windows_here.mapped); };
    void* const at = segment().at<void>(next());
    const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap(at, 4096, PROT_READ, fixed, -1, 0) != at) return 1;
    EXPECT_THAT(refusal_of([] { const FarAway far; }),
                HasSubstr("another mapping of this program lies at the place"));
    munmap(at, 4096);
    const FarAway far;
    return testing::Test::HasFailure() ? 2 : 0;
  }};
  EXPECT_EQ(child.join(), 0);
}

TEST_F(WindowsTest, AReaderWithAMappingInTheWayGetsAnErrorAndTheObjectOnceItIsGone) {
  const Handle board = Handle::make(8, 1);
  Gate made;
  Child reader{[&] {
    void* const at = segment().at<void>(segment().window_offset(windows_here.mapped + 1));
    const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap(at, 4096, PROT_READ, fixed, -1, 0) != at || !made.wait()) return 1;
    const mp::detail::Link& link = mp::detail::links_of(board)[0];
    EXPECT_NE(refusal_of([&] { static_cast<void>(mp::detail::handle_from(link)); }), "");
    munmap(at, 4096);
    EXPECT_EQ(mp::detail::handle_from(link).as<char>()[99'999], 7);
    return testing::Test::HasFailure() ? 2 : 0;
  }};
  const FarAway far;
  {
    const Handle object = Handle::make(100'000);
    object.as<char>()[99'999] = 7;
    mp::detail::hold(mp::detail::links_of(board)[0], object);
  }
  made.open();
  EXPECT_EQ(reader.join(), 0);
}

TEST_F(WindowsTest, WhereThePlaceIsTakenAllIsReservedElsewhere) {
  const ProgramResult result = run_program({ARENA_PROGRAM, "crowded"});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_THAT(result.out, HasSubstr("elsewhere\nworks, 2 objects"));
}

TEST_F(WindowsTest, AForkWhileAThreadMapsMoreGivesAChildThatCanGoOn) {
  Child family{[] {
    std::atomic<bool> stop{false};
    std::thread grows{[&] {
      std::vector<Handle> objects;
      while (!stop) {
        for (int i = 0; i < 20; ++i) objects.push_back(Handle::make_sparse(60 * MiB));
        for (int i = 0; i < 20; ++i) objects.push_back(Handle::make_sparse(70 * MiB));
        objects.clear();
      }
    }};
    int bad = 0;
    for (int i = 0; i < 40; ++i) {
      Child child{[] {
        for (const std::size_t bytes : {50 * MiB, 60 * MiB, 70 * MiB, 200 * MiB}) {
          const Handle object = Handle::make_sparse(bytes);
          object.as<char>()[0] = object.as<char>()[bytes - 1] = 1;
        }
        return 0;
      }};
      bad += child.join() != 0;
    }
    stop = true;
    grows.join();
    return bad;
  }};
  EXPECT_EQ(family.join(), 0);
}

TEST_F(WindowsTest, TheLimitThatTheUserSetsBoundsTheWhole) {
  const auto fill = [](const std::string& limit) {
    return run_program({ARENA_PROGRAM, "fill"},
                       {.environment = {"MULTIPROCESSING_ARENA_LIMIT=" + limit}});
  };
  const ProgramResult result = fill("40M");
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_THAT(result.out, HasSubstr("MULTIPROCESSING_ARENA_LIMIT"));
  const std::size_t at = result.out.find("file of ");
  ASSERT_NE(at, result.out.npos) << result.report();
  EXPECT_LE(std::stoull(result.out.substr(at + 8)), 40 * MiB);
  for (const char* nonsense : {"-1", "much", "12X", "1M2"}) {
    const ProgramResult refused = fill(nonsense);
    EXPECT_EQ(refused.exitcode, 3) << refused.report();
    EXPECT_THAT(refused.err, HasSubstr("is a number of bytes, such as 268435456 or 256M"));
  }
}

TEST_F(WindowsTest, LockedMemoryIsNotFilledFarBeyondWhatIsInUse) {
  rlimit locked{};
  getrlimit(RLIMIT_MEMLOCK, &locked);
  if (geteuid() != 0 && locked.rlim_cur < 512 * MiB)
    GTEST_SKIP() << "may not lock that much memory here";
  for (const char* what : {"locked-before", "locked-after"}) {
    const ProgramResult result = run_program({ARENA_PROGRAM, what});
    if (result.exitcode == 77) GTEST_SKIP() << "may not lock that much memory here";
    EXPECT_EQ(result.exitcode, 0) << result.report();
    // 80 MiB are in use, in two windows of 72 MiB with their tables; and the program itself.
    EXPECT_LE(std::stoull(result.out), (80 + 2 * 72) * MiB) << what;
  }
}

TEST_F(WindowsTest, WhatADeadMemberHeldIsLeftToTheOthersByOneThatMayNotMapIt) {
  Gate died;
  Child limited{[&] {
    limit_address_space(100 * MiB);
    if (!died.wait()) return 1;
    mp::arena_sweep();
    return 0;
  }};
  const FarAway far;
  Child dead{[] {
    const Block block{100'000};
    return raise(SIGKILL);
  }};
  EXPECT_EQ(dead.join_unsettled(), -SIGKILL);
  died.open();
  EXPECT_EQ(limited.join(), 0);
  const auto left = mp::arena_usage().blocks;
  mp::arena_sweep();
  EXPECT_LT(mp::arena_usage().blocks, left);
}

}  // namespace
