#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "reduction/round_trip.hpp"

namespace reduction_test {
namespace {

struct Point {
  double x, y;
  bool operator==(const Point&) const = default;
};

struct Padded {
  char c;
  double d;
  bool operator==(const Padded&) const = default;
};

struct Mixed {
  int id;
  std::string name;
  std::optional<Point> place;
  char code[6];
  Point corners[2];
  std::variant<int, std::string> more;
};

struct Tree {
  int value = 0;
  std::vector<Tree> children = {};
  bool operator==(const Tree&) const = default;
};

struct Node {
  int value = 0;
  std::unique_ptr<Node> next = {};
};

struct Sixteen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o;
  std::string p;
  bool operator==(const Sixteen&) const = default;
};

struct MoveOnly {
  std::unique_ptr<int> number;
};

TEST(AggregatesTest, GoMemberByMemberWithoutBeingAsked) {
  EXPECT_EQ(round_trip(Point{1, 2}), (Point{1, 2}));
  EXPECT_EQ(round_trip(Padded{'x', 2}), (Padded{'x', 2}));
  const Sixteen many{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "16"};
  EXPECT_EQ(round_trip(many), many);
  EXPECT_EQ(*round_trip(MoveOnly{std::make_unique<int>(3)}).number, 3);
}

TEST(AggregatesTest, MayHoldArraysOptionalsVariantsAndConstMembers) {
  static_assert(mp::detail::member_count<Mixed> == 6);
  struct Buffer {
    char text[6];
    Point corners[2];
    std::string words[2];
    int table[2][3];
  };
  static_assert(mp::detail::member_count<Buffer> == 4);
  struct Owner {
    std::unique_ptr<int> number;
    char text[6];
  };
  EXPECT_STREQ(round_trip(Owner{nullptr, "owner"}).text, "owner");
  const Buffer buffer =
      round_trip(Buffer{{"hello"}, {{1, 2}, {3, 4}}, {"a", "b"}, {{1, 2, 3}, {4, 5, 6}}});
  EXPECT_STREQ(buffer.text, "hello");
  EXPECT_EQ(buffer.corners[1], (Point{3, 4}));
  EXPECT_EQ(buffer.words[1], "b");
  EXPECT_EQ(buffer.table[1][2], 6);

  struct Fixed {
    const int id;
    std::optional<std::string> name;
  };
  const Fixed fixed = round_trip(Fixed{7, "x"});
  EXPECT_EQ(fixed.id, 7);
  EXPECT_EQ(fixed.name, "x");
}

TEST(AggregatesTest, ThoseWithoutPaddingAreCopiedAsABlock) {
  EXPECT_EQ(written(std::vector<Point>(10)).size(), 8 + 10 * sizeof(Point));
  EXPECT_EQ(written(std::vector<Padded>(10)).size(), 8 + 10 * (1 + sizeof(double)));
  static_assert(mp::detail::Flat<Point> && mp::detail::Flat<Padded>);
}

TEST(AggregatesTest, MayContainThemselves) {
  const Tree tree{1, {{2, {{3, {}}}}, {4, {}}}};
  EXPECT_EQ(round_trip(tree), tree);
  EXPECT_EQ(round_trip(Node{1, std::make_unique<Node>(Node{2, {}})}).next->value, 2);
}

TEST(AggregatesTest, AreRefusedByTheSenderWhenTheyLieTooDeep) {
  Node first;
  Node* last = &first;
  for (int i = 0; i < 400; ++i) last = (last->next = std::make_unique<Node>()).get();
  EXPECT_THROW(static_cast<void>(written(first)), mp::SerializationError);
}

TEST(AggregatesTest, PointersAndUnionsInThemAreNotSent) {
  struct WithPointer {
    int size;
    const char* text;
  };
  union Either {
    int i;
    float f;
  };
  struct WithBase : Point {
    int z;
  };
  static_assert(!mp::detail::Sendable<WithPointer> && !mp::detail::Sendable<Either>);
  static_assert(!mp::detail::Sendable<WithBase>);  // which of its parts are there is not told
}

// Records of protocols and registers.
enum class Colour : std::uint8_t { red, green, blue };
struct Register {
  unsigned low : 3;
  unsigned high : 29;
  bool operator==(const Register&) const = default;
};
struct Marks {
  bool ready : 1;
  Colour colour : 2;
  int level : 6;
  unsigned long long serial : 40;
  const short kind;
  bool operator==(const Marks&) const = default;
};
struct __attribute__((packed)) PackedHeader {
  std::uint8_t kind;
  std::uint32_t length;
  double scale;
  std::uint16_t sums[3];
};
struct __attribute__((packed)) PackedMarks {
  bool ready;
  std::int64_t serial;
  unsigned low : 4;
  unsigned high : 9;
};
struct Event {
  int kind;
  union {
    int code;
    float level;
  };
};
struct MarkedText {
  unsigned mark : 3;
  bool last;
  char text[8];
};
struct OfEvents {
  Register mask;
  Event event;
};

}  // namespace
}  // namespace reduction_test
template <>
inline constexpr bool multiprocessing::is_flat<reduction_test::Event> = true;
template <>
inline constexpr bool multiprocessing::is_flat<reduction_test::MarkedText> = true;
namespace reduction_test {
namespace {

TEST(AggregatesTest, MayHoldBitFields) {
  EXPECT_EQ(round_trip(Register{5, 123456}), (Register{5, 123456}));
  EXPECT_EQ(written(Register{5, 123456}).size(), sizeof(Register));
  const Marks marks{true, Colour::blue, -17, 0xfedcba9876, 4};
  EXPECT_EQ(round_trip(marks), marks);
  EXPECT_EQ(round_trip(std::vector<Marks>{marks, marks})[1], marks);
  struct HalfByte {  // a copy of its bytes would send bits that hold nothing
    unsigned char half : 4;
    unsigned char others[3];
  };
  static_assert(!mp::detail::copied_as_bytes<HalfByte>());
}

TEST(AggregatesTest, MayBePacked) {
  const PackedHeader header = round_trip(PackedHeader{1, 70000, 2.5, {3, 4, 5}});
  EXPECT_EQ(header.kind, 1);
  EXPECT_EQ(+header.length, 70000U);
  EXPECT_EQ(+header.scale, 2.5);
  EXPECT_EQ(+header.sums[2], 5);
  EXPECT_EQ(written(header).size(), sizeof header);
  const PackedMarks marks = round_trip(PackedMarks{true, -8, 9, 511});
  EXPECT_TRUE(marks.ready);
  EXPECT_EQ(+marks.serial, -8);
  EXPECT_EQ(marks.low, 9U);
  EXPECT_EQ(marks.high, 511U);
}

TEST(AggregatesTest, WithAnUnnamedUnionAreCopiedAsBytesWhereTheyAreCalledFlat) {
  Event event{1, {}};
  event.level = 2.5F;
  EXPECT_EQ(round_trip(event).level, 2.5F);
  EXPECT_EQ(round_trip(OfEvents{{5, 6}, event}).event.level, 2.5F);
  EXPECT_STREQ(round_trip(MarkedText{5, true, "seven"}).text, "seven");
  static_assert(mp::detail::Flat<Event> && mp::detail::Flat<Register> && mp::detail::Flat<Marks>);
  struct OfUnion {
    int kind;
    union {
      int code;
      float level;
    };
  };
  struct OfNamedUnions {
    union {
      int code;
      float level;
    } values[2];
    int kind;
  };
  static_assert(!mp::detail::Sendable<OfUnion> && !mp::detail::Sendable<OfNamedUnions>);
}

class Account {
 public:
  Account() = default;
  Account(std::string owner, int balance) : owner_(std::move(owner)), history_{balance} {}
  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    EXPECT_EQ(version, 0U);
    archive& owner_& history_;
    archive& extra_;
  }
  bool operator==(const Account&) const = default;

