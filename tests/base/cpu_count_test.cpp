#include "base/cpu_count.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/forked.hpp"
#include "multiprocessing/base/cpu_count.hpp"

namespace {

namespace fs = std::filesystem;
using multiprocessing::cpu_count;
using multiprocessing::detail::cpu_count_from;

// CPython: _TestProcess.test_cpu_count
TEST(CpuCountTest, IsAtLeastOne) { EXPECT_GE(cpu_count(), 1); }

TEST(CpuCountTest, IsOneWhenTheProcessIsHeldOnOneProcessor) {
  EXPECT_EQ(base_test::result_in_fork([] {
              cpu_set_t all, one;
              sched_getaffinity(0, sizeof all, &all);
              CPU_ZERO(&one);
              for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
                if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
              if (sched_setaffinity(0, sizeof one, &one) != 0) return 9;
              return cpu_count();
            }),
            1);
}

// A machine made of files.
class FakeMachineTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("cpu-count-" + std::to_string(getpid()));
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void file(const std::string& path, const std::string& content) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream{root_ / path} << content;
  }
  void v2(const std::string& group) const {
    file("proc/self/cgroup", "0::" + group + "\n");
    file("proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  }
  void v1(const std::string& group) const {
    file("proc/self/cgroup", "12:cpuset:/\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/\n");
    file("proc/self/mountinfo",
         "30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
         "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:1 - cgroup cgroup "
         "rw,cpu,cpuacct\n");
  }
  void quota_v1(const std::string& folder, const std::string& quota, const std::string& period) {
    file(folder + "/cpu.cfs_quota_us", quota + "\n");
    file(folder + "/cpu.cfs_period_us", period + "\n");
  }
  [[nodiscard]] int count(int affinity = 16) const { return cpu_count_from(root_, affinity); }

 private:
  fs::path root_;
};

TEST_F(FakeMachineTest, WithoutGroupsTheAffinityCounts) {
  EXPECT_EQ(count(), 16);
  EXPECT_EQ(count(3), 3);
  EXPECT_EQ(count(0), 1);
}

TEST_F(FakeMachineTest, AQuotaOfV2IsRoundedUp) {
  v2("/user.slice");
  file("sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n");
  EXPECT_EQ(count(), 3);
  file("sys/fs/cgroup/user.slice/cpu.max", "200000 100000\n");
  EXPECT_EQ(count(), 2);
  file("sys/fs/cgroup/user.slice/cpu.max", "10000 100000\n");
  EXPECT_EQ(count(), 1);
}

TEST_F(FakeMachineTest, NoQuotaIsNoLimit) {
  v2("/user.slice");
  file("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(count(), 16);
}

TEST_F(FakeMachineTest, TheSmallestQuotaUpTheTreeCounts) {
  v2("/outer/middle/inner");
  file("sys/fs/cgroup/outer/cpu.max", "400000 100000\n");
  file("sys/fs/cgroup/outer/middle/cpu.max", "max 100000\n");
  file("sys/fs/cgroup/outer/middle/inner/cpu.max", "700000 100000\n");
  EXPECT_EQ(count(), 4);
}

TEST_F(FakeMachineTest, TheAffinityCountsWhereItIsSmallerThanTheQuota) {
  v2("/a");
  file("sys/fs/cgroup/a/cpu.max", "800000 100000\n");
  EXPECT_EQ(count(2), 2);
}

TEST_F(FakeMachineTest, AContainerSeesItsOwnGroupAtTheMountPoint) {
  // The path is the host's, of which the container's mount shows the end alone.
  file("proc/self/cgroup", "0::/docker/1f3a\n");
  file("proc/self/mountinfo", "30 24 0:26 /docker/1f3a /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  file("sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(count(), 2);
}

TEST_F(FakeMachineTest, AGroupOutsideTheNamespaceStillHasTheLimitOfItsRoot) {
  v2("/../other");
  file("sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_EQ(count(), 3);
}

TEST_F(FakeMachineTest, WithoutMountinfoTheUsualPlaceIsLookedAt) {
  file("proc/self/cgroup", "0::/a\n4:cpu:/b\n");
  file("sys/fs/cgroup/a/cpu.max", "900000 100000\n");
  EXPECT_EQ(count(), 9);
  quota_v1("sys/fs/cgroup/cpu/b", "500000", "100000");
  EXPECT_EQ(count(), 5);
}

TEST_F(FakeMachineTest, AQuotaOfV1IsRoundedUp) {
  v1("/docker/1f3a");
  quota_v1("sys/fs/cgroup/cpu,cpuacct/docker/1f3a", "350000", "100000");
  EXPECT_EQ(count(), 4);
  quota_v1("sys/fs/cgroup/cpu,cpuacct/docker/1f3a", "-1", "100000");
  EXPECT_EQ(count(), 16);
  quota_v1("sys/fs/cgroup/cpu,cpuacct/docker", "110000", "100000");
  EXPECT_EQ(count(), 2);
}

TEST_F(FakeMachineTest, WhatMakesNoSenseSetsNoLimit) {
  v2("/a");
  for (const char* content : {"", "\n", "nonsense", "0 0", "-5 100000", "5", "100000 0",
                              "99999999999999999999999 1", "100000 -1", "100000 max"}) {
    file("sys/fs/cgroup/a/cpu.max", content);
    EXPECT_EQ(count(), 16) << content;
  }
  file("sys/fs/cgroup/a/cpu.max", "9223372036854775807 1");
  EXPECT_EQ(count(), 16);
  file("proc/self/cgroup", "\n:\n::\n0\nnonsense\n0::\n");
  EXPECT_EQ(count(), 16);
  file("proc/self/mountinfo", " - \nnonsense\n1 2 3 - cgroup2\n");
  EXPECT_EQ(count(), 16);
}

}  // namespace
