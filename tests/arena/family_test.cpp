// The family: which members live, whatever they have done to themselves.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "arena/birth.hpp"
#include "arena/family.hpp"
#include "arena/settle.hpp"
#include "base/fail_point.hpp"
#include "children.hpp"
#include "multiprocessing/detail/handle.hpp"

namespace {

using namespace arena_test;
using mp::detail::alive;
using mp::detail::Member;

using FamilyTest = ArenaTest;

TEST_F(FamilyTest, ThisProcessLivesAndNobodyDoesNot) {
  EXPECT_TRUE(mp::detail::self());
  EXPECT_EQ(mp::detail::self(), mp::detail::self_if_any());
  EXPECT_TRUE(alive(mp::detail::self()));
  EXPECT_FALSE(alive(Member{}));
  EXPECT_EQ(mp::detail::pid_of(mp::detail::self()), getpid());
  EXPECT_EQ(mp::detail::pid_of(Member{}), 0);
}

TEST_F(FamilyTest, AChildOnItsWayLives) {
  mp::detail::Birth birth;
  EXPECT_TRUE(alive(birth.child()));
  EXPECT_EQ(mp::detail::pid_of(birth.child()), 0);
  const Member child = birth.child();
  { const mp::detail::Birth dropped = std::move(birth); }
  EXPECT_FALSE(alive(child));
}

TEST_F(FamilyTest, AZombieIsDead) {
  Gate born;
  Child child{[&] {
    born.open();
    return pause();
  }};
  EXPECT_TRUE(born.wait());
  EXPECT_TRUE(alive(child.member()));
  EXPECT_EQ(mp::detail::pid_of(child.member()), child.pid());
  ::kill(child.pid(), SIGKILL);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(alive(child.member()));
  EXPECT_EQ(child.join(), -SIGKILL);
}

TEST_F(FamilyTest, AChildKilledBeforeItsBirthIsDeadToAllThoughNobodyReapedIt) {
  mp::detail::arm_fail_point("arena.join.after_lock");
  Child child{[] { return 0; }};
  mp::detail::arm_fail_point({});
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT);
  Child other{[&] { return alive(child.member()) ? 1 : 0; }};
  EXPECT_EQ(other.join(), 0);
  EXPECT_FALSE(alive(child.member()));
  EXPECT_EQ(mp::detail::pid_of(child.member()), child.pid());
  EXPECT_EQ(child.join(), -SIGKILL);
}

TEST_F(FamilyTest, AChildThatItsDeadParentOnlyPreparedIsDeadToAll) {
  const mp::detail::Handle object = mp::detail::Handle::make(sizeof(Member));
  Child parent{[&] {
    const mp::detail::Birth birth;
    *object.as<Member>() = birth.child();
    return raise(SIGKILL);
  }};
  EXPECT_EQ(parent.join_unsettled(), -SIGKILL);
  EXPECT_FALSE(alive(*object.as<Member>()));
  EXPECT_EQ(mp::detail::sweep(), 2);
}

TEST_F(FamilyTest, AProcessThatExecutesAnotherProgramIsDead) {
  Gate born;
  Child child{[&] {
    born.open();
    return execlp("sleep", "sleep", "100", nullptr);
  }};
  EXPECT_TRUE(born.wait());
  while (alive(child.member())) usleep(500);
  EXPECT_EQ(kill(child.pid(), 0), 0);
  EXPECT_EQ(child.kill(), -SIGKILL);
}

TEST_F(FamilyTest, AProcessWhoseFirstThreadEndedLives) {
  Gate ended;
  Child child{[&] {
    std::thread{[&, first = pthread_self()] {
      pthread_join(first, nullptr);
      ended.open();
      pause();
    }}.detach();
    return static_cast<int>(syscall(SYS_exit, 0));  // of this thread alone
  }};
  EXPECT_TRUE(ended.wait());
  EXPECT_TRUE(alive(child.member()));
  EXPECT_EQ(child.kill(), -SIGKILL);
  EXPECT_FALSE(alive(child.member()));
}

TEST_F(FamilyTest, AChildInAnotherPidNamespaceLivesAndDiesLikeAnyOther) {
  Gate born;
  Gate seen;
  const mp::detail::Handle object = mp::detail::Handle::make(sizeof(Member));
  Child parent{[&] {
    if (unshare(CLONE_NEWPID) != 0) return 77;
    return Child{[&] {
             *object.as<Member>() = mp::detail::self();
             born.open();
             return seen.wait() ? 0 : 1;
           }}
        .join_unsettled();
  }};
  if (!born.wait()) {
    EXPECT_EQ(parent.join(), 77);
    GTEST_SKIP() << "may not make a pid namespace here";
  }
  const Member child = *object.as<Member>();
  EXPECT_TRUE(alive(child));
  // And 1 is another process here: whether a member lives is not asked by its pid.
  EXPECT_EQ(mp::detail::pid_of(child), 1);
  seen.open();
  EXPECT_EQ(parent.join(), 0);
  EXPECT_FALSE(alive(child));
}

TEST_F(FamilyTest, AnExitCodeLeftInTheSlotIsThatOfItsMemberAlone) {
  Child child{[] {
    mp::detail::leave_exit_code(-7);
    return 0;
  }};
  const Member first = child.member();
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(mp::detail::left_exit_code(first), -7);
  EXPECT_EQ(mp::detail::left_exit_code(Member{first.slot, first.generation + 1}), std::nullopt);
  EXPECT_EQ(mp::detail::left_exit_code(Member{}), std::nullopt);
}

TEST_F(FamilyTest, SettlingTwiceOrTheLivingSelfDoesNothing) {
  Child child{[] { return 0; }};
  const Member member = child.member();
  EXPECT_EQ(child.join(), 0);
  mp::detail::settle(member);
  mp::detail::settle(Member{});
  mp::detail::settle(mp::detail::self());
  EXPECT_TRUE(alive(mp::detail::self()));
}

TEST_F(FamilyTest, SlotsAreReusedFirstInFirstOutUnderNewNames) {
  std::vector<std::uint32_t> slots;
  Member first;
  for (int i = 0; i < 4200; ++i) {
    const mp::detail::Birth birth;
    if (i == 0) first = birth.child();
    EXPECT_TRUE(i == 0 || birth.child() != first);
    if (i != 0 && birth.child().slot == first.slot) {
      EXPECT_TRUE(alive(birth.child()));
      EXPECT_FALSE(alive(first));
    }
    slots.push_back(birth.child().slot);
  }
  // All others come before one comes again.
  for (std::size_t i = 1; i < 4000; ++i) EXPECT_NE(slots[i], slots[0]);
  EXPECT_FALSE(alive(first));
}

TEST_F(FamilyTest, SweepCountsWhoDiedUnnoticed) {
  const mp::detail::Handle object = mp::detail::Handle::make(1);
  for (int i = 0; i < 3; ++i) {
    Gate born;
    Child child{[&] {
      born.open();
      return 0;
    }};
    EXPECT_TRUE(born.wait());
    EXPECT_EQ(child.join_unsettled(), 0);
  }
  EXPECT_EQ(mp::detail::sweep(), 3);
  EXPECT_EQ(mp::detail::sweep(), 0);
}

}  // namespace
