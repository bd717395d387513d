// Workers that are killed by the kernel because memory is short: the error says so.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "pool/memory_kills.hpp"
#include "pool_suite.hpp"
#include "support/child_process.hpp"

namespace pool_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// A counter as the kernel has it, in a file of the test's own.
class MemoryTest : public PoolTest {
 protected:
  MemoryTest() {
    count(3);
    mp::detail::set_memory_kills_file(file_);
  }
  ~MemoryTest() override {
    mp::detail::set_memory_kills_file({});
    fs::remove(file_);
  }
  void count(int kills) const {
    std::ofstream{file_} << "low 0\noom 9\noom_kill " << kills << "\noom_group_kill 0\n";
  }
  /// What the caller is told of a worker that is killed when the counter stands at `kills`.
  std::string told_when(mp::Pool& pool, int kills) const {
    count(kills);
    try {
      (void)pool.map([](int) { return kill(getpid(), SIGKILL); }, std::vector<int>{1});
    } catch (const mp::WorkerDied& error) {
      return error.what();
    }
    return "nothing";
  }

  const std::string file_ = fs::temp_directory_path() / ("oom_kill." + std::to_string(getpid()));
};
FOR_EVERY_START_METHOD(MemoryTest);

TEST_P(MemoryTest, AKillIsTheKernelsWhenItsCounterHasRisen) {
  mp::Pool pool(1);
  EXPECT_THAT(told_when(pool, 3), Not(HasSubstr("memory")));
  EXPECT_THAT(told_when(pool, 4),
              HasSubstr("was killed by SIGKILL, probably by the kernel for want "
                        "of memory: oom_kill in " +
                        file_ + " has risen to 4, while it had element 0"));
  EXPECT_THAT(told_when(pool, 4), Not(HasSubstr("memory")));
  EXPECT_THAT(told_when(pool, 6), HasSubstr("memory"));
  EXPECT_THAT(told_when(pool, 6), HasSubstr("memory"));
}

TEST_P(MemoryTest, WithoutACounterNothingIsSaidOfIt) {
  fs::remove(file_);
  mp::Pool pool(1);
  fs::remove(file_);
  EXPECT_THAT(told_when(pool, 1), Not(HasSubstr("memory")));
}

/// A memory group of 128 MiB below that of this process.
class Group {
 public:
  Group() {
    std::ifstream groups{"/proc/self/cgroup"};
    for (std::string line; std::getline(groups, line);) {
      if (const std::size_t at = line.find(":memory:"); at != line.npos)
        make("/sys/fs/cgroup/memory" + line.substr(at + 8), "memory.limit_in_bytes",
             "memory.memsw.limit_in_bytes");
      else if (line.starts_with("0::"))
        make("/sys/fs/cgroup" + line.substr(3), "memory.max", "memory.swap.max");
      if (!folder_.empty()) return;
    }
  }
  ~Group() {
    if (!folder_.empty()) rmdir(folder_.c_str());
  }
  Group(const Group&) = delete;
  [[nodiscard]] const std::string& folder() const { return folder_; }  // empty: there is none

 private:
  void make(const std::string& parent, const char* limit, const char* with_swap) {
    const std::string folder = parent + "/multiprocessing-test-" + std::to_string(getpid());
    if (mkdir(folder.c_str(), 0755) != 0) return;
    std::ofstream file{folder + '/' + limit};
    if (file << (128 << 20) << std::flush) {
      folder_ = folder;
      std::ofstream{folder + '/' + with_swap} << (128 << 20);
    } else {
      rmdir(folder.c_str());
    }
  }
  std::string folder_;
};

TEST_P(MemoryTest, AGroupThatIsFullIsNamed) {
  const Group group;
  if (group.folder().empty()) GTEST_SKIP() << "no memory group can be made here";
  const auto result =
      test_support::run_program({POOL_PROGRAM, "fill", group.folder()},
                                {.environment = {"MULTIPROCESSING_START_METHOD=" + GetParam()}});
  if (result.exitcode == 77) GTEST_SKIP() << "no memory group can be joined here";
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_THAT(result.out, HasSubstr("for want of memory: oom_kill in " + group.folder()));
}

}  // namespace
}  // namespace pool_test
