// Blocks of the arena: where they lie, what is in them, and that they come back.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/segment.hpp"
#include "arena_test_blocks.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace arena_test;
using mp::detail::Block;
using mp::detail::Handle;

using HeapTest = ArenaTest;

TEST_F(HeapTest, BlocksOfEverySizeUpTo2MiBAreWritableFromEndToEnd) {
  for (std::size_t bytes = 0; bytes <= 2 << 20; bytes = bytes * 5 / 4 + 1) {
    const Block block{bytes};
    std::memset(block.data(), 0xab, bytes);
    const auto* at = static_cast<const unsigned char*>(block.data());
    EXPECT_TRUE(std::all_of(at, at + bytes, [](unsigned char c) { return c == 0xab; })) << bytes;
  }
}

TEST_F(HeapTest, BlocksAreAlignedForAnyType) {
  for (std::size_t bytes : {1, 15, 64, 100, 4096, 40'000, 1 << 20}) {
    const Block block{bytes};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % alignof(std::max_align_t), 0U);
    const Block linked{bytes, 3};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(linked.data()) % 64, 0U);
  }
}

// CPython: _TestHeap.test_heap
TEST_F(HeapTest, FiveThousandRandomBlocksNeverOverlapAndAllComeBack) {
  std::mt19937 random{12345};
  std::lognormal_distribution<double> sizes{0, 1};
  std::vector<Filled> blocks;
  for (int i = 0; i < 5000; ++i) {
    const auto bytes = static_cast<std::size_t>(sizes(random) * 1000);
    blocks.emplace_back(bytes, i);
    if (blocks.size() <= 50) continue;
    const std::size_t drop = random() % blocks.size();
    EXPECT_TRUE(blocks[drop].is_intact());
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(drop));
  }
  std::map<const void*, std::size_t> places;
  for (const Filled& block : blocks) {
    EXPECT_TRUE(block.is_intact());
    places.emplace(block.data(), block.size());
  }
  EXPECT_EQ(places.size(), blocks.size());
  for (auto at = places.begin(); std::next(at) != places.end(); ++at)
    EXPECT_LE(static_cast<const char*>(at->first) + at->second, std::next(at)->first);
}

TEST_F(HeapTest, ProcessesAndThreadsThatAllocateAtOnceNeverShareABlock) {
  auto work = [](unsigned seed) {
    std::mt19937 random{seed};
    std::vector<Filled> blocks;
    for (unsigned i = 0; i < 20'000; ++i) {
      if (blocks.size() < 64) {
        blocks.emplace_back(random() % 64 == 0 ? random() % 200'000 : random() % 2000,
                            static_cast<int>(seed ^ i));
      } else {
        std::swap(blocks[random() % 64], blocks.back());
        if (!blocks.back().is_intact()) return 1;
        blocks.pop_back();
      }
    }
    return 0;
  };
  std::vector<Child> children;
  for (unsigned seed = 1; seed < 4; ++seed)
    children.emplace_back([&] {
      std::thread other{[&] { work(seed + 100); }};
      const int wrong = work(seed);
      other.join();
      return wrong;
    });
  EXPECT_EQ(work(77), 0);
  for (Child& child : children) EXPECT_EQ(child.join(), 0);
}

