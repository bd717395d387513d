// Large blocks that are free and keep their memory.
#include "arena/warm_blocks.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/identity.hpp"
#include "arena_test_blocks.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/arena/usage.hpp"
#include "multiprocessing/base/errors.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace arena_test;
using mp::detail::Block;
using mp::detail::Contents;
using mp::detail::Handle;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::chrono::milliseconds at_once{0};

Block block_of(std::size_t bytes) { return Block{bytes, 0, Contents::any}; }

class WarmTest : public ArenaTest {
 protected:
  void SetUp() override { mp::arena_sweep(); }
  void TearDown() override {
    mp::arena_sweep();
    EXPECT_EQ(warm(), 0U);
  }
  static std::uint64_t warm() { return mp::arena_usage().warm_bytes; }
};

TEST_F(WarmTest, AFreedBlockKeepsItsMemoryForTheNextOfItsSize) {
  void* first = nullptr;
  {
    const Block block = block_of(mebibyte);
    first = block.data();
    std::memset(first, 7, mebibyte);
  }
  EXPECT_GE(warm(), mebibyte);
  const Block next = block_of(mebibyte);
  EXPECT_EQ(next.data(), first);
  EXPECT_EQ(static_cast<char*>(next.data())[mebibyte - 1], 7);
  EXPECT_EQ(warm(), 0U);
}

TEST_F(WarmTest, ABlockServesForHalfOfItsSizeAndNotForLess) {
  void* const first = block_of(mebibyte).data();
  { EXPECT_EQ(block_of(5 * mebibyte / 8).data(), first); }
  { EXPECT_NE(block_of(mebibyte / 4).data(), first); }
  { EXPECT_NE(block_of(2 * mebibyte).data(), first); }
}

TEST_F(WarmTest, OfThoseThatFitTheSmallestIsTaken) {
  void* smaller = nullptr;
  {
    const Block larger = block_of(mebibyte);
    const Block small = block_of(3 * mebibyte / 4);
    smaller = small.data();
  }
  EXPECT_EQ(block_of(3 * mebibyte / 4 - 100).data(), smaller);
}

TEST_F(WarmTest, OneByteMoreThanARoundSizeWastesAtMostAQuarter) {
  for (const std::size_t size : {mebibyte / 16, mebibyte / 4, mebibyte, 16 * mebibyte}) {
    { block_of(size + 1); }
    EXPECT_GT(warm(), size);
    EXPECT_LE(warm(), size + size / 4 + 4096) << size;
    mp::arena_sweep();
  }
}

