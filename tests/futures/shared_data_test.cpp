// Values by name, and workers that are killed in each step of a change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/fail_point.hpp"
#include "futures_suite.hpp"
#include "process/end_fd.hpp"
#include "process/envelope.hpp"
#include "support/fail_points.hpp"

namespace futures_test {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;
using Strings = std::vector<std::string>;

class SharedDataTest : public FuturesTest {};
FOR_EVERY_START_METHOD(SharedDataTest);

TEST_P(SharedDataTest, ValuesOfAnyTypeAreKeptByTheirNames) {
  const mp::SharedData data;
  EXPECT_FALSE(data.contains("number"));
  EXPECT_EQ(data.get<int>("number"), std::nullopt);
  EXPECT_TRUE(data.keys().empty());
  data.set("number", 7);
  data.set("text", "seven");
  data.set("list", Strings{"a", "b"});
  data.set("", 1.5);
  EXPECT_EQ(data.get<int>("number"), 7);
  EXPECT_EQ(data.get<std::string>("text"), "seven");
  EXPECT_EQ(data.get<Strings>("list"), (Strings{"a", "b"}));
  EXPECT_EQ(data.get<double>(""), 1.5);
  EXPECT_THAT(data.keys(), UnorderedElementsAre("number", "text", "list", ""));
  data.set("number", "eight");
  EXPECT_EQ(data.get<std::string>("number"), "eight");
  EXPECT_TRUE(data.erase("number"));
  EXPECT_FALSE(data.erase("number"));
  EXPECT_FALSE(data.contains("number"));
  EXPECT_TRUE(data.contains("text"));
  EXPECT_EQ(mp::SharedData(data), data);
  EXPECT_FALSE(mp::SharedData() == data);
}

TEST_P(SharedDataTest, ThereIsRoomForManyNamesAndErasedOnesMakeRoom) {
  const mp::SharedData data;
  for (int i = 0; i < 100; ++i) data.set("name " + std::to_string(i), i);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(data.get<int>("name " + std::to_string(i)), i);
  const auto before = in_use();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(data.erase("name " + std::to_string(i)));
    data.set("other " + std::to_string(i), i);
  }
  EXPECT_EQ(in_use(), before);
  EXPECT_EQ(data.keys().size(), 100U);
}

TEST_P(SharedDataTest, AValueOfAnotherTypeIsAnErrorThatNamesBoth) {
  const mp::SharedData data;
  data.set("x", "text");
  try {
    (void)data.get<int>("x");
    ADD_FAILURE();
  } catch (const mp::SerializationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("\"x\" is a std::"));
    EXPECT_THAT(error.what(), HasSubstr("asked for as int"));
  }
  EXPECT_THROW(data.update<int>("x", [](int&) {}), mp::SerializationError);
  EXPECT_EQ(data.get<std::string>("x"), "text");
}

/// Mentions the end of a pipe, as a Connection does.
struct End {
  template <class Archive>
  void serialize(Archive&, unsigned) {
    if constexpr (Archive::is_saving::value)
      mp::detail::Envelope::enclose(
          std::make_shared<mp::detail::EndFd>(mp::detail::UniqueFd{dup(STDERR_FILENO)}));
  }
};

TEST_P(SharedDataTest, AnEndOfAPipeIsRefused) {
  const mp::SharedData data;
  EXPECT_THROW(data.set("end", End{}), mp::SerializationError);
  EXPECT_FALSE(data.contains("end"));
}

TEST_P(SharedDataTest, WhatAValueMentionsLivesAsLongAsTheValue) {
  const mp::SharedData data;
  data.set("other", 1);
  const auto before = in_use();
  {
    const Counters counters;
    counters.raise(5);
    data.set("counters", counters);
  }
  EXPECT_EQ(in_use().objects, before.objects + 2);
  EXPECT_EQ(data.get<Counters>("counters")->raise(5), 1U);
  data.erase("counters");
  EXPECT_EQ(in_use().objects, before.objects);
}

void count_to(const mp::SharedData& data, int times) {
  for (int i = 0; i < times; ++i) data.update<int>("count", [](int& n) { ++n; });
}

