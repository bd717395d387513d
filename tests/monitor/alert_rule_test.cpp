// When alerts fire, by a clock of the test.
#include "monitor/alert_rule.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <malloc.h>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "monitor/history.hpp"
#include "multiprocessing/base/errors.hpp"

namespace mp = multiprocessing;
using namespace mp::detail;
using namespace std::chrono_literals;

namespace {

/// The changes of an alert, a letter each, that samples one second apart give.
class Told {
 public:
  explicit Told(const mp::AlertOptions& options) : rule_(options) {}

  Told& at(Moment::duration when, double number) {
    note(rule_.sample(Moment{1h} + when, number));
    return *this;
  }
  Told& every_second(const std::vector<double>& numbers) {
    for (const double number : numbers) at(second_++ * 1s, number);
    return *this;
  }
  void end() { note(rule_.end()); }

  [[nodiscard]] const std::string& changes() const { return changes_; }
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] mp::AlertState state() const { return rule_.state(); }

 private:
  void note(std::optional<AlertRule::Change> change) {
    if (!change) return;
    changes_ += "_pFo"[static_cast<int>(change->state)];
    value_ = change->value;
    EXPECT_EQ(change->state, rule_.state());
  }
  AlertRule rule_;
  std::string changes_;
  double value_ = 0;
  int second_ = 0;
};

constexpr mp::Metric memory = mp::Metric::memory_percent;

TEST(AlertRule, ANumberThatSwingsAroundTheThresholdGivesOneAlarm) {
  Told told{{.what = memory, .above = 90, .until_below = 80}};
  told.every_second({70, 91, 89, 91, 89, 92, 81, 90.5, 80});
  EXPECT_EQ(told.changes(), "F");
  told.every_second({79.9, 85, 79, 90});  // 90 is not above
  EXPECT_EQ(told.changes(), "Fo");
  EXPECT_EQ(told.state(), mp::AlertState::over);
  told.every_second({90.1});
  EXPECT_EQ(told.changes(), "FoF");
  EXPECT_EQ(told.value(), 90.1);
}

TEST(AlertRule, WithoutASecondThresholdItIsOverWhenTheFirstIsNotPassed) {
  Told told{{.what = memory, .above = 90}};
  told.every_second({91, 90, 91});
  EXPECT_EQ(told.changes(), "FoF");
}

TEST(AlertRule, BelowIsTheReverse) {
  Told told{{.what = memory, .below = 10, .until_above = 20}};
  told.every_second({10, 9, 15, 9, 20, 21});
  EXPECT_EQ(told.changes(), "Fo");
}

TEST(AlertRule, LastingIsExactToASample) {
  const mp::AlertOptions options{.what = memory, .above = 90, .lasting = 5s};
  Told told{options};
  told.every_second({91, 91, 91, 91, 91});
  EXPECT_EQ(told.changes(), "p");  // four seconds
  told.every_second({91});
  EXPECT_EQ(told.changes(), "pF");
  Told gap{options};
  gap.every_second({91, 91, 91, 91, 91, 90, 91, 91, 91, 91, 91});
  EXPECT_EQ(gap.changes(), "p_p");  // the time begins anew
  gap.every_second({91});
  EXPECT_EQ(gap.changes(), "p_pF");
}

TEST(AlertRule, ARateIsExactToASample) {
  const mp::AlertOptions options{.what = mp::Metric::bytes_sent, .rising_by = 100, .per = 1s};
  EXPECT_EQ(Told{options}.every_second({5, 104, 203, 302}).changes(), "");
  Told told{options};
  EXPECT_EQ(told.every_second({5, 104, 204, 303}).changes(), "Fo");
  EXPECT_EQ(told.value(), 99);
  // Samples that are closer: what counts is the span before each.
  Told close{options};
  for (int i = 0; i <= 40; ++i) close.at(i * 100ms, i * 9.9);
  EXPECT_EQ(close.changes(), "");
  for (int i = 41; i <= 60; ++i) close.at(i * 100ms, 40 * 9.9 + (i - 40) * 10);
  EXPECT_EQ(close.changes(), "F");
  // Samples that are further apart: in proportion.
  EXPECT_EQ(Told{options}.at(0s, 0).at(10s, 999).changes(), "");
  EXPECT_EQ(Told{options}.at(0s, 0).at(10s, 1000).changes(), "F");
}

