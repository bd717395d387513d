// The table behind dictionaries and sets, and arithmetic of large integers.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "pickle/integers.hpp"
#include "pickle/node.hpp"

namespace pickle_test {
namespace {

using multiprocessing::Object;
using multiprocessing::detail::Table;

std::uint64_t hash_of(const Object& key) { return std::hash<Object>{}(key); }

TEST(TableTest, AgreesWithAMapAfterRandomInsertionsAndErasures) {
  Table table;
  std::map<int, int> model;
  std::mt19937 random{7};
  for (int round = 0; round < 20000; ++round) {
    const bool growing = round / 2000 % 2 == 0;
    const int key = static_cast<int>(random() % 700);
    if (random() % 4 < (growing ? 3U : 1U)) {
      EXPECT_EQ(table.insert(key, hash_of(key), round), model.insert_or_assign(key, round).second);
    } else {
      EXPECT_EQ(table.erase(key, hash_of(key)), model.erase(key) == 1);
    }
    ASSERT_EQ(table.size(), model.size());
  }
  for (int key = 0; key < 700; ++key) {
    const Object* value = table.find_value(key, hash_of(key));
    ASSERT_EQ(value != nullptr, model.count(key) == 1) << key;
    if (value != nullptr) {
      EXPECT_EQ(*value, Object{model[key]});
    }
  }
}

TEST(TableTest, TheLastEntryIsFoundAfterEachOneIsTakenFromTheEnd) {
  Table table;
  for (int key = 0; key < 1000; ++key) table.insert(key, hash_of(key), key);
  for (int key = 998; key >= 0; key -= 2) table.erase(key, hash_of(key));
  for (int key = 999; key > 0; key -= 2) {
    ASSERT_EQ(table.last().key, Object{key});
    const Object last = table.last().key;
    ASSERT_TRUE(table.erase(last, hash_of(last)));
  }
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.places().empty());
}

TEST(TableTest, GapsAreClosedWhereTheyAreMost) {
  Table table;
  for (int key = 0; key < 10000; ++key) table.insert(key, hash_of(key), key);
  for (int key = 0; key < 9999; ++key) table.erase(key, hash_of(key));
  EXPECT_LT(table.places().size(), 100U);
  EXPECT_NE(table.find(9999, hash_of(9999)), nullptr);
}

TEST(IntegersTest, AreCalculatedAsInPython) {
  namespace d = multiprocessing::detail;
  const auto calculated = [](d::IntegerOperation operation, const std::string& a, int b) {
    const Object large = Object::integer(a);
    return str(d::ObjectAccess::make_integer(calculate(
        operation, d::ObjectAccess::text(large), d::integer_bytes(static_cast<std::int64_t>(b)))));
  };
  const std::string large = "1000000000000000000000";
  using enum d::IntegerOperation;
  EXPECT_EQ(calculated(add, large, -1), "999999999999999999999");
  EXPECT_EQ(calculated(subtract, large, -1), "1000000000000000000001");
  EXPECT_EQ(calculated(multiply, large, -7), "-7000000000000000000000");
  EXPECT_EQ(calculated(floor, "-" + large, 7), "-142857142857142857143");
  EXPECT_EQ(calculated(quotient, "-" + large, 7), "-142857142857142857142");
  EXPECT_EQ(calculated(modulo, "-" + large, 7), "1");
  EXPECT_EQ(calculated(modulo, large, -7), "-1");
}

}  // namespace
}  // namespace pickle_test
