// Types of C++ as values of Python, and back.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "multiprocessing/pickle.hpp"

namespace pickle_test {

class Point {
 public:
  Point(int x, int y) : x_(x), y_(y) {}
  [[nodiscard]] int x() const { return x_; }
  [[nodiscard]] int y() const { return y_; }

 private:
  int x_, y_;
};

}  // namespace pickle_test

template <>
struct multiprocessing::PickleAs<pickle_test::Point> {
  static Object save(const pickle_test::Point& point) {
    return Object::dict({{"x", point.x()}, {"y", point.y()}});
  }
  static pickle_test::Point load(const Object& value) {
    return {value["x"].as<int>(), value["y"].as<int>()};
  }
};

namespace pickle_test {
namespace {

namespace mp = multiprocessing;
using mp::Object;

enum class Colour : unsigned char { red, green };

struct Leaf {
  int number;
  std::optional<std::string> text;
  double parts[2];
};

struct Tree {
  Colour colour;
  std::vector<Tree> children;
  std::map<std::string, Leaf> leaves;
};

template <class T>
void expect_both_ways(const T& value, const std::string& printed) {
  EXPECT_EQ(repr(Object::of(value)), printed);
  EXPECT_EQ(Object::of(value).template as<T>(), value) << printed;
}

template <class T>
void expect_misfit(const Object& value, const std::string& types) {
  try {
    (void)value.as<T>();
    ADD_FAILURE() << value << " fitted";
  } catch (const mp::SerializationError& error) {
    EXPECT_NE(std::string{error.what()}.find(types), std::string::npos) << error.what();
  }
}

TEST(MappingTest, ValuesOfTheStandardGoBothWays) {
  expect_both_ways(std::vector<int>{1, -2}, "[1, -2]");
  expect_both_ways(std::vector<bool>{true, false}, "[True, False]");
  expect_both_ways(std::deque<std::string>{"a", "b"}, "['a', 'b']");
  expect_both_ways(std::array<double, 2>{1, 0.5}, "[1.0, 0.5]");
  expect_both_ways(std::tuple{1, std::string{"x"}, true}, "(1, 'x', True)");
  expect_both_ways(std::map<std::string, std::optional<int>>{{"a", 1}, {"b", {}}},
                   "{'a': 1, 'b': None}");
  expect_both_ways(std::unordered_map<int, mp::Bytes>{{1, mp::Bytes{"b"}}}, "{1: b'b'}");
  expect_both_ways(std::set<std::pair<int, char>>{{1, 'a'}}, "{(1, 'a')}");
  expect_both_ways(std::numeric_limits<std::uint64_t>::max(), "18446744073709551615");
  expect_both_ways(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808");
  expect_both_ways(Object::list({1, mp::None}), "[1, None]");
  EXPECT_EQ(repr(Object::of("literal")), "'literal'");
  EXPECT_EQ(repr(Object::of(std::string_view{"view"})), "'view'");
}

TEST(MappingTest, AggregatesAreTuplesOfTheirMembers) {
  const Tree tree{Colour::green, {{Colour::red, {}, {}}}, {{"x", {7, {}, {0.5, 1}}}}};
  const Object value = Object::of(tree);
  EXPECT_EQ(repr(value), "(1, [(0, [], {})], {'x': (7, None, [0.5, 1.0])})");
  const Tree back = value.as<Tree>();
  EXPECT_EQ(back.children.at(0).colour, Colour::red);
  EXPECT_EQ(back.leaves.at("x").number, 7);
  EXPECT_EQ(back.leaves.at("x").parts[0], 0.5);
}

TEST(MappingTest, OtherClassesGoByTheirHook) {
  const Object value = Object::of(std::vector{Point{1, 2}});
  EXPECT_EQ(repr(value), "[{'x': 1, 'y': 2}]");
  EXPECT_EQ(value.as<std::vector<Point>>().at(0).y(), 2);
}

TEST(MappingTest, WhatFitsWithoutLossIsTaken) {
  EXPECT_EQ(Object{3}.as<double>(), 3.0);
  EXPECT_EQ(Object::integer("1000000000000000000000000000000").as<double>(), 1e30);
  EXPECT_EQ(Object{true}.as<int>(), 1);
  EXPECT_EQ(Object::tuple({1, 2}).as<std::vector<int>>(), (std::vector{1, 2}));
  EXPECT_EQ((Object::list({1, "x"}).as<std::pair<int, std::string>>()),
            (std::pair{1, std::string{"x"}}));
  EXPECT_EQ(Object::bytearray(mp::Bytes{"a"}).as<mp::Bytes>(), "a");
  const std::string array{"\x80\4\x8c\5array\x8c\5array\x93\x8c\1hC\4\1\0\xfe\xff\x86R.", 29};
  EXPECT_EQ(mp::loads(array).as<std::vector<int>>(), (std::vector{1, -2}));
}

TEST(MappingTest, WhatDoesNotFitIsAnErrorThatNamesBothTypes) {
  expect_misfit<signed char>(300, "type int does not fit into signed char: 300");
  expect_misfit<unsigned>(-1, "type int does not fit into unsigned int: -1");
  expect_misfit<long>(Object::integer("9223372036854775808"), "int does not fit into long");
  expect_misfit<unsigned long>(Object::integer("18446744073709551616"),
                               "int does not fit into unsigned long");
  expect_misfit<int>(1.0, "float does not fit into int");
  expect_misfit<int>("1", "str does not fit into int");
  expect_misfit<bool>(1, "int does not fit into bool");
  expect_misfit<float>(1e300, "float does not fit into float");
  expect_misfit<std::string>(mp::Bytes{"b"}, "bytes does not fit into std::string: b'b'");
  expect_misfit<mp::Bytes>("text", "str does not fit into multiprocessing::Bytes");
  expect_misfit<std::vector<int>>(Object::list({1, "x"}), "str does not fit into int: 'x'");
  expect_misfit<std::vector<int>>(Object::set({1}), "set does not fit into std::vector<int");
  expect_misfit<std::pair<int, int>>(Object::tuple({1}), "tuple does not fit into std::pair");
  expect_misfit<std::map<int, int>>(Object::list(), "list does not fit into std::map");
  expect_misfit<Leaf>(Object::tuple({1}), "tuple does not fit into");
}

}  // namespace
}  // namespace pickle_test
