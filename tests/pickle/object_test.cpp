// Object: what it holds, compares and prints.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <unordered_set>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle.hpp"

namespace pickle_test {
namespace {

namespace mp = multiprocessing;
using mp::Object;

const Object large = Object::integer("1000000000000000000000000000000");

TEST(ObjectTest, HasTheTypesOfPython) {
  const std::vector<std::pair<Object, const char*>> types{{mp::None, "NoneType"},
                                                          {true, "bool"},
                                                          {7, "int"},
                                                          {large, "int"},
                                                          {2.5, "float"},
                                                          {"text", "str"},
                                                          {mp::Bytes{"b"}, "bytes"},
                                                          {Object::list({1}), "list"},
                                                          {Object::tuple({1}), "tuple"},
                                                          {Object::dict({{1, 2}}), "dict"},
                                                          {Object::set({1}), "set"}};
  for (const auto& [value, type] : types) EXPECT_EQ(value.type(), type);
  EXPECT_EQ(Object::frozenset().type(), "frozenset");
  EXPECT_EQ(Object::bytearray({}).type(), "bytearray");
  EXPECT_TRUE(Object{}.is_none());
}

TEST(ObjectTest, ACopyIsAValueOfItsOwn) {
  Object one = Object::list({1, Object::list({2})});
  Object other = one;
  other.append(3);
  other.set(0, "changed");
  EXPECT_EQ(repr(one), "[1, [2]]");
  EXPECT_EQ(repr(other), "['changed', [2], 3]");
  one.append(one);  // a copy of what it was
  EXPECT_EQ(repr(one), "[1, [2], [1, [2]]]");
  one = one[1];
  EXPECT_EQ(repr(one), "[2]");
}

TEST(ObjectTest, AListIsReachedByIndicesAsInPython) {
  Object list = Object::list({1, 2, 3});
  EXPECT_EQ(list[-1], Object{3});
  list.set(-3, 0);
  EXPECT_EQ(list, Object::list({0, 2, 3}));
  EXPECT_THROW((void)list[3], mp::IndexError);
  EXPECT_THROW((void)list[-4], mp::IndexError);
  EXPECT_THROW((void)list["0"], mp::TypeError);
  EXPECT_THROW((void)Object{1}[0], mp::TypeError);
  EXPECT_THROW(list.add(1), mp::TypeError);
  EXPECT_THROW((void)list.items(), mp::TypeError);
  Object tuple = Object::tuple({1});
  EXPECT_THROW(tuple.set(0, 1), mp::TypeError);
  EXPECT_THROW(tuple.append(1), mp::TypeError);
}

TEST(ObjectTest, ADictKeepsTheOrderOfInsertion) {
  Object dict = Object::dict();
  for (int i = 100; i > 0; --i) dict.set(i, i * i);
  for (int i = 2; i <= 100; i += 2) EXPECT_TRUE(dict.erase(i));
  EXPECT_FALSE(dict.erase(2));
  dict.set(99, "again");
  dict.set(2, "new");
  EXPECT_EQ(dict.size(), 51U);
  const auto items = dict.items();
  EXPECT_EQ(items[0], (std::pair<Object, Object>{99, "again"}));
  EXPECT_EQ(items[1], (std::pair<Object, Object>{97, 97 * 97}));
  EXPECT_EQ(items[50], (std::pair<Object, Object>{2, "new"}));
  EXPECT_THROW((void)dict["missing"], mp::KeyError);
  EXPECT_TRUE(dict.contains(97));
  EXPECT_FALSE(dict.contains(98));
}

TEST(ObjectTest, ADictThatShrinksAndGrowsForEverStaysSmall) {
  Object dict = Object::dict();
  for (int i = 0; i < 100'000; ++i) {
    dict.set(i, i);
    if (i >= 10) dict.erase(i - 10);
  }
  EXPECT_EQ(dict.size(), 10U);
  EXPECT_EQ(dict[99'999], Object{99'999});
}

TEST(ObjectTest, OneAndTrueAndOnePointZeroAreOneKey) {
  const Object dict = Object::dict({{1, "int"}, {1.0, "float"}, {true, "bool"}});
  EXPECT_EQ(repr(dict), "{1: 'bool'}");
  const Object two_to_the_64 = Object::integer("18446744073709551616");
  EXPECT_EQ(Object::set({two_to_the_64, 18446744073709551616.0}).size(), 1U);
  EXPECT_EQ(Object::set({0.0, -0.0, 0, false}).size(), 1U);
  EXPECT_EQ(Object::set({Object::tuple({1, 2}), Object::tuple({1.0, 2})}).size(), 1U);
  EXPECT_NE(large, Object{1e30});  // 1e30 is another number
  EXPECT_NE(Object{9007199254740993}, Object{9007199254740992.0});
}

TEST(ObjectTest, WhatPythonCannotHashIsNoKey) {
  for (const Object& value : {Object::list(), Object::dict(), Object::set(), Object::bytearray({}),
                              Object::tuple({1, Object::list()})}) {
    EXPECT_THROW((void)Object::set({value}), mp::TypeError) << value;
    EXPECT_THROW((void)Object::dict({{value, 1}}), mp::TypeError) << value;
  }
  EXPECT_EQ(Object::set({Object::frozenset({1, 2}), Object::frozenset({2, 1})}).size(), 1U);
}

TEST(ObjectTest, EqualityIsPythons) {
  EXPECT_EQ(Object{mp::Bytes{"a"}}, Object::bytearray(mp::Bytes{"a"}));
  EXPECT_EQ(Object::set({1, 2}), Object::frozenset({2, 1}));
  EXPECT_EQ(Object::dict({{1, 2}, {3, 4}}), Object::dict({{3, 4}, {1, 2}}));
  EXPECT_NE(Object::list({1}), Object::tuple({1}));
  EXPECT_NE(Object{"a"}, Object{mp::Bytes{"a"}});
  EXPECT_NE(Object{mp::None}, Object{0});
  EXPECT_NE(Object::dict({{1, 2}}), Object::dict({{1, 3}}));
  EXPECT_EQ(Object{std::numeric_limits<double>::quiet_NaN()},
            Object{std::numeric_limits<double>::quiet_NaN()});
}

TEST(ObjectTest, AllValuesHaveAnOrder) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Object> ascending{mp::None,
                                      -infinity,
                                      Object::integer("-1000000000000000000000000000000"),
                                      -2.5,
                                      false,
                                      0.5,
                                      1,
                                      9223372036854775807,
                                      18446744073709551615U,
                                      large,
                                      infinity,
                                      std::numeric_limits<double>::quiet_NaN(),
                                      "",
                                      "a",
                                      mp::Bytes{"a"},
                                      Object::tuple({1, 2}),
                                      Object::tuple({1, 3}),
                                      Object::list(),
                                      Object::set({1}),
                                      Object::dict({{1, 2}}),
                                      Object::dict({{1, 3}})};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t k = 0; k < ascending.size(); ++k)
      EXPECT_EQ(ascending[i] <=> ascending[k], i <=> k) << ascending[i] << ' ' << ascending[k];
  EXPECT_EQ((std::set<Object>{1, 1.0, true, "a"}).size(), 2U);
  EXPECT_EQ((std::unordered_set<Object>{1, 1.0, true, "a"}).size(), 2U);
}

