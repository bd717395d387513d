#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "reduction/round_trip.hpp"

namespace reduction_test {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;
using mp::detail::Flat;
using mp::detail::Sendable;

template <class... T>
void expect_each_survives(const T&... values) {
  const auto expect = [](const auto& value) { EXPECT_EQ(round_trip(value), value); };
  (expect(values), ...);
}

TEST(ValuesTest, NumbersSurvive) {
  expect_each_survives(true, false, 'x', L'x', -7, 7U, std::numeric_limits<long>::min(),
                       std::numeric_limits<unsigned long long>::max(), 1.5F, -0.25, 3.5L,
                       std::byte{200}, short{-3});
}

enum class Colour : std::uint8_t { red, green };
enum class Answer : bool { no, yes };

TEST(ValuesTest, EnumsSurvive) { expect_each_survives(Colour::green, Answer::yes); }

TEST(ValuesTest, TextSurvivesWithNulsAndAtAnyLength) {
  expect_each_survives(""s, "a\0b"s, std::string(100'000, 'x'), L"wide"s, u"u16"s);
  EXPECT_EQ(round_trip(mp::Bytes{std::string_view{"\0\xff", 2}}).size(), 2U);
}

TEST(ValuesTest, ContainersSurvive) {
  expect_each_survives(
      std::vector{1, 2, 3}, std::vector<int>{}, std::vector{"a"s, "b"s}, std::deque{1.5, 2.5},
      std::list{"x"s}, std::set{3, 1, 2}, std::multiset{1, 1}, std::map<std::string, int>{{"a", 1}},
      std::multimap<int, int>{{1, 2}, {1, 3}}, std::unordered_map<int, std::string>{{1, "x"}},
      std::unordered_set<std::string>{"a", "b"}, std::vector<std::vector<int>>{{1}, {}, {2, 3}},
      std::unordered_multimap<int, int>{{1, 2}}, std::vector<std::map<int, std::set<char>>>{{}});
}

TEST(ValuesTest, VectorsOfBoolSurviveAtEveryLength) {
  for (std::size_t length = 0; length < 20; ++length) {
    std::vector<bool> bits(length);
    for (std::size_t i = 0; i < length; i += 3) bits[i] = true;
    EXPECT_EQ(round_trip(bits), bits);
  }
}

TEST(ValuesTest, ArraysTuplesAndPairsSurvive) {
  expect_each_survives(std::array{1, 2}, std::array{"a"s}, std::array{true, false},
                       std::array<int, 0>{}, std::tuple{1, "x"s, true}, std::tuple<>{},
                       std::pair{1, std::pair{2, "y"s}}, std::tuple{std::tuple{1}},
                       std::vector<std::tuple<>>(3));
}

TEST(ValuesTest, OptionalsAndVariantsSurvive) {
  using Either = std::variant<int, std::string, std::monostate, int>;
  expect_each_survives(std::optional<int>{}, std::optional{3}, std::optional{std::optional<int>{}},
                       Either{std::in_place_index<0>, 1}, Either{"x"}, Either{std::monostate{}},
                       Either{std::in_place_index<3>, 1}, std::monostate{});
}

struct ThrowsWhenMoved {
  ThrowsWhenMoved() = default;
  ThrowsWhenMoved(ThrowsWhenMoved&&) { throw 1; }
  ThrowsWhenMoved& operator=(ThrowsWhenMoved&&) = default;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

TEST(ValuesTest, AVariantWithoutAValueIsRefusedByTheSender) {
  std::variant<int, ThrowsWhenMoved> variant;
  EXPECT_THROW(variant = ThrowsWhenMoved{}, int);
  ASSERT_TRUE(variant.valueless_by_exception());
  EXPECT_THROW(static_cast<void>(written(variant)), mp::SerializationError);
}

TEST(ValuesTest, TimesPathsComplexNumbersAndBitsSurvive) {
  expect_each_survives(3s, std::chrono::duration<double, std::milli>{1.5},
                       std::chrono::system_clock::now(), std::filesystem::path{"/a/b c"},
                       std::filesystem::path{}, std::complex{1.0, -2.0}, std::bitset<1>{1},
                       std::bitset<70>{0x5555'5555'5555}, std::bitset<8>{0xff});
}

TEST(ValuesTest, OwningPointersCarryWhatTheyOwn) {
  EXPECT_EQ(*round_trip(std::make_unique<std::string>("x")), "x");
  EXPECT_EQ(*round_trip(std::make_shared<int>(5)), 5);
  EXPECT_EQ(round_trip(std::unique_ptr<int>{}), nullptr);
  EXPECT_EQ(round_trip(std::shared_ptr<std::vector<int>>{}), nullptr);
}

TEST(ValuesTest, ViewsArriveOwned) {
  const std::vector numbers{1.5, 2.5};
  EXPECT_EQ(round_trip("literal"), "literal");
  EXPECT_EQ(round_trip(static_cast<const char*>("pointer")), "pointer");
  EXPECT_EQ(round_trip(std::string_view{"view"}), "view");
  EXPECT_EQ(round_trip(std::span{numbers}), numbers);
  static_assert(std::is_same_v<mp::detail::arrival_t<const char(&)[4]>, std::string>);
  static_assert(std::is_same_v<mp::detail::arrival_t<std::span<const int, 3>>, std::vector<int>>);
  EXPECT_THROW(static_cast<void>(written(static_cast<const char*>(nullptr))),
               mp::SerializationError);
}

TEST(ValuesTest, FlatElementsOfAVectorAreCopiedAsABlock) {
  EXPECT_EQ(written(std::vector<double>(100)).size(), 8 + 100 * sizeof(double));
  EXPECT_EQ(written(5).size(), sizeof(int));
}

TEST(ValuesTest, WhatPointsIntoThisProcessCannotBeSent) {
  static_assert(!Sendable<int*> && !Sendable<void*> && !Sendable<std::vector<int*>>);
  static_assert(!Sendable<std::reference_wrapper<int>> && !Sendable<std::function<void()>>);
  static_assert(!Sendable<std::vector<std::string_view>> && !Sendable<std::unique_ptr<int[]>>);
  static_assert(!Sendable<std::weak_ptr<int>> && !Sendable<std::unique_ptr<std::exception>>);
  static_assert(!Sendable<std::map<int, std::tuple<std::optional<char*>>>>);
  static_assert(!Sendable<std::unique_ptr<int, void (*)(int*)>>);
}

TEST(ValuesTest, FlatMeansThatSharedMemoryMayHoldIt) {
  static_assert(Flat<int> && Flat<bool> && Flat<std::pair<int, bool>> && Flat<std::tuple<>>);
  static_assert(Flat<std::optional<double>> && Flat<std::array<bool, 4>> && Flat<Colour>);
  static_assert(Flat<std::chrono::nanoseconds> && Flat<std::complex<float>>);
  static_assert(!Flat<std::string> && !Flat<int*> && !Flat<void (*)()> && !Flat<void>);
  static_assert(!Flat<std::vector<int>> && !Flat<std::unique_ptr<int>> && !Flat<int&>);
}

}  // namespace
}  // namespace reduction_test