 private:
  std::string owner_;
  std::vector<int> history_;
  std::tuple<std::optional<int>, std::map<int, Point>> extra_ = {5, {{1, {2, 3}}}};
};

TEST(SerializeTest, AMemberIsGivenAnArchiveThatTakesAnythingSendable) {
  const Account account{"x", 5};
  EXPECT_EQ(round_trip(account), account);
  EXPECT_EQ(round_trip(std::vector{account, account}).size(), 2U);
  EXPECT_EQ((round_trip(std::map<int, Account>{{1, account}}).at(1)), account);
}

struct Directed {
  int number = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (Archive::is_saving::value) {
      archive << number + 1;
    } else {
      archive >> number;
    }
  }
};

TEST(SerializeTest, CanTellSavingFromLoading) {
  Directed directed;
  directed.number = 4;
  EXPECT_EQ(round_trip(directed).number, 5);
}

struct OwnsNumber {
  std::unique_ptr<int> number;
  explicit OwnsNumber(int n) : number(std::make_unique<int>(n)) {}
  OwnsNumber() = default;
  OwnsNumber(OwnsNumber&&) = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& number;
  }
};

TEST(SerializeTest, WorksForTypesThatOnlyMove) { EXPECT_EQ(*round_trip(OwnsNumber{3}).number, 3); }