TEST_P(SharedDataTest, NoChangeOfSeveralWorkersIsLost) {
  mp::ProcessPoolExecutor executor(3);
  const mp::SharedData data;
  std::vector<mp::Future<void>> futures;
  for (int i = 0; i < 3; ++i) futures.push_back(executor.submit(count_to, data, 200));
  count_to(data, 200);
  for (const auto& future : futures) future.result();
  EXPECT_EQ(data.get<int>("count"), 800);
}

TEST_P(SharedDataTest, AChangeIsMadeAgainWhenAnotherCameFirst) {
  const mp::SharedData data;
  int calls = 0;
  const int left = data.update<int>("n", [&](int& n) {
    if (++calls == 1) data.set("n", 10);
    ++n;
  });
  EXPECT_EQ(left, 11);
  EXPECT_EQ(calls, 2);
  data.update<int>("n", [&](int& n) {
    if (++calls > 3) return;
    data.erase("n");  // and one of that name comes again, with the old value
    data.set("n", 11);
    n = 99;
  });
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(data.get<int>("n"), 11);
}

TEST_P(SharedDataTest, AChangeThatThrowsOrIsKilledChangesNothingAndHoldsUpNoOther) {
  mp::ProcessPoolExecutor executor(1);
  const mp::SharedData data;
  data.set("n", 1);
  EXPECT_THROW(data.update<int>("n",
                                [](int& n) {
                                  n = 2;
                                  throw std::domain_error("no");
                                }),
               std::domain_error);
  const auto killed = executor.submit(
      [](const mp::SharedData& all) {
        all.update<int>("n", [](int& n) {
          n = 3;
          raise(SIGKILL);
        });
      },
      data);
  EXPECT_THROW(killed.result(), mp::WorkerDied);
  EXPECT_EQ(data.get<int>("n"), 1);
  EXPECT_EQ(data.update<int>("n", [](int& n) { ++n; }), 2);
}

enum class Change { set, update, erase, add };

void change_and_die(const mp::SharedData& data, Change change, const std::string& point) {
  mp::detail::arm_fail_point(point);
  if (change == Change::set) data.set("name 0", "new");
  if (change == Change::update)
    data.update<std::string>("name 0", [](std::string& text) { text = "new"; });
  if (change == Change::erase) data.erase("name 0");
  if (change == Change::add) data.set("name 16", "new");  // the table grows
  mp::detail::arm_fail_point("");
}

// There is the old value or the new one, for each step that a kill may come after.
TEST_P(SharedDataTest, AKillAtEachStepOfAChangeLeavesTheOldValueOrTheNewOne) {
  mp::ProcessPoolExecutor executor(1);
  std::set<std::string> points = test_support::fail_points_in(FUTURES_SOURCES, "futures.data.");
  ASSERT_EQ(points.size(), 5U);
  points.insert({"arena.lock.taken", "arena.lock.before_release", "arena.lock.after_release"});
  int deaths = 0;
  for (const std::string& point : points) {
    for (const Change change : {Change::set, Change::update, Change::erase, Change::add}) {
      SCOPED_TRACE(point);
      const mp::SharedData data;
      for (int i = 0; i < 16; ++i) data.set("name " + std::to_string(i), "old");
      const auto future = executor.submit(change_and_die, data, change, point);
      const bool died = future.exception() != nullptr;
      deaths += died ? 1 : 0;
      const auto seen = data.get<std::string>(change == Change::add ? "name 16" : "name 0");
      const std::string old = change == Change::add ? "none" : "old";
      const std::string made = change == Change::erase ? "none" : "new";
      if (!died) {
        EXPECT_EQ(seen.value_or("none"), made);
      } else {
        EXPECT_THAT(seen.value_or("none"), testing::AnyOf(old, made));
      }
      EXPECT_EQ(data.get<std::string>("name 1"), "old");
      data.set("name 0", "newer");  // a worker and this process go on with it
      executor.submit(change_and_die, data, Change::update, "").result();
      EXPECT_EQ(data.get<std::string>("name 0"), "new");
    }
  }
  EXPECT_GE(deaths, 3 * 4 + 2 + 3 * 4);  // growing has two steps, and all three of the lock
}

}  // namespace
}  // namespace futures_test
