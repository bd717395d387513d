// Shortage of memory: noticed beforehand, and told with the figures.
#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "arena/blocks.hpp"
#include "arena/memory_limits.hpp"
#include "children.hpp"
#include "multiprocessing/base/errors.hpp"

namespace {

using namespace arena_test;
using mp::detail::memory_room;
namespace fs = std::filesystem;

constexpr std::uint64_t mib = 1 << 20;

/// Files as the kernel shows them, below a folder of our own.
class MemoryLimitsTest : public ArenaTest {
 protected:
  MemoryLimitsTest() {
    char name[] = "/tmp/memory_limitsXXXXXX";
    root_ = mkdtemp(name);
    write("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 2097152 kB\n");
    write("proc/sys/vm/overcommit_memory", "0\n");
  }
  ~MemoryLimitsTest() override {
    mp::detail::ask_limits_under("/");
    fs::remove_all(root_);
  }

  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream{root_ / file} << text;
  }

  fs::path root_;
};

TEST_F(MemoryLimitsTest, WithoutAnyFileNothingLimits) {
  fs::remove_all(root_ / "proc");
  EXPECT_EQ(memory_room(root_).bytes, ~std::uint64_t{0});
}

TEST_F(MemoryLimitsTest, MemAvailableLimits) {
  EXPECT_EQ(memory_room(root_).bytes, 2048 * mib);
  EXPECT_NE(memory_room(root_).limit.find("MemAvailable 2147483648"), std::string::npos);
}

TEST_F(MemoryLimitsTest, TheTightestCgroupOfVersion2AboveUsLimits) {
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/memory.current", "5\n");
  write("sys/fs/cgroup/a/memory.max", std::to_string(100 * mib));
  write("sys/fs/cgroup/a/memory.current", std::to_string(40 * mib));
  EXPECT_EQ(memory_room(root_).bytes, 60 * mib);
  EXPECT_NE(memory_room(root_).limit.find("cgroup /a: memory.max 104857600, in use 41943040"),
            std::string::npos);
  write("sys/fs/cgroup/a/memory.current", std::to_string(140 * mib));
  EXPECT_EQ(memory_room(root_).bytes, 0U);
}

// A container that had read many files was told that no memory was left.
TEST_F(MemoryLimitsTest, PagesOfFilesInACgroupDoNotCountAsUsed) {
  write("proc/self/cgroup", "0::/a\n4:memory:/b\n");
  write("sys/fs/cgroup/a/memory.max", std::to_string(100 * mib));
  write("sys/fs/cgroup/a/memory.current", std::to_string(90 * mib));
  write("sys/fs/cgroup/a/memory.stat",
        "anon 5\nactive_file 20971520\ninactive_file 52428800\nworkingset_refault_anon 0\n");
  EXPECT_EQ(memory_room(root_).bytes, 80 * mib);
  write("sys/fs/cgroup/memory/b/memory.limit_in_bytes", std::to_string(50 * mib));
  write("sys/fs/cgroup/memory/b/memory.usage_in_bytes", std::to_string(40 * mib));
  write("sys/fs/cgroup/memory/b/memory.stat",
        "inactive_file 1\ntotal_active_file 10485760\ntotal_inactive_file 0\n");
  EXPECT_EQ(memory_room(root_).bytes, 20 * mib);
}

TEST_F(MemoryLimitsTest, TheMemoryControllerOfVersion1Limits) {
  write("proc/self/cgroup", "12:cpu,cpuacct:/x\n4:memory:/a\n0::/\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", std::to_string(30 * mib));
  write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", std::to_string(10 * mib));
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1");
  EXPECT_EQ(memory_room(root_).bytes, 20 * mib);
}

TEST_F(MemoryLimitsTest, ACgroupSeenFromInsideAContainerIsFoundAtTheTop) {
  write("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
  write("sys/fs/cgroup/memory.max", std::to_string(64 * mib));
  write("sys/fs/cgroup/memory.current", std::to_string(4 * mib));
  EXPECT_EQ(memory_room(root_).bytes, 60 * mib);
}

TEST_F(MemoryLimitsTest, StrictOvercommitLimits) {
  write("proc/meminfo",
        "MemAvailable: 2097152 kB\nCommitLimit: 1048576 kB\nCommitted_AS: 1024 kB\n");
  EXPECT_EQ(memory_room(root_).bytes, 2048 * mib);
  write("proc/sys/vm/overcommit_memory", "2\n");
  EXPECT_EQ(memory_room(root_).bytes, 1023 * mib);
}

TEST_F(MemoryLimitsTest, WhatCannotBeParsedDoesNotLimit) {
  write("proc/self/cgroup", "nonsense\n::\n0::\n7\n");
  write("proc/meminfo", "MemAvailable: lots\n\n:\n");
  write("sys/fs/cgroup/memory.max", "-");
  EXPECT_EQ(memory_room(root_).bytes, ~std::uint64_t{0});
}

TEST_F(MemoryLimitsTest, ShortageIsAnExceptionWithTheFigures) {
  write("proc/self/cgroup", "0::/job\n");
  write("sys/fs/cgroup/job/memory.max", std::to_string(100 * mib));
  write("sys/fs/cgroup/job/memory.current", std::to_string(60 * mib));
  mp::detail::ask_limits_under(root_);
  static_cast<void>(mp::detail::Block{20 * mib});
  try {
    static_cast<void>(mp::detail::Handle::make(30 * mib));
    ADD_FAILURE() << "no exception";
  } catch (const mp::OSError& error) {
    EXPECT_EQ(error.code().value(), ENOMEM);
    const std::string text = error.what();
    for (const char* part : {"3146", " bytes wanted", "41943040 left", "cgroup /job",
                             "memory.max 104857600", "in use 62914560"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
  }
  // Sparse memory is taken by the process that touches it.
  static_cast<void>(mp::detail::Handle::make_sparse(30 * mib));
}

TEST_F(MemoryLimitsTest, SmallBlocksRunShortAsWellAndGoOnWhenThereIsMemoryAgain) {
  write("proc/meminfo", "MemAvailable: 20000 kB\n");
  mp::detail::ask_limits_under(root_);
  std::vector<mp::detail::Block> blocks;
  EXPECT_THROW(
      {
        for (int i = 0; i < 100'000; ++i) {
          if (i % 64 == 0)
            write("proc/meminfo", "MemAvailable: " + std::to_string(20'000 - i) + " kB\n");
          blocks.emplace_back(1000);
        }
      },
      mp::OSError);
  EXPECT_FALSE(blocks.empty());
  write("proc/meminfo", "MemAvailable: 2000000 kB\n");
  for (int i = 0; i < 1000; ++i) blocks.emplace_back(1000);
}

}  // namespace