struct Empty {
  Empty() {}
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

TEST(SerializeTest, ValuesThatWriteNothingStillCountInAContainer) {
  EXPECT_EQ(round_trip(std::vector<Empty>(7)).size(), 7U);
}

struct Refuses {
  Refuses() = default;
  template <class Archive>
  void serialize(Archive&, unsigned) {
    throw std::runtime_error("no");
  }
};

TEST(SerializeTest, WhatItThrowsComesOutOfTheCallThatSends) {
  EXPECT_THROW(static_cast<void>(written(Refuses{})), std::runtime_error);
}

class Interned {
 public:
  static Interned named(std::string name) { return Interned{std::move(name)}; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  explicit Interned(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

struct Particle {
  explicit Particle(int n) : id(n) {}
  int id;
  void* pad_never_used = nullptr;
};

namespace beside {
struct Thing {
  explicit Thing(int n = 0) : value(n) {}
  int value;
};
template <class Archive>
void serialize(Archive& archive, Thing& thing, unsigned) {
  archive& thing.value;
}
}  // namespace beside

TEST(SerializeTest, MayStandBesideTheClass) { EXPECT_EQ(round_trip(beside::Thing{4}).value, 4); }

}  // namespace
}  // namespace reduction_test

template <>
struct multiprocessing::Serializer<reduction_test::Interned> {
  static void save(OutArchive& out, const reduction_test::Interned& value) { out& value.name(); }
  static reduction_test::Interned load(InArchive& in) {
    return reduction_test::Interned::named(in.read<std::string>());
  }
};

template <>
inline constexpr bool multiprocessing::is_flat<reduction_test::Particle> = true;

namespace reduction_test {
namespace {

TEST(SerializerTest, IsTheDoorForTypesThatAreNotOnesOwn) {
  EXPECT_EQ(round_trip(Interned::named("x")).name(), "x");
  EXPECT_EQ(round_trip(std::vector{Interned::named("y")})[0].name(), "y");
  static_assert(!mp::detail::Flat<Interned>);
}

TEST(IsFlatTest, OptsInToACopyOfTheBytes) {
  EXPECT_EQ(round_trip(Particle{4}).id, 4);
  EXPECT_EQ(round_trip(std::vector{Particle{1}, Particle{2}})[1].id, 2);
  static_assert(mp::detail::Flat<Particle>);
}

}  // namespace
}  // namespace reduction_test
