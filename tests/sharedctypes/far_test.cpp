// Containers and arrays that lie where a process has not mapped the arena yet, and may not.
#include <csignal>
#include <numeric>
#include <string>
#include <vector>

#include "multiprocessing/sharedctypes/array.hpp"
#include "multiprocessing/sharedctypes/shared_vector.hpp"
#include "support/address_space.hpp"
#include "synchronize/synchronize_suite.hpp"

namespace {

using namespace synchronize_test;
using test_support::FarAway;
using test_support::limit_address_space;
using test_support::MiB;

constexpr int many = 100'000;  // more than a chunk of ints

class FarObjectsTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(FarObjectsTest);

void read_then_write(mp::SharedVector<int> numbers, Counters turn) {
  static_cast<void>(numbers.size());
  turn.raise(0);
  turn.wait_for(1, 1);
  const std::vector<int> all = numbers.copy();
  const bool right = all.size() == many && all.back() == many - 1;
  const FarAway far;
  numbers.update([](auto& held) { held.assign(many, 7); });
  turn.raise(0);
  turn.wait_for(2, 1);
  if (!right) std::raise(SIGABRT);
}

TEST_P(FarObjectsTest, EachSideReadsWhatTheOtherPutWhereItHasNeverBeen) {
  const mp::SharedVector<int> numbers;
  const Counters turn;
  mp::Process child{read_then_write, numbers, turn};
  child.start();
  turn.wait_for(1, 0);
  const FarAway far;
  numbers.update([](auto& held) {
    held.resize(many);
    std::iota(held.begin(), held.end(), 0);
  });
  turn.raise(1);
  turn.wait_for(2, 0);
  EXPECT_EQ(numbers.copy(), std::vector<int>(many, 7));
  turn.raise(1);
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

/// How a call of a process with a limit ended.
enum Ended : int { well, refused, other_text };

template <class Act>
Ended end_of(Act act) {
  try {
    act();
    return well;
  } catch (const mp::OSError& error) {
    const std::string text = error.what();
    return text.find("RLIMIT_AS") != text.npos ? refused : other_text;
  }
}

void be_refused(mp::SharedVector<int> numbers, Counters turn, std::string what) {
  static_cast<void>(numbers.locked());
  limit_address_space(100 * MiB);
  turn.raise(0);
  turn.wait_for(1, 1);
  const Ended end = end_of([&] {
    if (what == "read") static_cast<void>(numbers.read());
    if (what == "access") static_cast<void>(numbers.access());
    if (what == "recover") static_cast<void>(numbers.recover());
    if (what == "drop") numbers.drop();
    if (what == "grow") numbers.update([](auto& held) { held.resize(200 * MiB); });
  });
  if (end != refused) std::raise(SIGABRT);
}

/// A process that may not map further windows does `what`, once the others have grown the arena.
class Refused {
 public:
  Refused(const mp::SharedVector<int>& numbers, const char* what)
      : child_{be_refused, numbers, turn_, std::string{what}} {
    child_.start();
    turn_.wait_for(1, 0);
  }
  void go() {
    turn_.raise(1);
    child_.join();
    EXPECT_EQ(child_.exitcode(), 0);
  }

 private:
  Counters turn_;
  mp::Process child_;
};

TEST_P(FarObjectsTest, WhoMayNotMapAContainerLeavesItsLockToTheOthers) {
  for (const char* what : {"read", "access", "drop"}) {
    SCOPED_TRACE(what);
    const mp::SharedVector<int> numbers{1, 2};
    Refused limited{numbers, what};
    const FarAway far;
    numbers.update([](auto& held) { held.assign(many, 3); });
    limited.go();
    EXPECT_FALSE(numbers.locked());
    EXPECT_EQ(numbers.size(), std::size_t{many});
  }
}

TEST_P(FarObjectsTest, WhoMayNotGrowAContainerLeavesItAndItsLockToTheOthers) {
  const mp::SharedVector<int> numbers{1, 2};
  Refused limited{numbers, "grow"};
  const FarAway far;
  limited.go();
  EXPECT_FALSE(numbers.locked());
  EXPECT_EQ(numbers.copy(), (std::vector<int>{1, 2}));
}

void die_while_changing(mp::SharedVector<int> numbers) {
  const auto held = numbers.access();
  held->push_back(13);
  std::raise(SIGKILL);
}

TEST_P(FarObjectsTest, WhoMayNotMapWhatADeadHolderLeftLeavesItToBeRecovered) {
  for (const char* what : {"recover", "drop"}) {
    SCOPED_TRACE(what);
    const mp::SharedVector<int> numbers;
    Refused limited{numbers, what};
    const FarAway far;
    numbers.update([](auto& held) { held.assign(many, 3); });
    EXPECT_EQ(run_in_child(die_while_changing, numbers), -SIGKILL);
    limited.go();
    EXPECT_THROW(static_cast<void>(numbers.size()), mp::OwnerDied);
    const auto left = numbers.recover();
    EXPECT_FALSE(left.sound());
    EXPECT_EQ(left->size(), std::size_t{many} + 1);
  }
}

constexpr std::size_t hundred_gib = std::size_t{100} << 30;

void make_small_ones(Counters turn) {
  limit_address_space(400 * MiB);
  turn.raise(0);
  turn.wait_for(1, 1);
  // More than the windows that it has mapped: it has to map further ones.
  std::vector<mp::RawArray<char>> arrays;
  for (int i = 0; i < 200; ++i) arrays.emplace_back(MiB)[MiB - 1] = 1;
}

TEST_P(FarObjectsTest, AnArrayOf100GiBLeavesAMemberWithALimitRoomForSmallOnes) {
  const Counters turn;
  mp::Process limited{make_small_ones, turn};
  limited.start();
  turn.wait_for(1, 0);
  const mp::Array<char> large(hundred_gib, {.sparse = true});
  large[static_cast<std::ptrdiff_t>(hundred_gib) - 1] = 1;
  turn.raise(1);
  limited.join();
  EXPECT_EQ(limited.exitcode(), 0);
}

}  // namespace
