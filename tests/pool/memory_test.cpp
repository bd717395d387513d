// Workers that are killed by the kernel because memory is short: the error says so.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

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

/// As if the kernel had killed it: the counter rises, and the process dies.
void die_for_memory(const std::string& file, int kills) {
  std::ofstream{file} << "oom_kill " << kills << "\n";
  raise(SIGKILL);
}

enum Told : std::size_t { tries, others_running, alone_running, beside };

/// Dies as often as is said; then it looks for others beside it.
int needs_much(const Counters& counters, const std::string& file, unsigned deaths) {
  const unsigned before = counters.raise(tries);
  if (before < deaths) die_for_memory(file, 4 + static_cast<int>(before));
  counters[alone_running] = 1;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{20};
  while (std::chrono::steady_clock::now() < until)
    if (counters[others_running] != 0) counters[beside] = 1;
  counters[alone_running] = 0;
  return 7;
}

int needs_little(const Counters& counters, int number) {
  counters[others_running].fetch_add(1);
  if (counters[alone_running] != 0) counters[beside] = 1;
  std::this_thread::yield();
  counters[others_running].fetch_sub(1);
  return number;
}

TEST_P(MemoryTest, ATaskThatIsKilledForItIsTriedAgainAlone) {
  for (const unsigned deaths : {1U, 3U}) {
    count(3);
    mp::Pool pool(3);
    const Counters counters;
    const auto much = pool.apply_async({.oom_retries = 3}, needs_much, counters, file_, deaths);
    std::vector<mp::AsyncResult<int>> little;
    for (int i = 0; i < 200; ++i) little.push_back(pool.apply_async(needs_little, counters, i));
    const auto urgent = pool.apply_async({.priority = 1}, needs_little, counters, 1);
    const auto mapped = pool.map(mp::partial(needs_little, counters), std::vector<int>(500), 1);
    EXPECT_EQ(much.get(), 7);
    EXPECT_EQ(counters[tries], deaths + 1);
    EXPECT_EQ(counters[beside], 0U);
    EXPECT_EQ(mapped.size(), 500U);
    EXPECT_EQ(urgent.get(), 1);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(little[static_cast<std::size_t>(i)].get(), i);
  }
}

TEST_P(MemoryTest, ThatIsCountedApartFromOtherDeaths) {
  mp::Pool pool(1);
  const auto dies = [](const Counters& c) {
    c.raise(tries);
    raise(SIGKILL);
  };
  const Counters without;
  EXPECT_THROW(pool.apply_async({.oom_retries = 5}, dies, without).get(), mp::WorkerDied);
  EXPECT_EQ(without[tries], 1U) << "the counter has not risen";
  const Counters both;
  const auto result =
      pool.apply_async({.retries = 1, .oom_retries = 1}, needs_much, both, file_, 9U);
  EXPECT_THROW(result.get(), mp::WorkerDied);
  EXPECT_EQ(both[tries], 3U);
  EXPECT_EQ(pool.apply(needs_little, both, 5), 5);
  EXPECT_THROW((void)pool.apply_async({.oom_retries = -1}, needs_little, both, 1), mp::ValueError);
}

TEST_P(MemoryTest, APoolThatIsClosedRunsItStill) {
  const Counters counters;
  mp::Pool pool(2);
  const auto much = pool.apply_async({.oom_retries = 1}, needs_much, counters, file_, 1U);
  pool.close();
  pool.join();
  EXPECT_EQ(much.get(), 7);
}

TEST_P(MemoryTest, OneThatWaitsToRunAloneCanBeCancelled) {
  const Counters gate;
  mp::Pool pool(2);
  const auto waits = [](const Counters& c) {
    c.raise(10);
    c.wait_for(1, 11);
  };
  const auto long_one = pool.apply_async(waits, gate);
  gate.wait_for(1, 10);
  const auto much = pool.apply_async({.oom_retries = 1}, needs_much, gate, file_, 1U);
  gate.wait_for(1, tries);
  // Until its death has been seen it runs.
  wait_until([&] { return much.cancel(); });
  EXPECT_EQ(pool.apply(needs_little, gate, 3), 3) << "while the other one still runs";
  gate.raise(11);
  long_one.get();
  EXPECT_THROW((void)much.get(), mp::CancelledError);
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
