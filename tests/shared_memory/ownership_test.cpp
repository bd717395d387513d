// The owner of a block, and what becomes of the block when it dies at any step.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/fail_point.hpp"
#include "multiprocessing/base.hpp"
#include "shared_memory/claim.hpp"
#include "shared_memory/family_claim.hpp"
#include "shared_memory/orphans.hpp"
#include "shared_memory_suite.hpp"
#include "support/asked.hpp"
#include "support/child_process.hpp"
#include "support/watchdog.hpp"

namespace shared_memory_test {
namespace {

using mp::detail::remove_orphans;

class OwnershipTest : public testing::Test {};
class OwnershipInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(OwnershipInChildrenTest);

constexpr const char* block_name = "mp_test_owned";

void create_block(std::string name, int signal) {
  mp::SharedMemory block{{.create = true, .size = 64, .name = std::move(name)}};
  std::raise(signal);
}

// CPython: _TestSharedMemory.test_shared_memory_cleaned_after_process_termination,
// CPython: TestResourceTracker.test_resource_tracker
TEST_P(OwnershipInChildrenTest, AKilledOwnersBlockIsTakenAwayByTheNextWhoLooks) {
  for (const int signal : {SIGKILL, SIGTERM}) {
    EXPECT_EQ(run_in_child(create_block, block_name, signal), -signal);
    EXPECT_TRUE(exists(block_name));
    const Block live;  // of this process
    EXPECT_EQ(remove_orphans(), std::vector<std::string>{block_name});
    EXPECT_FALSE(exists(block_name));
    EXPECT_TRUE(exists(live.memory.name()));
    EXPECT_EQ(claims(), 1);
  }
}

TEST_P(OwnershipInChildrenTest, StartingAProcessOfOursTakesItAway) {
  EXPECT_EQ(run_in_child(create_block, block_name, SIGKILL), -SIGKILL);
  EXPECT_EQ(test_support::run_program({MP_CLEAN, "--help"}).exitcode, 0);
  EXPECT_FALSE(exists(block_name));
  EXPECT_EQ(claims(), 0);
}

// CPython: _TestSharedMemory.test_shared_memory_untracking
TEST_P(OwnershipInChildrenTest, AttachingNeverDestroys) {
  const Block block;
  const auto attach = [](std::string name) { mp::SharedMemory{name}.buf()[0] = std::byte{1}; };
  const auto attach_and_die = [](std::string name) {
    const mp::SharedMemory same{name};
    std::raise(SIGKILL);
  };
  EXPECT_EQ(run_in_child(attach, block.memory.name()), 0);
  EXPECT_EQ(run_in_child(attach_and_die, block.memory.name()), -SIGKILL);
  EXPECT_TRUE(remove_orphans().empty());
  EXPECT_TRUE(exists(block.memory.name()));
}

void create_and_leave(std::string name) {
  const mp::SharedMemory block{{.create = true, .size = 64, .name = std::move(name)}};
}

TEST_P(OwnershipInChildrenTest, AChildThatEndsByItselfLeavesItsBlockToTheFamily) {
  EXPECT_EQ(run_in_child(create_and_leave, block_name), 0);
  EXPECT_TRUE(remove_orphans().empty());
  EXPECT_EQ(test_support::run_program({MP_CLEAN}).out, "");
  const mp::SharedMemory block{block_name};
  EXPECT_EQ(block.size(), 64U);
  block.unlink();
  EXPECT_EQ(claims(), 0);
}

void expect_nothing_left(const std::string& method, const std::string& end) {
  for (const std::string maker : {"child", "grandchild"}) {
    SCOPED_TRACE(maker + ' ' + end);
    const auto result = test_support::run_program({OWNER_PROGRAM, block_name, maker, method, end});
    EXPECT_EQ(result.exitcode, 0) << result.report();
    EXPECT_NE(result.err.find(std::string{"not unlinked: "} + block_name), std::string::npos)
        << result.report();
    EXPECT_FALSE(exists(block_name));
    EXPECT_EQ(claims(), 0);
  }
}

TEST_P(OwnershipInChildrenTest, WhatAChildLeftGoesWithTheProgram) {
  expect_nothing_left(GetParam(), "returns");
}

TEST_P(OwnershipInChildrenTest, WhatAChildLeftGoesWithAProgramThatCanOpenNothing) {
  expect_nothing_left(GetParam(), "no descriptors");
}

TEST_P(OwnershipInChildrenTest, WhatAChildLeftIsFoundOnceTheProgramWasKilled) {
  const auto result =
      test_support::run_program({OWNER_PROGRAM, block_name, "child", GetParam(), "killed"});
  EXPECT_EQ(result.exitcode, -SIGKILL) << result.report();
  EXPECT_TRUE(exists(block_name));
  EXPECT_EQ(claims(), 1) << "of the family that is dead";
  EXPECT_EQ(remove_orphans(), std::vector<std::string>{block_name});
  EXPECT_FALSE(exists(block_name));
  EXPECT_EQ(claims(), 0);
}

TEST_P(OwnershipInChildrenTest, WhatAChildLeftGoesWithTheLastOfItsFamily) {
  const auto result =
      test_support::run_program({OWNER_PROGRAM, block_name, "child", GetParam(), "outlived"});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_TRUE(result.left_running.empty()) << result.report();
  EXPECT_FALSE(exists(block_name));
  EXPECT_EQ(claims(), 0);
}

void create_and_be_killed_at(std::string point, std::string name) {
  mp::detail::arm_fail_point(point);
  create_and_leave(std::move(name));
}

TEST_P(OwnershipInChildrenTest, AKillAtAnyStepOfLeavingABlockIsMadeGood) {
  for (const std::string point : {"shared_memory.leave.written", "shared_memory.leave.named",
                                  "shared_memory.claim.after_block"}) {
    SCOPED_TRACE(point);
    EXPECT_EQ(run_in_child(create_and_be_killed_at, point, block_name), -SIGKILL);
    remove_orphans();
    EXPECT_FALSE(exists(block_name));
    EXPECT_EQ(claims(), 0);
  }
}

void leave_under_a_limit_of_file_sizes(std::string name) {
  const mp::SharedMemory block{{.create = true, .size = 64, .name = std::move(name)}};
  const rlimit none{0, 0};
  setrlimit(RLIMIT_FSIZE, &none);
}

TEST_P(OwnershipInChildrenTest, AChildThatMayWriteNothingLeavesItsBlockAsIfItHadBeenKilled) {
  EXPECT_EQ(run_in_child(leave_under_a_limit_of_file_sizes, block_name), 0);
  EXPECT_EQ(remove_orphans(), std::vector<std::string>{block_name});
  EXPECT_EQ(claims(), 0);
}

TEST_F(OwnershipTest, WhatAFamilyWasLeftAndHasUnlinkedTakesNoMoreRoom) {
  mp::set_start_method("fork", {.force = true});
  for (int child = 0; child < 40; ++child) {
    EXPECT_EQ(run_in_child(create_and_leave, block_name), 0);
    mp::SharedMemory{block_name}.unlink();
  }
  mp::set_start_method(std::nullopt, {.force = true});
  const auto size = std::filesystem::file_size(folder() + '/' + mp::detail::family_claim());
  EXPECT_LE(size, 32 * sizeof(mp::detail::ClaimRecord));
}

TEST_P(OwnershipInChildrenTest, AnyProcessMayUnlinkAndTheOwnersClaimFallsToNothing) {
  const Block block;
  const auto unlink_it = [](std::string name) { mp::SharedMemory{name}.unlink(); };
  EXPECT_EQ(run_in_child(unlink_it, block.memory.name()), 0);
  EXPECT_FALSE(exists(block.memory.name()));
  EXPECT_THROW(block.memory.unlink(), mp::FileNotFoundError);
  EXPECT_EQ(claims(), 0);
}

TEST_F(OwnershipTest, ABlockThatIsNotTrackedSurvivesItsOwnersDeath) {
  const int status = run_in_fork([] {
    const mp::SharedMemory block{{.create = true, .size = 1, .name = block_name, .track = false}};
    std::raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(remove_orphans().empty());
  mp::SharedMemory{block_name}.unlink();
}

// CPython: TestResourceTracker.test_resource_tracker_fork_deadlock,
// CPython: TestResourceTracker.test_resource_tracker_raw_fork_prompt_reap
TEST_F(OwnershipTest, AForkedChildDoesNotKeepTheClaimOfItsParentAlive) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pid_t survivor = 0;
  const int status = run_in_fork([&] {
    const mp::SharedMemory block{{.create = true, .size = 1, .name = block_name}};
    const pid_t child = fork();
    if (child == 0) {
      if (write(ends[1], &child, sizeof child) < 0) _exit(1);
      pause();
    }
    char begun[sizeof child];
    if (read(ends[0], begun, sizeof begun) < 0 || write(ends[1], &child, sizeof child) < 0)
      _exit(1);
    std::raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(read(ends[0], &survivor, sizeof survivor), static_cast<ssize_t>(sizeof survivor));
  EXPECT_EQ(remove_orphans(), std::vector<std::string>{block_name});
  kill(survivor, SIGKILL);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(OwnershipTest, AForkedChildHoldsNothingOfItsParents) {
  const Block block;
  const int status = run_in_fork([&] {
    if (!remove_orphans().empty()) _exit(1);
    const mp::SharedMemory own{{.create = true, .size = 1, .name = block_name}};
    own.unlink();
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(remove_orphans().empty());
  EXPECT_TRUE(exists(block.memory.name()));
}

std::string path_of_block() { return folder() + '/' + block_name; }

/// What another program does, which knows nothing of claims.
void replace_block() {
  unlink(path_of_block().c_str());
  close(open(path_of_block().c_str(), O_CREAT | O_EXCL | O_RDWR, 0600));
}

TEST_F(OwnershipTest, ANameThatWasGivenToSomebodyElsesBlockIsLeftAlone) {
  EXPECT_TRUE(WIFSIGNALED(run_in_fork([] { create_block(block_name, SIGKILL); })));
  replace_block();
  EXPECT_EQ(claims(), 1);
  EXPECT_TRUE(remove_orphans().empty());
  EXPECT_EQ(claims(), 0);
  EXPECT_EQ(unlink(path_of_block().c_str()), 0);
}

TEST_F(OwnershipTest, ANameThatChangesHandsDuringTheRemovalIsGivenBack) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(WIFSIGNALED(run_in_fork([] { create_block(block_name, SIGKILL); })));
    mp::detail::before_moving_aside(replace_block);
    if (round == 0) {
      EXPECT_TRUE(remove_orphans().empty());
    } else {  // and the one that removes dies before it has given it back
      EXPECT_TRUE(WIFSIGNALED(run_in_fork([] {
        mp::detail::arm_fail_point("shared_memory.remove.aside");
        remove_orphans();
      })));
      EXPECT_FALSE(exists(block_name));
    }
    mp::detail::before_moving_aside(nullptr);
    EXPECT_TRUE(remove_orphans().empty());
    EXPECT_TRUE(exists(block_name));
    EXPECT_EQ(claims(), 0);
    unlink(path_of_block().c_str());
  }
}

TEST_F(OwnershipTest, WhatIsNoSoundClaimIsRemovedAndNothingElse) {
  const Block block;
  const std::string path = folder() + "/mp.claim.0123456789abcdef";
  FILE* file = fopen(path.c_str(), "w");
  fputs("mpclaim1 and then nothing of use", file);
  fclose(file);
  EXPECT_TRUE(remove_orphans().empty());
  EXPECT_FALSE(exists("mp.claim.0123456789abcdef"));
  EXPECT_TRUE(exists(block.memory.name()));
}

/// Kills children at each of the points, has another one clean up, and expects nothing to be left.
void expect_clean_after_kill_at(std::initializer_list<const char*> points,
                                const std::function<void()>& before,
                                const std::function<void()>& run) {
  const test_support::Watchdog allowed{std::chrono::seconds{600}};
  const int kills = test_support::asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 1);
  for (const char* point : points) {
    SCOPED_TRACE(point);
    int killed = 0;
    for (int kill = 0; kill < kills; ++kill) {
      before();
      const int status = run_in_fork([&] {
        mp::detail::arm_fail_point(point);
        run();
      });
      killed += WIFSIGNALED(status) ? 1 : 0;
      remove_orphans();
      EXPECT_FALSE(exists(block_name));
      EXPECT_EQ(claims(), 0);
    }
    EXPECT_EQ(killed, kills);
    if (kills > 1) std::printf("%s: killed %d of %d times\n", point, killed, kills);
  }
}

TEST_F(OwnershipTest, AKillAtAnyStepOfCreatingLeavesNothing) {
  expect_clean_after_kill_at(
      {"shared_memory.claim.before_lock", "shared_memory.create.claimed",
       "shared_memory.create.made", "shared_memory.create.reserved",
       "shared_memory.create.recorded", "shared_memory.create.published"},
      [] {}, [] { create_block(block_name, 0); });
}

TEST_F(OwnershipTest, AKillAtAnyStepOfUnlinkingLeavesNothing) {
  expect_clean_after_kill_at(
      {"shared_memory.unlink.before", "shared_memory.unlink.unnamed",
       "shared_memory.claim.after_block"},
      [] {},
      [] {
        const mp::SharedMemory block{{.create = true, .size = 1, .name = block_name}};
        block.unlink();
      });
}

TEST_F(OwnershipTest, AKillAtAnyStepOfCleaningIsMadeGoodByTheNext) {
  expect_clean_after_kill_at(
      {"shared_memory.sweep.claim_taken", "shared_memory.remove.looked",
       "shared_memory.remove.aside", "shared_memory.sweep.block_removed"},
      [] { EXPECT_TRUE(WIFSIGNALED(run_in_fork([] { create_block(block_name, SIGKILL); }))); },
      [] { remove_orphans(); });
}

// CPython: TestResourceTracker.test_resource_tracker_lock_reinit_after_fork
TEST_F(OwnershipTest, AChildForkedWhileAnotherThreadClaimsMayClaimItself) {
  std::atomic<bool> stop{false};
  std::thread claiming{[&] {
    while (!stop) {
      const mp::SharedMemory block{{.create = true, .size = 1}};
      block.unlink();
    }
  }};
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(run_in_fork([] {
                const mp::SharedMemory own{{.create = true, .size = 1, .name = block_name}};
                own.unlink();
              }),
              0);
  stop = true;
  claiming.join();
  EXPECT_EQ(claims(), 0);
}

TEST_F(OwnershipTest, ACreatorThatFindsTheNameTakenTouchesNothing) {
  const Block block;
  EXPECT_THROW(mp::SharedMemory({.create = true, .size = 1, .name = block.memory.name()}),
               mp::FileExistsError);
  EXPECT_EQ(claims(), 1);
  EXPECT_EQ(block.memory.size(), 512U);
}

// CPython: TestResourceTracker.test_resource_tracker_exit_code
TEST_F(OwnershipTest, TheEndOfTheProgramTakesAwayWhatItDidNotUnlink) {
  const auto result = test_support::run_program({OWNER_PROGRAM, block_name});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_NE(result.err.find(std::string{"not unlinked: "} + block_name), std::string::npos)
      << result.report();
  EXPECT_FALSE(exists(block_name));
  EXPECT_EQ(claims(), 0);
}

TEST_F(OwnershipTest, MpCleanNamesWhatItRemoved) {
  const int status = run_in_fork([] { create_block(block_name, SIGKILL); });
  EXPECT_TRUE(WIFSIGNALED(status));
  const auto result = test_support::run_program({MP_CLEAN});
  EXPECT_EQ(result.exitcode, 0) << result.report();
  EXPECT_EQ(result.out, std::string{block_name} + '\n');
  EXPECT_FALSE(exists(block_name));
  EXPECT_EQ(test_support::run_program({MP_CLEAN}).out, "");
}

}  // namespace
}  // namespace shared_memory_test
