// A kill at every instruction boundary that matters, and what it leaves.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "arena/birth.hpp"
#include "arena/message_handles.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "churn.hpp"
#include "support/asked.hpp"
#include "support/fail_points.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace arena_test;
using mp::detail::Handle;
using mp::detail::handle_from;
using test_support::asked;

/// Every fail point in the sources of the arena.
std::set<std::string> points_in_sources() {
  return test_support::fail_points_in(ARENA_SOURCES, "arena.");
}

/// Waits until each of the workers has gone on by some rounds.
void wait_for_progress(const Board& board, std::uint32_t workers) {
  std::vector<std::uint64_t> before;
  for (std::uint32_t i = 0; i < workers; ++i) before.push_back(board.rounds[i]);
  for (std::uint32_t i = 0; i < workers; ++i)
    while (board.rounds[i] < before[i] + 3) usleep(100);
}

/// Ends the workers and what they may have left running.
void stop(Board& board, std::vector<Child>& workers, std::uint64_t members_before) {
  board.stop = true;
  for (Child& worker : workers) EXPECT_EQ(worker.join(), 0);
  // Children of a killed process end by themselves, soon.
  while (use_at_rest().processes > members_before) usleep(200);
}

/// Those that have tests of their own, below or beside this file; a child that is born counts for
/// itself.
bool made_on_purpose(const std::string& name) {
  return name.starts_with("arena.join.") || name.starts_with("arena.event_count.") ||
         name.starts_with("arena.bias.") || name.starts_with("arena.windows.") ||
         name == "arena.settle.window_taken" || name == "arena.settle.chunk_taken" ||
         name == "arena.ledger.after_note" || name == "arena.chunks.after_high_water";
}

class FailPointsTest : public ArenaTest {};

TEST_F(FailPointsTest, EveryOneInTheArenaIsPassedByTheTestThatKillsThere) {
  const auto members = use_at_rest().processes;
  const Handle board = make_board();
  std::vector<Child> others;
  for (int i = 0; i < 2; ++i) others.emplace_back([&] { return work_until_stopped(board, true); });
  Child counting{[&] {
    std::set<std::string> missing = points_in_sources();
    std::erase_if(missing, made_on_purpose);
    mp::detail::count_fail_points(true);
    Churn churn{board, 4711};
    for (int i = 0; i < 20'000 && !missing.empty(); ++i) {
      churn.round();
      if (i % 500 == 0)
        for (const std::string& name : mp::detail::fail_points_seen()) missing.erase(name);
    }
    for (const std::string& name : missing) std::fprintf(stderr, "not passed: %s\n", name.c_str());
    return missing.empty() ? 0 : 1;
  }};
  EXPECT_EQ(counting.join(), 0);
  stop(*board.as<Board>(), others, members);
}

class EveryFailPoint : public ArenaTest, public testing::WithParamInterface<std::string> {};

TEST_P(EveryFailPoint, KilledThereLeavesTheOthersAtWorkAndNothingLost) {
  const test_support::Watchdog allowed{std::chrono::seconds{600}};
  const int kills = asked("MULTIPROCESSING_TEST_KILLS_PER_POINT", 3);
  const auto members = use_at_rest().processes;
  const Handle board = make_board();
  auto& shared = *board.as<Board>();
  std::vector<Child> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back([&] { return work_until_stopped(board, false); });
  int killed = 0;
  unsigned tries = 0;
  for (; killed < kills && tries < 5U * static_cast<unsigned>(kills); ++tries) {
    const unsigned nth = tries % 2 == 0 ? 1 : tries * tries * 3 % 97U + 1;
    Child victim{[&] {
      mp::detail::arm_fail_point(GetParam(), nth);
      Churn churn{board, tries};
      for (int i = 0; i < 800; ++i) churn.round();
      return 0;
    }};
    killed += tries % 2 == 0 ? victim.join() == -SIGKILL : victim.join_unsettled() == -SIGKILL;
    wait_for_progress(shared, 3);
  }
  stop(shared, workers, members);
  std::printf("killed %d of %u times\n", killed, tries);
}

