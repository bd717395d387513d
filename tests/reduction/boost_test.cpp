// Classes as users wrote them for Boost.Serialization.
#include <boost/serialization/array_wrapper.hpp>
#include <boost/serialization/base_object.hpp>
#include <boost/serialization/binary_object.hpp>
#include <boost/serialization/export.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/shared_ptr.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/split_member.hpp>
#include <boost/serialization/vector.hpp>
#include <boost/serialization/version.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "multiprocessing/reduction/boost.hpp"
#include "reduction/round_trip.hpp"

namespace reduction_test {

struct Plain {
  int number;
  std::string text;
  bool operator==(const Plain&) const = default;
};

class Private {
 public:
  explicit Private(int n) : value_(n) {}
  [[nodiscard]] int value() const { return value_; }

 private:
  friend class boost::serialization::access;
  Private() = default;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::make_nvp("value", value_);
    archive& BOOST_SERIALIZATION_NVP(value_);
  }
  int value_ = 0;
};

struct Split {
  int number = 0;
  std::tuple<int, std::string> tuple;
  std::optional<double> optional;
  unsigned version_seen = 0;

  template <class Archive>
  void save(Archive& archive, const unsigned) const {
    archive << number << tuple << optional;
  }
  template <class Archive>
  void load(Archive& archive, const unsigned version) {
    version_seen = version;
    archive >> number >> tuple >> optional;
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

struct Animal {
  virtual ~Animal() = default;
  [[nodiscard]] virtual int legs() const { return count; }
  int count = 0;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& count;
  }
};

struct Dog : Animal {
  std::string name;
  int numbers[3] = {};
  char raw[4] = {};
  std::tuple<int, std::optional<int>> tuple{1, 2};
  std::variant<int, std::string> variant{"x"};
  std::chrono::seconds duration{3};
  std::filesystem::path path{"/p"};
  Plain plain{4, "plain"};
  mp::Function<int()> function;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Animal>(*this);
    archive& name& tuple& variant& duration& path& plain& function;
    archive& boost::serialization::make_array(numbers, 3);
    archive& boost::serialization::make_binary_object(raw, 4);
  }
};

struct FreeSplit {
  explicit FreeSplit(int n = 0) : value(n) {}
  int value;
};

struct InBoost {
  explicit InBoost(int n = 0) : value(n) {}
  int value;
};

}  // namespace reduction_test

BOOST_CLASS_VERSION(reduction_test::Split, 3)
BOOST_CLASS_EXPORT(reduction_test::Dog)
BOOST_SERIALIZATION_SPLIT_FREE(reduction_test::FreeSplit)

namespace boost::serialization {
template <class Archive>
void save(Archive& archive, const reduction_test::FreeSplit& value, const unsigned) {
  archive << value.value;
}
template <class Archive>
void load(Archive& archive, reduction_test::FreeSplit& value, const unsigned) {
  archive >> value.value;
}
template <class Archive>
void serialize(Archive& archive, reduction_test::InBoost& value, const unsigned) {
  archive& value.value;
}
}  // namespace boost::serialization

using Animals = std::vector<std::shared_ptr<reduction_test::Animal>>;
using Kennel = std::vector<reduction_test::Dog>;
template <>
inline constexpr bool multiprocessing::uses_boost_archive<Animals> = true;
template <>
inline constexpr bool multiprocessing::uses_boost_archive<Kennel> = true;

namespace reduction_test {
namespace {

TEST(BoostFormTest, PrivateMembersOpenedByAccessWork) {
  EXPECT_EQ(round_trip(Private{7}).value(), 7);
  EXPECT_EQ(round_trip(std::vector{Private{8}})[0].value(), 8);
}

TEST(BoostFormTest, SplitMembersAndVersionsWork) {
  Split split;
  split.number = 1;
  split.tuple = {2, "x"};
  split.optional = 3;
  const Split there = round_trip(split);
  EXPECT_EQ(there.tuple, split.tuple);
  EXPECT_EQ(there.optional, split.optional);
  EXPECT_EQ(there.version_seen, 3U);
}

TEST(BoostFormTest, FunctionsBesideTheClassAndInBoostsNamespaceWork) {
  EXPECT_EQ(round_trip(FreeSplit{4}).value, 4);
  EXPECT_EQ(round_trip(InBoost{5}).value, 5);
}

TEST(BoostFormTest, BasesArraysAndBinaryObjectsWork) {
  Dog dog;
  dog.count = 4;
  dog.name = "Rex";
  dog.numbers[1] = 9;
  dog.raw[2] = 'r';
  const Dog there = round_trip(dog);
  EXPECT_EQ(there.legs(), 4);
  EXPECT_EQ(there.name, "Rex");
  EXPECT_EQ(there.numbers[1], 9);
  EXPECT_EQ(there.raw[2], 'r');
}

TEST(BoostFormTest, TheHeadersOfBoostDoNotTakeTheStandardsTypesFromUs) {
  static_assert(mp::detail::form<std::vector<int>> == mp::detail::Form::sequence);
  static_assert(mp::detail::form<Plain> == mp::detail::Form::members);
  EXPECT_EQ(round_trip(Plain{1, "x"}), (Plain{1, "x"}));
}

TEST(BoostArchiveTest, ExportedClassesBehindPointersKeepTypeAndIdentity) {
  auto dog = std::make_shared<Dog>();
  dog->count = 3;
  dog->function = [] { return 77; };
  const Animals there = round_trip(Animals{dog, dog});
  EXPECT_EQ(there.at(0), there.at(1));
  const auto& same = dynamic_cast<const Dog&>(*there[0]);
  EXPECT_EQ(same.legs(), 3);
  EXPECT_EQ(same.function(), 77);
  EXPECT_EQ(same.tuple, dog->tuple);
  EXPECT_EQ(same.variant, dog->variant);
  EXPECT_EQ(same.duration, dog->duration);
  EXPECT_EQ(same.path, dog->path);
  EXPECT_EQ(same.plain, dog->plain);
}

TEST(BoostArchiveTest, LeavesTheRestOfTheMessageAlone) {
  const std::tuple message{1, Animals{std::make_shared<Dog>()}, std::string{"behind"}};
  EXPECT_EQ(std::get<2>(round_trip(message)), "behind");
}

TEST(BoostArchiveTest, TruncatedBytesAreASerializationError) {
  // Not of pointers: what Boost has half made of a message behind one, it never frees.
  const std::string bytes = written(Kennel(2));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(static_cast<void>(read_all<Kennel>(std::string_view{bytes}.substr(0, size))),
                 mp::SerializationError);
  }
}

TEST(BoostArchiveTest, AnArchiveOfTheUsersOwnTakesWhatBoostDoesNotKnow) {
  std::stringstream stream;
  const std::tuple<int, std::optional<std::string>> out{1, "x"};
  boost::archive::binary_oarchive{stream} << out;
  std::tuple<int, std::optional<std::string>> in;
  boost::archive::binary_iarchive{stream} >> in;
  EXPECT_EQ(in, out);
}

}  // namespace
}  // namespace reduction_test