TEST_F(WarmTest, WhatIsMadeInAWarmBlockIsZeroWhereThatIsPromised) {
  for (int round = 0; round < 2; ++round) {
    const Handle object = Handle::make(300'000);
    auto* at = object.as<char>();
    EXPECT_TRUE(std::all_of(at, at + 300'000, [](char c) { return c == 0; }));
    std::memset(at, 1, 300'000);
  }
  EXPECT_GT(warm(), 0U);
}

TEST_F(WarmTest, AMemberTakesWhatAnotherOneFreed) {
  std::optional<Block> mine = block_of(mebibyte);
  std::strcpy(static_cast<char*>(mine->data()), "from the other");
  const auto* const at = static_cast<const char*>(mine->data());
  mine.reset();
  Child other{[&] {
    const Block block = block_of(mebibyte);
    return std::strcmp(static_cast<char*>(block.data()), "from the other");
  }};
  EXPECT_EQ(other.join(), 0);
  EXPECT_STREQ(at, "from the other");
}

TEST_F(WarmTest, MoreThanTheBoundIsGivenBack) {
  const std::uint64_t bound = mp::detail::segment().header->warm_bytes;
  {
    std::vector<Block> blocks;
    for (std::uint64_t bytes = 0; bytes < 2 * bound; bytes += 4 * mebibyte)
      blocks.push_back(block_of(4 * mebibyte));
  }
  EXPECT_LE(warm(), bound);
  EXPECT_GT(warm(), bound - 5 * mebibyte);
  { block_of(bound + 1); }
  EXPECT_LE(warm(), bound);
}

TEST_F(WarmTest, ManyBlocksThatAreSmallAreKeptToTheirNumber) {
  {
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < 2 * mp::detail::warm_hints; ++i) blocks.push_back(block_of(40'000));
  }
  EXPECT_GT(warm(), 0U);
  EXPECT_LE(warm(), mp::detail::warm_hints * 65'536);
}

TEST_F(WarmTest, WhatLiesIdleIsGivenBackAndTheRestIsNot) {
  { block_of(mebibyte); }
  const mp::detail::Segment& arena = mp::detail::segment();
  EXPECT_FALSE(mp::detail::give_back_warm(arena, std::chrono::hours{1}));
  EXPECT_GT(warm(), 0U);
  EXPECT_TRUE(mp::detail::give_back_warm(arena, at_once));
  EXPECT_EQ(warm(), 0U);
}

TEST_F(WarmTest, MemoryThatIsShortIsTakenFromWhatIsKept) {
  const auto chunks = mp::arena_usage().chunks;
  { block_of(32 * mebibyte); }
  ASSERT_GT(warm(), 0U);
  // More than the machine has: refused, but not before all was tried.
  EXPECT_THROW(block_of(std::size_t{1} << 39), mp::OSError);
  EXPECT_EQ(warm(), 0U);
  EXPECT_EQ(mp::arena_usage().chunks, chunks);
}

TEST_F(WarmTest, ManyMembersThatTakeAndFreeNeverHaveTheSameBlock) {
  const test_support::Watchdog allowed{std::chrono::seconds{120}};
  std::vector<Child> members;
  for (unsigned seed = 0; seed < 4; ++seed)
    members.emplace_back([seed] {
      std::mt19937 random{seed};
      std::vector<Block> held;
      for (int i = 0; i < 2000; ++i) {
        if (held.size() < 4) held.push_back(block_of(33'000 + random() % 600'000));
        auto* const mark = static_cast<std::uint64_t*>(held.back().data());
        const std::uint64_t mine = std::uint64_t{seed} << 32 | static_cast<unsigned>(i);
        *static_cast<volatile std::uint64_t*>(mark) = mine;
        std::this_thread::yield();
        if (*static_cast<volatile std::uint64_t*>(mark) != mine) return 1;
        if (random() % 2 == 0) {
          std::swap(held[random() % held.size()], held.back());
          held.pop_back();
        }
      }
      return 0;
    });
  for (Child& member : members) EXPECT_EQ(member.join(), 0);
}

TEST_F(WarmTest, KilledBetweenBlockAndHintItsSettlerGivesTheMemoryBack) {
  for (const char* point : {"arena.warm.hint_taken", "arena.warm.claimed", "arena.warm.freed",
                            "arena.warm.hint_left"}) {
    const auto before = mp::arena_usage();
    { block_of(mebibyte); }
    Child victim{[&] {
      mp::detail::arm_fail_point(point);
      { block_of(mebibyte); }
      return 0;
    }};
    EXPECT_EQ(victim.join(), -SIGKILL) << point;
    mp::arena_sweep();
    EXPECT_EQ(mp::arena_usage().blocks, before.blocks) << point;
    EXPECT_EQ(mp::arena_usage().chunks, before.chunks) << point;
    EXPECT_EQ(mp::detail::arena_faults(), std::vector<std::string>{}) << point;
  }
}

// A member took a hint away and stopped; the block must not be lost, nor be had twice.
TEST_F(WarmTest, AMemberThatStoppedBetweenHintAndBlockFindsAnotherBlockAfterwards) {
  { block_of(mebibyte); }
  Child stopped{[&] {
    mp::detail::arm_fail_point_stop("arena.warm.hint_taken");
    const Block block = block_of(mebibyte);
    std::memset(block.data(), 1, mebibyte);
    return 0;
  }};
  int status = 0;
  ASSERT_EQ(waitpid(stopped.pid(), &status, WUNTRACED), stopped.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  mp::arena_sweep();  // gives the memory of what no hint leads to back
  const Block mine = block_of(mebibyte);
  std::memset(mine.data(), 2, mebibyte);
  kill(stopped.pid(), SIGCONT);
  EXPECT_EQ(stopped.join(), 0);
  EXPECT_EQ(static_cast<char*>(mine.data())[mebibyte - 1], 2);
}

}  // namespace
