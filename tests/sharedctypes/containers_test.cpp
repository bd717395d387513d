// SharedVector, SharedString, SharedMap: shared, growing, and what a killed process leaves.
#include <csignal>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/fail_point.hpp"
#include "multiprocessing/sharedctypes/shared_map.hpp"
#include "multiprocessing/sharedctypes/shared_string.hpp"
#include "multiprocessing/sharedctypes/shared_vector.hpp"
#include "synchronize/synchronize_suite.hpp"

namespace {

using namespace synchronize_test;
using namespace std::chrono_literals;

class ContainersTest : public ArenaTest {};
class SharedContainersTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(SharedContainersTest);

TEST_F(ContainersTest, AVectorGrowsAndShrinks) {
  const mp::SharedVector<int> numbers{3, 1};
  for (int i = 0; i < 1000; ++i) numbers.push_back(i);
  EXPECT_EQ(numbers.size(), 1002U);
  EXPECT_EQ(numbers.at(0), 3);
  EXPECT_EQ(numbers.at(-1), 999);
  EXPECT_THROW(static_cast<void>(numbers.at(1002)), mp::IndexError);
  numbers.set(-1, 7);
  EXPECT_EQ(numbers.pop_back(), 7);
  numbers.update([](auto& all) { all.resize(2); });
  EXPECT_EQ(numbers.copy(), (std::vector<int>{3, 1}));
  numbers.clear();
  EXPECT_TRUE(numbers.empty());
  EXPECT_THROW(numbers.pop_back(), mp::IndexError);
}

TEST_F(ContainersTest, TextLiesInSharedMemoryToo) {
  const std::string text(500, 'x');
  const mp::SharedVector<std::string> lines{"one", text};
  lines.push_back("");
  EXPECT_EQ(lines.copy(), (std::vector<std::string>{"one", text, ""}));
  const mp::SharedMap<std::string, std::string> names;
  names.set("key", text);
  names.set("key", "other");
  names.change(text, [](mp::SharedText& value) { value.append("added"); });
  EXPECT_EQ(names.copy(), (std::map<std::string, std::string>{{"key", "other"}, {text, "added"}}));
  const mp::SharedString log{"begin"};
  log.append(text);
  EXPECT_EQ(log.str(), "begin" + text);
}

TEST_F(ContainersTest, AMapFindsSetsAndErases) {
  const mp::SharedMap<int, double> map;
  EXPECT_FALSE(map.get(1));
  EXPECT_THROW(static_cast<void>(map.at(1)), mp::KeyError);
  map.set(1, 1.5);
  EXPECT_EQ(map.at(1), 1.5);
  EXPECT_EQ(map.change(2, [](double& value) { return value += 4; }), 4);
  EXPECT_TRUE(map.contains(2));
  EXPECT_TRUE(map.erase(1));
  EXPECT_FALSE(map.erase(1));
  EXPECT_EQ(map.size(), 1U);
}

TEST_F(ContainersTest, CopiesAreTheSameContainerAndItsThreadMayTakeItAgain) {
  const mp::SharedVector<int> numbers{1};
  const auto copy = numbers;  // NOLINT: that is the point
  const auto held = numbers.access();
  copy.push_back(2);
  EXPECT_EQ(held->size(), 2U);
  EXPECT_EQ((std::unordered_set<mp::SharedVector<int>>{numbers, copy}).size(), 1U);
  EXPECT_NE(numbers, mp::SharedVector<int>{});
}

void count_words(mp::SharedMap<std::string, int> words, mp::SharedVector<int> done, int times) {
  for (int i = 0; i < times; ++i)
    words.change("word " + std::to_string(i % 10), [](int& count) { ++count; });
  done.push_back(times);
}

TEST_P(SharedContainersTest, ProcessesFillOneMap) {
  const mp::SharedMap<std::string, int> words;
  const mp::SharedVector<int> done;
  std::vector<mp::Process> children;
  for (int i = 0; i < 3; ++i) children.emplace_back(count_words, words, done, 200).start();
  for (auto& child : children) child.join();
  EXPECT_EQ(done.copy(), std::vector<int>(3, 200));
  EXPECT_EQ(words.size(), 10U);
  for (const auto& [word, count] : words.copy()) EXPECT_EQ(count, 60) << word;
}

// ---- death ----

void die_holding(mp::SharedVector<int> numbers, bool reading) {
  if (reading) {
    const auto held = numbers.read();
    std::raise(SIGKILL);
  }
  const auto held = numbers.access();
  held->push_back(13);
  std::raise(SIGKILL);
}

TEST_P(SharedContainersTest, WhoIsKilledWhileReadingLeavesItSound) {
  const mp::SharedVector<int> numbers{1, 2};
  EXPECT_EQ(run_in_child(die_holding, numbers, true), -SIGKILL);
  EXPECT_THROW(numbers.push_back(3), mp::OwnerDied);
  EXPECT_THROW(static_cast<void>(numbers.read()), mp::OwnerDied);
  EXPECT_TRUE(numbers.recover().sound());
  numbers.push_back(3);
  EXPECT_EQ(numbers.copy(), (std::vector<int>{1, 2, 3}));
}

TEST_P(SharedContainersTest, WhoIsKilledWhileChangingLeavesItToBeMendedOrDropped) {
  const mp::SharedVector<int> numbers{1, 2};
  EXPECT_EQ(run_in_child(die_holding, numbers, false), -SIGKILL);
  EXPECT_THROW(static_cast<void>(numbers.size()), mp::OwnerDied);
  {
    const auto left = numbers.recover();
    EXPECT_FALSE(left.sound());
    left->pop_back();
  }
  EXPECT_EQ(numbers.copy(), (std::vector<int>{1, 2}));

  EXPECT_EQ(run_in_child(die_holding, numbers, false), -SIGKILL);
  numbers.drop();
  EXPECT_TRUE(numbers.empty());
  numbers.push_back(5);
  EXPECT_EQ(numbers.copy(), std::vector<int>{5});
}

using TextMap = mp::SharedMap<int, std::string>;

void fill_until_killed(TextMap map, std::string point, unsigned nth) {
  mp::detail::arm_fail_point(point, nth);
  for (int i = 0; i < 100; ++i) map.set(i % 17, std::string(static_cast<std::size_t>(40 + i), 'x'));
  map.drop();
  map.set(0, "");
}

TEST_P(SharedContainersTest, AKillAtAnyStepCanBeDroppedAndLeavesNothing) {
  for (const char* point : {"sharedctypes.container.changing", "sharedctypes.container.constructed",
                            "sharedctypes.container.changed", "sharedctypes.container.settled",
                            "sharedctypes.container.dropping", "sharedctypes.container.unmade",
                            "arena.member.counted", "arena.member.after_commit"})
    for (const unsigned nth : {1U, 9U}) {
      SCOPED_TRACE(point);
      TextMap map;
      const int ended = run_in_child(fill_until_killed, map, std::string{point}, nth);
      if (ended == 0) continue;  // it does not come by that often
      EXPECT_EQ(ended, -SIGKILL);
      map.drop();
      map.set(3, "three");
      EXPECT_EQ(map.copy(), (std::map<int, std::string>{{3, "three"}}));
    }
}

}  // namespace
