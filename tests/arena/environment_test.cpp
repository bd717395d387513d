// The arena under limits, without /dev/shm, and in core dumps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace {

using test_support::ProgramOptions;
using test_support::ProgramResult;
using testing::HasSubstr;

/// The program under `limits`, a piece of shell.
ProgramResult run(const std::string& limits, const std::string& what, ProgramOptions options = {}) {
  return test_support::run_program(
      {"sh", "-c", limits + "; exec \"$0\" \"$1\"", ARENA_PROGRAM, what}, std::move(options));
}

TEST(ArenaEnvironmentTest, ALimitOfAddressesMakesTheArenaSmaller) {
  for (const char* limit : {"ulimit -v 4000000", "ulimit -v 300000", "ulimit -v 100000"}) {
    const ProgramResult result = run(limit, "use");
    EXPECT_EQ(result.exitcode, 0) << limit << result.report();
    EXPECT_THAT(result.out, HasSubstr("works, 2 objects"));
  }
}

TEST(ArenaEnvironmentTest, ALimitOfFileSizesMakesTheArenaSmallerAndKillsNobody) {
  for (const char* limit : {"ulimit -f 2000000", "ulimit -f 100000"}) {
    const ProgramResult result = run(limit, "use");
    EXPECT_EQ(result.exitcode, 0) << limit << result.report();
  }
}

TEST(ArenaEnvironmentTest, TooSmallFilesAreOneClearError) {
  const ProgramResult result = run("ulimit -f 1000", "use");
  EXPECT_EQ(result.exitcode, 3) << result.report();
  EXPECT_THAT(result.err, HasSubstr("16 MiB of file size are the least"));
}

TEST(ArenaEnvironmentTest, TooFewAddressesAreOneClearError) {
  int refused = 0;
  for (int kib = 10'000; kib <= 40'000; kib += 1000) {
    const ProgramResult result = run("ulimit -v " + std::to_string(kib), "use");
    if (result.exitcode == 3) {
      EXPECT_THAT(result.err, HasSubstr("16 MiB of addresses are the least"));
      ++refused;
    } else if (result.exitcode != 0) {
      EXPECT_EQ(result.exitcode, 127) << kib << result.report();  // the loader's own refusal
      EXPECT_EQ(refused, 0);
    }
  }
  EXPECT_GT(refused, 0);
}

// The tables were once sized for fewer chunks than there were.
TEST(ArenaEnvironmentTest, AnArenaCanBeFilledToItsLastChunkAndIsWholeAfterwards) {
  // 512 bytes each: 16, 20 and 33 MiB.
  for (const char* limit : {"ulimit -f 32768", "ulimit -f 41000", "ulimit -f 67584"}) {
    const ProgramResult result = run(limit, "fill");
    EXPECT_EQ(result.exitcode, 0) << limit << result.report();
    EXPECT_THAT(result.out, HasSubstr("all addresses of the shared arena are in use"));
    EXPECT_THAT(result.out, HasSubstr("Cannot allocate memory"));
  }
}

TEST(ArenaEnvironmentTest, FewDescriptorsAreEnough) {
  const ProgramResult result = run("ulimit -n 16", "use");
  EXPECT_EQ(result.exitcode, 0) << result.report();
}

TEST(ArenaEnvironmentTest, ClosedStandardDescriptorsDoNotMatter) {
  const ProgramResult result = run("true", "use", {.closed = {0, 2}});
  EXPECT_EQ(result.exitcode, 0) << result.report();
}

TEST(ArenaEnvironmentTest, ItDoesNotNeedDevShm) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount another /dev/shm";
  for (const char* mount :
       {"mount -t tmpfs -o size=64m tmpfs /dev/shm", "mount -t tmpfs -o size=1m tmpfs /dev/shm",
        "mount -t tmpfs tmpfs /dev && test ! -e /dev/shm"}) {
    const ProgramResult result = test_support::run_program(
        {"unshare", "-m", "sh", "-c", std::string{mount} + " || exit 77; exec \"$0\" use",
         ARENA_PROGRAM});
    if (result.exitcode == 77 || result.err.find("unshare: ") != result.err.npos)
      GTEST_SKIP() << "may not mount here: " << result.err;
    EXPECT_EQ(result.exitcode, 0) << mount << result.report();
    EXPECT_THAT(result.out, HasSubstr("works, 2 objects"));
  }
}

TEST(ArenaEnvironmentTest, AnAbortLeavesTheArenaOutOfTheCore) {
  namespace fs = std::filesystem;
  char folder[] = "/tmp/arena_coreXXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const ProgramResult result = run("ulimit -c unlimited", "abort", {.folder = folder});
  const auto end = std::chrono::steady_clock::now().time_since_epoch();
  const auto stamp = result.out.find("aborts at ");
  ASSERT_NE(stamp, result.out.npos) << result.report();
  const std::chrono::duration<double> took =
      end - std::chrono::nanoseconds{std::stoll(result.out.substr(stamp + 10))};
  EXPECT_EQ(result.exitcode, -SIGABRT) << result.report();
  // DONTDUMP, as the kernel spells it.
  EXPECT_THAT(result.out, testing::ContainsRegex("VmFlags:.* dd"));
  std::uintmax_t largest = 0;
  for (const auto& entry : fs::directory_iterator{folder})
    largest = std::max(largest, entry.file_size());
  std::printf("dead %.2f s after its abort with 1 GiB touched, core of %.1f MiB\n", took.count(),
              static_cast<double>(largest) / (1 << 20));
  EXPECT_LT(largest, std::uintmax_t{128} << 20);
  fs::remove_all(folder);
}

}  // namespace
