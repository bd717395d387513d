// Pickles that no Python wrote.
#include <gtest/gtest.h>

#include "multiprocessing/pickle.hpp"
#include "pickle/notation.hpp"

namespace pickle_test {
namespace {

using mp::Object;

void expect_refused(const std::string& pickled, const std::string& why,
                    mp::PickleOptions options = {}) {
  try {
    const Object value = mp::loads(pickled, options);
    ADD_FAILURE() << "read as a " << value.type();
  } catch (const mp::SerializationError& error) {
    EXPECT_NE(std::string{error.what()}.find(why), std::string::npos) << error.what();
  }
}

std::string times(std::string_view part, std::size_t count) {
  std::string text;
  for (; count > 0; --count) text += part;
  return text;
}

TEST(HostilePickleTest, DepthIsRefusedHoweverItIsMade) {
  constexpr std::size_t million = 1'000'000;
  expect_refused(times("]", million) + times("a", million - 1) + ".", "deeper than");
  expect_refused(")" + times("\x85", million) + ".", "deeper than");
  // Each list is put into the one before while it is empty: what they note of their depth is wrong.
  std::string chain = "]\x94";
  for (unsigned i = 0; i < 60'000; ++i) {
    chain += std::string{"]\x94"} + "\x6a" + static_cast<char>(i) + static_cast<char>(i >> 8U);
    chain += std::string{"\0\0\x6a", 3} + static_cast<char>(i + 1) +
             static_cast<char>((i + 1) >> 8U) + std::string{"\0\0a", 3} + "00";
  }
  expect_refused(chain + std::string{"h\0.", 3}, "deeper than");
  EXPECT_EQ(mp::loads(chain + "]."), Object::list());  // and is not in the way of another value
  expect_refused("]]a.", "deeper than 1 ", {.max_depth = 1});
}

TEST(HostilePickleTest, AMemoBombIsRefusedAtOnce) {
  // Each list or tuple holds the one before twice, and the text is long.
  expect_refused("]" + times("2\x86", 100) + ".", "more values than");
  const std::string text = "X" + std::string{"\0\0\x10\0", 4} + std::string(1 << 20, 'x');
  expect_refused("](" + text + "\x94" + times(std::string{"h\0", 2}, 1000) + "e.",
                 "more text than");
  // As keys, which are hashed and compared.
  std::string keys = "}(";
  for (int i = 0; i < 2; ++i) keys += ")" + times("2\x86", 40) + "N";
  expect_refused(keys + "u.", "more values than");
}

TEST(HostilePickleTest, CirclesOfAllKindsAreRefusedAndFreed) {
  const std::string list{"]\x94h\0a.", 6};
  const std::string by_dup = "]2a.";
  const std::string dropped{"]\x94h\0a0N.", 8};         // not in the result
  const std::string overwritten{"]q\0h\0a0]q\0.", 11};  // not even in the memo
  const std::string dict{"}\x94Nh\0s.", 7};
  const std::string instance = std::string{"c__builtin__\nValueError\n)R\x94}X\1\0\0\0xh\0sb.", 39};
  expect_refused(list, "contains itself");
  expect_refused(by_dup, "contains itself");
  expect_refused(dict, "contains itself");
  expect_refused(instance, "contains itself");
  EXPECT_EQ(mp::loads(dropped), Object{mp::None});
  EXPECT_EQ(mp::loads(overwritten), Object::list());
}

TEST(HostilePickleTest, LengthsBeyondTheMessageTakeNoMemory) {
  for (const std::string_view opcode : {"X", "B", "T", "\x8b"})
    expect_refused(std::string{opcode} + "\xff\xff\xff\x7f.", "cut off");
  for (const std::string_view opcode : {"\x8d", "\x8e", "\x96", "\x95"})
    expect_refused(std::string{opcode} + std::string(7, '\xff') + "\x7f.", "");
}

TEST(HostilePickleTest, LimitsAreThoseOfTheOptions) {
  expect_refused("](NNNe.", "more values than 3 ", {.max_values = 3});
  EXPECT_EQ(mp::loads("](NNe.", {.max_values = 3}).size(), 2U);
  expect_refused("N.", "longer than 1 ", {.max_bytes = 1});
  expect_refused("\x8a\x09" + std::string(8, '\0') + "\x01.", "int of 9 bytes",
                 {.max_int_bytes = 8});
  expect_refused("I" + std::string(20'000, '9') + "\n.", "max_int_bytes");
  expect_refused(times("(", 5) + "N.", "more values", {.max_values = 4});
  expect_refused("N" + times("\x94", 5) + ".", "more values", {.max_values = 4});
}

TEST(HostilePickleTest, KnownClassesWithWrongArgumentsAreRefused) {
  const auto name = [](const std::string& module, const std::string& each) {
    return "c" + module + "\n" + each + "\n";
  };
  const std::string managers = "multiprocessing.managers";
  expect_refused(name("builtins", "bytearray") + "(J\xff\xff\xff\x7ftR.", "do not fit");
  expect_refused(name("builtins", "list") + "(NtR.", "do not fit");
  expect_refused(name("builtins", "slice") + "(NtR.", "do not fit");
  expect_refused(name("builtins", "range") + "(NNNtR.", "do not fit");
  expect_refused(name("builtins", "UnicodeDecodeError") + ")R.", "do not fit");
  expect_refused(name("array", "array") + "(S'i'\nC\1atR.", "do not fit");
  expect_refused(name("array", "array") + "(S'x'\nC\1atR.", "do not fit");
  expect_refused(name(managers, "RebuildProxy") + "(NNNNtR.", "do not fit");
  expect_refused(name(managers, "Token") + ")R.", "not to be called");
  expect_refused(name(managers, "Token") + ")\x81(NNtb.", "does not fit");
  expect_refused(name(managers, "Namespace") + ")\x81(NNtb.", "does not fit");
  expect_refused(name("multiprocessing.reduction", "_rebuild_partial") + "(cbuiltins\nlist\n)}tR.",
                 "do not fit");
  expect_refused(name("_codecs", "encode") + "(V\\u0100\nS'latin1'\ntR.", "do not fit");
  expect_refused(name("_codecs", "encode") + "(S'a'\nS'rot13'\ntR.", "do not fit");
}

TEST(HostilePickleTest, NamesOutsideOfTheListAreRefusedByName) {
  expect_refused("cos\nsystem\n(S'true'\ntR.", "the name os.system is not");
  expect_refused(
      "\x80\4\x8c\x08"
      "builtins\x8c\4eval\x93.",
      "the name builtins.eval is not");
  expect_refused("cbuiltins\n__import__\n.", "builtins.__import__");
  expect_refused("cbuiltins\nKeyError.mro\n.", "builtins.KeyError.mro");
  expect_refused("c__main__\nList\n.", "__main__.List");
  expect_refused("(ios\nsystem\n.", "os.system");
}

TEST(HostilePickleTest, TruncatedOrDoctoredAtEveryByteIsAnErrorOrAValue) {
  for (const Object& line : vectors("pickles.jsonl")) {
    if (!line.contains("hex") || line["id"].as<std::string>().find("1000") != std::string::npos)
      continue;
    std::string bytes = bytes_of(line);
    if (bytes.size() > 150 || line["id"] == Object{"handmade-trailing-bytes-ignored"}) continue;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const std::string cut = bytes.substr(0, at);
      EXPECT_THROW((void)mp::loads(cut), mp::SerializationError);
      for (const int flipped : {1, 0x10, 0x80}) {
        bytes[at] = static_cast<char>(bytes[at] ^ flipped);
        try {
          (void)repr(mp::loads(bytes));
        } catch (const mp::SerializationError&) {
        }
        bytes[at] = static_cast<char>(bytes[at] ^ flipped);
      }
    }
  }
}

}  // namespace
}  // namespace pickle_test
