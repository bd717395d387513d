// Bytes that nobody wrote: truncated, doctored, made up.
#include <rapidcheck.h>

#include <cstdlib>
#include <new>

#include "reduction/hostile_types.hpp"
#include "reduction/round_trip.hpp"

namespace reduction_test {
namespace {

int increment(int n) { return n + 1; }

Everything sample() {
  Everything all;
  all.leaf = {7, true, {'a', 'b', 'c', 'd'}};
  all.tree = {"root", {}, nullptr};
  all.tree.children.emplace_back(Tree{"child", {}, std::make_unique<Tree>(Tree{"grandchild"})});
  all.numbers = {1.5, 2.5};
  all.bits = {true, false, true};
  all.words = {"a", "", "ccc"};
  all.silent.resize(3);
  all.table = {{"x", 1}, {"y", std::nullopt}};
  all.either = std::set{1, 2};
  all.tuple = {std::bitset<11>{5}, "/p", mp::Bytes{std::string_view{"b"}}};
  all.shared = {std::make_shared<int>(1), nullptr};
  all.times = {std::chrono::seconds{1}};
  all.flags = {{1, {true, false, true}}};
  all.error = thrown_by([] {
    try {
      throw mp::OwnerDied("inner", 3);
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  });
  all.function = &increment;
  return all;
}

TEST(HostileBytesTest, TheSampleItselfIsRead) {
  const Everything there = read_all<Everything>(written(sample()));
  EXPECT_EQ(there.tree.children.at(0).other->name, "grandchild");
  EXPECT_EQ(there.function(1), 2);
}

TEST(HostileBytesTest, TruncatedAtEveryByteIsASerializationError) {
  const std::string bytes = written(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(reads<Everything>(std::string_view{bytes}.substr(0, size))) << size;
  }
}

TEST(HostileBytesTest, DoctoredAtEveryByteIsAnErrorOrAValue) {
  std::string bytes = written(sample());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char original = bytes[at];
    for (const int doctored : {0, 1, 2, 0x7f, 0x80, 0xff, original ^ 1, original ^ 0x80}) {
      bytes[at] = static_cast<char>(doctored);
      static_cast<void>(reads<Everything>(bytes));
    }
    bytes[at] = original;
  }
}

TEST(HostileBytesTest, LengthsBeyondTheMessageAreRefusedBeforeAnythingIsAllocated) {
  for (const std::uint64_t count :
       {std::uint64_t{1}, std::uint64_t{1} << 32, std::uint64_t{1} << 60, ~std::uint64_t{0}}) {
    mp::detail::Writer writer;
    writer.raw(count);
    const std::string bytes = writer.take();
    EXPECT_FALSE(reads<std::string>(bytes));
    EXPECT_FALSE(reads<std::vector<double>>(bytes));
    EXPECT_FALSE(reads<std::vector<bool>>(bytes));
    EXPECT_FALSE(reads<std::vector<Silent>>(bytes));
    EXPECT_FALSE(reads<std::vector<std::tuple<>>>(bytes));
    EXPECT_FALSE((reads<std::map<int, int>>(bytes)));
    EXPECT_FALSE(reads<std::filesystem::path>(bytes));
  }
}

TEST(HostileBytesTest, WhatIsNoBoolIsRefused) {
  EXPECT_FALSE(reads<bool>("\2"));
  EXPECT_FALSE(reads<std::optional<int>>(std::string("\2\0\0\0\0", 5)));
  EXPECT_FALSE((reads<std::array<bool, 2>>(std::string("\1\3", 2))));
  EXPECT_TRUE(reads<bool>("\1"));
}

TEST(HostileBytesTest, DepthIsLimited) {
  // Each level: an empty name, no children, and a pointer that is there.
  std::string level(16, '\0');
  level += '\1';
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += level;
  EXPECT_FALSE(reads<Tree>(bytes));
}

TEST(HostileBytesTest, AFunctionBeyondTheCodeOfItsModuleIsRefused) {
  std::string bytes = written(&increment);
  const std::size_t offset = 1 + static_cast<std::size_t>(bytes[0]);
  for (const char high : {'\x01', '\x7f', '\xff'}) {
    bytes[offset + 7] = high;
    EXPECT_FALSE(reads<int (*)(int)>(bytes));
  }
}

TEST(HostileBytesTest, AFunctionOfAnUnknownModuleIsRefused) {
  std::string bytes = written(&increment);
  bytes[1] = static_cast<char>(bytes[1] ^ 1);
  mp::detail::Reader reader{bytes};
  try {
    static_cast<void>(mp::detail::read<int (*)(int)>(reader));
    ADD_FAILURE() << "it was found";
  } catch (const mp::SerializationError& error) {
    EXPECT_NE(std::string{error.what()}.find("rebuilt"), std::string::npos) << error.what();
  }
}

// ---- properties ----

template <class T>
void check_round_trip(const char* name) {
  EXPECT_TRUE(rc::check(name, [](const T& value) { RC_ASSERT(round_trip(value) == value); }));
}

TEST(PropertiesTest, GeneratedValuesSurvive) {
  check_round_trip<std::vector<std::string>>("vector of strings");
  check_round_trip<std::map<std::string, std::vector<int>>>("map");
  check_round_trip<std::vector<std::tuple<int, bool, std::string>>>("tuples");
  check_round_trip<std::vector<bool>>("bits");
  check_round_trip<std::pair<std::set<long>, std::deque<short>>>("pair");
  check_round_trip<std::unordered_map<int, std::list<char>>>("unordered map");
}

using Nest = std::tuple<std::map<std::string, std::vector<std::optional<int>>>, std::vector<bool>,
                        std::variant<int, std::string>, std::vector<std::pair<int, std::string>>>;

TEST(PropertiesTest, MadeUpBytesAreAnErrorOrAValue) {
  EXPECT_TRUE(rc::check("made up", [](const std::string& bytes) {
    static_cast<void>(reads<Nest>(bytes));
    static_cast<void>(reads<Everything>(bytes));
    static_cast<void>(reads<std::exception_ptr>(bytes));
  }));
}

TEST(PropertiesTest, ChangedMessagesAreAnErrorOrAValue) {
  EXPECT_TRUE(rc::check("changed", [](const std::vector<std::pair<int, std::string>>& pairs) {
    std::string bytes = written(Nest{{}, {true}, "x", pairs});
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<char>();
    static_cast<void>(reads<Nest>(bytes));
    bytes.insert(at, *rc::gen::arbitrary<std::string>());
    static_cast<void>(reads<Nest>(bytes));
  }));
}

}  // namespace
}  // namespace reduction_test
