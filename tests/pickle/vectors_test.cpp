// All golden vectors.
#include <gtest/gtest.h>

#include "pickle/notation.hpp"

namespace pickle_test {
namespace {

using mp::Object;

std::string id_of(const Object& line) { return line["id"].as<std::string>(); }

TEST(VectorsTest, AllPicklesOfPythonAreReadAsTheirValue) {
  int read = 0;
  for (const char* file : {"pickles.jsonl", "manager.jsonl"})
    for (const Object& line : vectors(file)) {
      if (id_of(line).starts_with("cycle-")) continue;
      try {
        EXPECT_EQ(exactly(mp::loads(bytes_of(line))), exactly(from_notation(line["value"])))
            << id_of(line) << ' ' << line["cpython"];
        ++read;
      } catch (const std::exception& error) {
        ADD_FAILURE() << id_of(line) << ' ' << line["cpython"] << ": " << error.what();
      }
    }
  EXPECT_GT(read, 1100);
}

TEST(VectorsTest, ValuesThatContainThemselvesAreRefused) {
  int refused = 0;
  for (const Object& line : vectors("pickles.jsonl")) {
    if (!id_of(line).starts_with("cycle-")) continue;
    try {
      ADD_FAILURE() << id_of(line) << ": " << mp::loads(bytes_of(line));
    } catch (const mp::SerializationError& error) {
      EXPECT_NE(std::string{error.what()}.find("contains itself"), std::string::npos)
          << id_of(line) << ": " << error.what();
      ++refused;
    }
  }
  EXPECT_GE(refused, 18);
}

TEST(VectorsTest, WhatIsWrittenIsWhatEveryPythonReads) {
  for (const Object& line : vectors("writer.jsonl")) {
    std::string expected = bytes_of(line);
    // The vector tests how a name is written; PyPy knows queue.Empty alone.
    if (id_of(line) == "exc-Empty")
      expected.replace(expected.find("\x8c\x06_queue"), 8, "\x8c\x05queue");
    EXPECT_EQ(mp::dumps(from_notation(line["value"])) == expected, true)
        << id_of(line) << ": " << mp::Bytes{mp::dumps(from_notation(line["value"]))};
  }
}

TEST(VectorsTest, WhatIsReadIsWrittenAndReadAgain) {
  for (const Object& line : vectors("pickles.jsonl")) {
    if (id_of(line).starts_with("cycle-")) continue;
    const Object value = mp::loads(bytes_of(line));
    const Object again = mp::loads(mp::dumps(value));
    EXPECT_EQ(repr(again), repr(value)) << id_of(line);
  }
}

TEST(VectorsTest, WhatPythonRefusesIsRefusedWithTheReason) {
  for (const Object& line : vectors("reject.jsonl")) {
    const std::string why = line["why"].as<std::string>();
    try {
      const Object value = mp::loads(bytes_of(line));
      EXPECT_EQ(why, "limit") << id_of(line) << ": " << repr(value);
    } catch (const mp::SerializationError& error) {
      const std::string text = error.what();
      EXPECT_TRUE(text.starts_with("the pickle is refused at byte ")) << text;
      if (why == "truncated") {
        EXPECT_NE(text.find("cut off"), std::string::npos) << id_of(line) << ": " << text;
      }
      if (why == "global" && !id_of(line).ends_with("args")) {
        EXPECT_TRUE(text.find("the name ") != std::string::npos ||
                    text.find("opcode") != std::string::npos)
            << id_of(line) << ": " << text;
      }
    }
  }
}

}  // namespace
}  // namespace pickle_test