TEST(ObjectTest, IntegersOfAnySizeAreCarriedAndPrinted) {
  EXPECT_EQ(repr(large), "1000000000000000000000000000000");
  EXPECT_EQ(repr(Object::integer("-0018446744073709551616")), "-18446744073709551616");
  EXPECT_EQ(Object::integer("+12"), Object{12});
  EXPECT_EQ(repr(Object{std::numeric_limits<std::uint64_t>::max()}), "18446744073709551615");
  for (const char* text : {"", "-", "1x", "0x10", "1 ", "--1"})
    EXPECT_THROW((void)Object::integer(text), mp::ValueError) << text;
}

TEST(ObjectTest, TextIsUtf8) {
  EXPECT_EQ(Object{"h\xc3\xa9"}.size(), 2U);
  EXPECT_EQ(Object{"\xed\xa0\x80"}.size(), 1U);  // a surrogate alone
  for (const char* text : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80", "a\x80"})
    EXPECT_THROW((void)Object{text}, mp::ValueError);
}

TEST(ObjectTest, DepthIsLimitedWhenValuesArePutTogether) {
  Object value = Object::list();
  int depth = 1;
  try {
    for (; depth < 1'000'000; ++depth) value = Object::list({value});
  } catch (const mp::ValueError&) {
  }
  EXPECT_EQ(depth, 1000);
  EXPECT_EQ(repr(value).size(), 2000U);
  EXPECT_EQ(mp::loads(mp::dumps(value)), value);
  Object dict = Object::dict();
  EXPECT_THROW(dict.set(1, value), mp::ValueError);
  EXPECT_EQ(dict.size(), 0U);
}

TEST(ObjectTest, PrintsAsPythonPrints) {
  std::ostringstream stream;
  stream << Object{"it's"} << ' ' << Object::tuple({"it's", "\"'", mp::Bytes{"'\x7f\n"}});
  EXPECT_EQ(stream.str(), "it's (\"it's\", '\"\\'', b\"'\\x7f\\n\")");
  EXPECT_EQ(repr(Object::tuple({1})), "(1,)");
  EXPECT_EQ(repr(Object::tuple()), "()");
  EXPECT_EQ(repr(Object::set()), "set()");
  EXPECT_EQ(repr(Object::frozenset({1})), "frozenset({1})");
  EXPECT_EQ(repr(Object::bytearray(mp::Bytes{"a"})), "bytearray(b'a')");
  EXPECT_EQ(repr(Object::list({0.1, 1e16, 1e15, -0.0, 1e-5, 0.0001, 5e-324, 123456.75})),
            "[0.1, 1e+16, 1000000000000000.0, -0.0, 1e-05, 0.0001, 5e-324, 123456.75]");
}

}  // namespace
}  // namespace pickle_test