std::vector<std::string> every_point() {
  std::set<std::string> names = points_in_sources();
  std::erase_if(names, made_on_purpose);
  return {names.begin(), names.end()};
}
INSTANTIATE_TEST_SUITE_P(Arena, EveryFailPoint, testing::ValuesIn(every_point()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

// Where a process comes only when others are in a certain state: made on purpose.

template <class Body>
mp::detail::Member killed_at(const char* point, Body body) {
  Child child{[&] {
    mp::detail::arm_fail_point(point);
    body();
    return 0;
  }};
  EXPECT_EQ(child.join_unsettled(), -SIGKILL) << point;
  return child.member();
}

TEST_F(FailPointsTest, KilledRightAfterNotingThatAnothersCountIsDone) {
  const Handle object = Handle::make(10);
  const Handle holder = Handle::make(1, 3);
  const auto links = mp::detail::links_of(holder);
  Gate gate;
  // Forked first, for booking the object to a child overwrites its count as well.
  Child second{[&] {
    if (!gate.wait()) return 1;
    mp::detail::arm_fail_point("arena.ledger.after_note");
    mp::detail::hold(links[1], object);
    return 2;
  }};
  killed_at("arena.ledger.after_count", [&] { mp::detail::hold(links[0], object); });
  gate.open();
  EXPECT_EQ(second.join_unsettled(), -SIGKILL);
  mp::arena_sweep();
  EXPECT_EQ(handle_from(links[0]), object);
  EXPECT_FALSE(handle_from(links[1]));
}

TEST_F(FailPointsTest, KilledWhileItSettlesWhomItTakesALockFrom) {
  for (const char* point : {"arena.lock.before_settling", "arena.lock.taken_over",
                            "arena.settle.after_mark", "arena.settle.before_end"}) {
    const Shared<mp::detail::OwnerLock> lock;
    auto take = [&] { static_cast<void>(lock->acquire()); };
    killed_at("arena.lock.taken", take);
    killed_at(point, take);
    EXPECT_EQ(lock->acquire(), mp::detail::OwnerLock::Taken::from_the_dead) << point;
    lock->release();
  }
}

TEST_F(FailPointsTest, KilledRightBeforeItSleepsForALock) {
  const Handle board = make_board();
  auto& held = board.as<Board>()->lock;
  static_cast<void>(held.acquire());
  killed_at("arena.lock.before_sleep", [&] { static_cast<void>(held.acquire()); });
  held.release();
  EXPECT_EQ(held.acquire(), mp::detail::OwnerLock::Taken::free);
  held.release();
}

TEST_F(FailPointsTest, KilledWhileItJoinsTheFamily) {
  for (const char* point : {"arena.join.after_lock", "arena.join.after_birth"}) {
    mp::detail::arm_fail_point(point);  // which the child inherits
    Child child{[] { return 0; }};
    mp::detail::arm_fail_point({});
    EXPECT_EQ(child.join_unsettled(), -SIGKILL) << point;
  }
}

TEST_F(FailPointsTest, KilledWhileItPassesOnTheDutiesOfTheDead) {
  Child parent{[] {
    for (int i = 0; i < 3; ++i) static_cast<void>(new mp::detail::Birth{});
    return 0;
  }};
  EXPECT_EQ(parent.join_unsettled(), 0);
  killed_at("arena.settle.duty_passed", [] { mp::arena_sweep(); });
}

TEST_F(FailPointsTest, KilledRightAfterItRaisedTheMarkOfChunksEverUsed) {
  killed_at("arena.chunks.after_high_water", [] {
    std::vector<Handle> kept;
    for (;;) kept.push_back(Handle::make_sparse(std::size_t{60} << 20));
  });
}

TEST_F(FailPointsTest, HundredsOfRandomKillsLoseNothing) {
  const int kills = asked("MULTIPROCESSING_TEST_KILLS", 500);
  const test_support::Watchdog allowed{std::chrono::seconds{60 + kills / 5}};
  const auto members = use_at_rest().processes;
  const Handle board = make_board();
  auto& shared = *board.as<Board>();
  auto worker = [&] { return Child{[&] { return work_until_stopped(board, true); }}; };
  std::vector<Child> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(worker());
  std::mt19937 random{42};
  for (int i = 0; i < kills; ++i) {
    usleep(static_cast<useconds_t>(random() % 4000));
    Child& victim = workers[random() % workers.size()];
    ::kill(victim.pid(), SIGKILL);
    // Settled by its parent, or by a process that notices.
    EXPECT_EQ(random() % 2 == 0 ? victim.join() : victim.join_unsettled(), -SIGKILL);
    victim = worker();
  }
  std::uint64_t rounds = 0;
  for (const auto& each : shared.rounds) rounds += each;
  std::printf("%d kills in %lu rounds\n", kills, static_cast<unsigned long>(rounds));
  stop(shared, workers, members);
}

}  // namespace