TEST_F(HeapTest, LargeBlocksAndObjectsOfAnySizeAreZeroed) {
  for (std::size_t bytes : {64, 1000, 30'000, 40'000, 1 << 20}) {
    for (int round = 0; round < 2; ++round) {
      const Handle object = Handle::make(bytes);
      auto* at = object.as<char>();
      EXPECT_TRUE(std::all_of(at, at + bytes, [](char c) { return c == 0; })) << bytes;
      std::memset(at, 1, bytes);
    }
  }
  { std::memset(Block{100'000}.data(), 1, 100'000); }
  const Block again{100'000};
  const auto* at = static_cast<const char*>(again.data());
  EXPECT_TRUE(std::all_of(at, at + 100'000, [](char c) { return c == 0; }));
}

TEST_F(HeapTest, SparseMemoryIsTakenWhenItIsTouched) {
  const std::uint64_t huge = std::uint64_t{64} << 30;  // more than the machine has
  const Handle object = Handle::make_sparse(huge);
  object.as<char>()[0] = 1;
  object.as<char>()[huge - 1] = 2;
  EXPECT_EQ(object.as<char>()[huge / 2], 0);
  EXPECT_GE(mp::arena_usage().bytes, huge);
}

TEST_F(HeapTest, MoreThanTheWholeArenaIsRefusedAndLeavesNothingTaken) {
  for (std::uint64_t bytes : {std::uint64_t{1} << 41, ~std::uint64_t{0} - 5000}) {
    try {
      static_cast<void>(Handle::make_sparse(bytes));
      ADD_FAILURE() << "no exception for " << bytes;
    } catch (const mp::OSError& error) {
      EXPECT_EQ(error.code().value(), ENOMEM);
    }
  }
}

TEST_F(HeapTest, AMillionObjectsMadeAndDroppedStayFlat) {
  const auto before = mp::arena_usage();
  for (int i = 0; i < 1'000'000; ++i) static_cast<void>(Handle::make(100));
  const auto after = mp::arena_usage();
  EXPECT_EQ(after.objects, before.objects);
  EXPECT_LE(after.chunks, before.chunks + 1);  // one is kept at hand
}

TEST_F(HeapTest, MemoryOfManyBlocksGoesBackToTheSystem) {
  const auto before = mp::arena_usage();
  {
    std::vector<Block> blocks;
    for (int i = 0; i < 20'000; ++i) blocks.emplace_back(1000);
    EXPECT_GE(mp::arena_usage().chunks, before.chunks + 300);
  }
  EXPECT_LE(mp::arena_usage().chunks, before.chunks + 2);
}

TEST_F(HeapTest, ABlockIsGivenBackByItsMakerAloneNotByAForkedCopy) {
  Block block{100};
  std::strcpy(static_cast<char*>(block.data()), "the parent's");
  const pid_t pid = fork();
  if (pid == 0) {
    end_with([&] {
      { const Block dropped = std::move(block); }
      for (int i = 0; i < 2000; ++i) {
        Block mine{100};
        std::memset(mine.data(), 0, 100);
        mine = Block{100};
      }
      return 0;
    });
  }
  EXPECT_EQ(reap(pid), 0);
  EXPECT_STREQ(static_cast<char*>(block.data()), "the parent's");
}

std::uint64_t chunk_of(const Block& block) {
  const mp::detail::Segment& arena = mp::detail::segment();
  return arena.chunk_of(arena.offset_of(block.data()));
}

void wait_until_stopped(const Child& child) {
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
}

/// A member that found room for a small block in a chunk, claimed the chunk's first block after all
/// others had left it and the chunk was free again, and was stopped before it saw that.
class StoppedClaimTest : public ArenaTest {
 protected:
  static constexpr std::size_t half_a_chunk = 20'000;
  static constexpr std::size_t a_chunk = 40'000;

  void SetUp() override {
    std::vector<Block> halves;
    const std::uint64_t chunks = mp::arena_usage().chunks;
    while (mp::arena_usage().chunks < chunks + 2) halves.emplace_back(half_a_chunk);
    halves.emplace_back(half_a_chunk);  // no chunk of this class has room now
    // Not of the last chunk, in which the member would look without a search.
    Block first = std::move(*(halves.end() - 4));
    Block second = std::move(*(halves.end() - 3));
    chunk_ = chunk_of(first);
    ASSERT_EQ(chunk_of(second), chunk_);
    Gate room;
    claimer_.emplace([&] {
      struct sigaction once {};
      once.sa_handler = [](int) { mp::detail::arm_fail_point_stop("arena.claim.after_name"); };
      once.sa_flags = static_cast<int>(SA_RESETHAND);
      sigaction(SIGCONT, &once, nullptr);
      if (!room.wait()) return 1;
      mp::detail::arm_fail_point_stop("arena.claim.found");
      const Block block{half_a_chunk};
      std::memset(block.data(), 1, half_a_chunk);
      return 0;
    });
    first = Block{};
    room.open();
    wait_until_stopped(*claimer_);
    second = Block{};
    mp::arena_sweep();
    ASSERT_EQ(arena().chunk_words[chunk_].load(), 0U);
    ::kill(claimer_->pid(), SIGCONT);
    wait_until_stopped(*claimer_);
    ASSERT_EQ(arena().owner_word(chunk_, 0).load(), claim());
  }

  static const mp::detail::Segment& arena() { return mp::detail::segment(); }
  std::uint64_t claim() const { return mp::detail::OwnerWord::claimed_by(claimer_->member()); }

  /// Whether one of the blocks that are taken now, until one lies behind the chunk, lies in it.
  bool chunk_can_be_taken() const {
    std::vector<Block> blocks;
    do {
      std::memset(blocks.emplace_back(a_chunk).data(), 1, a_chunk);
    } while (chunk_of(blocks.back()) < chunk_);
    return chunk_of(blocks.back()) == chunk_;
  }

  std::uint64_t chunk_ = 0;
  std::optional<Child> claimer_;
};

TEST_F(StoppedClaimTest, OthersTakeOtherChunksMeanwhile) {
  EXPECT_FALSE(chunk_can_be_taken());
  EXPECT_EQ(arena().owner_word(chunk_, 0).load(), claim());
  EXPECT_EQ(claimer_->kill(), -SIGKILL);
}

TEST_F(StoppedClaimTest, TheClaimIsGivenBackWhenTheMemberGoesOn) {
  ::kill(claimer_->pid(), SIGCONT);
  EXPECT_EQ(claimer_->join(), 0);
  mp::arena_sweep();
  EXPECT_EQ(arena().owner_word(chunk_, 0).load(), 0U);
  EXPECT_TRUE(chunk_can_be_taken());
}

TEST_F(StoppedClaimTest, AMemberThatGoesOnWritesNothingWhereOtherBlocksAreMeanwhile) {
  std::vector<Filled> others;
  do others.emplace_back(1000, static_cast<int>(others.size()));
  while (arena().chunk_of(arena().offset_of(others.back().data())) != chunk_);
  ::kill(claimer_->pid(), SIGCONT);
  EXPECT_EQ(claimer_->join(), 0);
  for (const Filled& other : others) EXPECT_TRUE(other.is_intact());
}

TEST_F(StoppedClaimTest, TheClaimOfAMemberThatIsKilledIsOverwritten) {
  EXPECT_EQ(claimer_->kill(), -SIGKILL);
  EXPECT_TRUE(chunk_can_be_taken());
}

}  // namespace