TEST(AlertRule, TheFirstSampleOfARateTellsNothing) {
  EXPECT_EQ((Told{{.what = memory, .rising_by = 1}}.every_second({1e12}).changes()), "");
}

TEST(AlertRule, ACounterThatWrapsOrStartsAnewGivesNoFalseRate) {
  const mp::AlertOptions options{.what = memory, .rising_by = 100, .per = 2s};
  EXPECT_EQ(Told{options}.every_second({4294967290, 5, 50, 10, 60}).changes(), "");
  EXPECT_EQ(Told{options}.every_second({50, 1000000, 5, 60}).changes(), "Fo");
  EXPECT_EQ(Told{options}.at(0s, 1e15).at(10s, 3).at(20s, 500).changes(), "");
}

TEST(AlertRule, WhatIsNotANumberTellsNothing) {
  Told told{{.what = memory, .above = 90}};
  told.every_second({91, std::nan(""), 91, std::nan(""), 50});
  EXPECT_EQ(told.changes(), "Fo");
}

TEST(AlertRule, TheEndOfAProcessEndsItsAlarm) {
  Told told{{.what = memory, .above = 90}};
  told.every_second({91});
  told.end();
  told.end();
  EXPECT_EQ(told.changes(), "Fo");
  Told pending{{.what = memory, .above = 90, .lasting = 5s}};
  pending.every_second({91});
  pending.end();
  EXPECT_EQ(pending.changes(), "p_");
}

TEST(AlertRule, ChangesAreAlwaysToAnotherState) {
  EXPECT_TRUE(rc::check("any numbers", [](const std::vector<int>& numbers) {
    Told told{{.what = memory, .above = 50, .until_below = 20, .rising_by = 30, .lasting = 2s}};
    for (const int number : numbers) told.every_second({static_cast<double>(number % 100)});
    const std::string& changes = told.changes();
    for (std::size_t i = 1; i < changes.size(); ++i) RC_ASSERT(changes[i] != changes[i - 1]);
    RC_ASSERT(changes.find("Fp") == std::string::npos);
    RC_ASSERT(changes.find("F_") == std::string::npos);
  }));
}

TEST(AlertRule, OptionsThatMakeNoSenseAreRefused) {
  const auto refused = [](const mp::AlertOptions& options) {
    EXPECT_THROW((AlertRule{options}), mp::ValueError);
  };
  refused({.what = memory});
  refused({.what = memory, .above = std::nan("")});
  refused({.what = memory, .above = 80, .until_below = 90});
  refused({.what = memory, .until_below = 90, .below = 10});
  refused({.what = memory, .below = 80, .until_above = 70});
  refused({.what = memory, .rising_by = 0});
  refused({.what = memory, .rising_by = 1, .per = 0s});
  refused({.what = mp::Metric::load, .above = 1, .process = mp::current_process()});
  refused({.what = memory, .above = 1, .process = mp::ProcessHandle{}});
  refused({.what = [] { return 1; }, .above = 1, .process = mp::current_process()});
}

TEST(AlertRule, MillionsOfSamplesTakeNoMoreMemory) {
  AlertRule rule{{.what = memory, .above = 1e9, .rising_by = 1e9, .per = 1h}};
  History history{600};
  mp::SystemStats stats{.cpu_percent_each = {1, 2}, .disk_percent = {{"/", 50}}};
  std::size_t before = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    (void)rule.sample(Moment{i * 1ms}, i);
    stats.cpu_percent = i;
    history.add(stats);
    if (i == 10'000) before = mallinfo2().uordblks;
  }
  EXPECT_LT(mallinfo2().uordblks, before + 64 * 1024);
  const auto all = history.all();
  ASSERT_EQ(all.size(), 600U);
  EXPECT_EQ(all.front().cpu_percent, 999'400);
  EXPECT_EQ(all.back().cpu_percent, 999'999);
}

TEST(History, KeepsNoneWhereNoneIsWanted) {
  History history{0};
  history.add({});
  EXPECT_TRUE(history.all().empty());
}

}  // namespace
