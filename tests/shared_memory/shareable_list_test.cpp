// ShareableList: items of every type, rooms, indexes, and the bytes that CPython writes.
#include "multiprocessing/shared_memory/shareable_list.hpp"

#include <bit>
#include <fstream>
#include <limits>

#include "shared_memory_suite.hpp"
#include "vectors.hpp"

namespace shared_memory_test {
namespace {

using Item = mp::ShareableList::Item;
using namespace std::string_literals;

/// Unlinked at the end of the scope.
struct List {
  explicit List(std::initializer_list<Item> items) : List(std::vector<Item>{items}) {}
  explicit List(const std::vector<Item>& items) : list(items), block(list.shm()) {}
  mp::ShareableList list;
  Block block;
};

class ShareableListTest : public testing::Test {};
class ShareableListInChildrenTest : public EveryMethodTest {};
FOR_EVERY_START_METHOD(ShareableListInChildrenTest);

// CPython: _TestSharedMemory.test_shared_memory_ShareableList_basics
TEST_F(ShareableListTest, HoldsValuesOfEveryTypeAndChangesThem) {
  const List made{"howdy", mp::Bytes{"HoWdY"}, -273.154, 100, std::monostate{}, true, 42};
  const mp::ShareableList& list = made.list;
  EXPECT_EQ(list.size(), 7U);
  EXPECT_EQ(list.format(), "8s8sdqxxxxxx?xxxxxxxx?q");
  EXPECT_EQ(list[0], Item{"howdy"});
  EXPECT_EQ(list.get<mp::Bytes>(1), mp::Bytes{"HoWdY"});
  EXPECT_EQ(list.get<double>(2), -273.154);
  EXPECT_EQ(list[-1], Item{42});
  EXPECT_EQ(list.get<bool>(-2), true);
  EXPECT_THROW(static_cast<void>(list.get<double>(0)), mp::ValueError);
  EXPECT_EQ(list.index(42), 6U);
  EXPECT_THROW(static_cast<void>(list.index(100.5)), mp::ValueError);
  EXPECT_EQ(list.count(42), 1U);

  list[3] = 42;
  EXPECT_EQ(list.index(42), 3U);
  EXPECT_EQ(list.count(42), 2U);
  list[4] = "some";
  EXPECT_EQ(list.format(), "8s8sdq8sxxxxxxx?q");
  EXPECT_THROW((list[4] = "far too many characters"), mp::ValueError);
  EXPECT_EQ(list[4], Item{"some"});
  list[0] = mp::Bytes{"encoding"};  // fills its room
  EXPECT_EQ(list[0], Item{mp::Bytes{"encoding"}});
  list[0] = list[2];
  EXPECT_EQ(list[0], Item{-273.154});

  const mp::ShareableList same{{.name = list.shm().name()}};
  EXPECT_EQ(same.items(), list.items());
  EXPECT_EQ(mp::to_string(same),
            "ShareableList([-273.154, b'HoWdY', -273.154, 42, 'some', True, "
            "42], name='" +
                list.shm().name() + "')");
  const List empty{std::vector<Item>{}};
  EXPECT_EQ(empty.list.size(), 0U);
  EXPECT_EQ(empty.list.format(), "");
  EXPECT_EQ(empty.list.shm().size(), 16U);
  EXPECT_THROW(static_cast<void>(empty.list.index("")), mp::ValueError);
}

TEST_F(ShareableListTest, ItIsMadeUnderTheNameThatIsGiven) {
  mp::ShareableList list{{1, "a"}, {.name = "mp_test_list"}};
  EXPECT_TRUE(exists("mp_test_list"));
  EXPECT_THROW((mp::ShareableList{{2}, {.name = "mp_test_list"}}), mp::FileExistsError);
  list.shm().close();
  list.shm().unlink();
  EXPECT_THROW(static_cast<void>(list.at(0)), mp::ValueError);
  EXPECT_FALSE(exists("mp_test_list"));
}

TEST_F(ShareableListTest, W33TextHasRoomForAllItsBytes) {
  std::string text;
  for (int i = 0; i < 15; ++i) text += "é";
  const List made{text, "", mp::Bytes{}};
  EXPECT_EQ(made.list.get<std::string>(0), text);
  EXPECT_EQ(made.list.format(), "32s8s8s");
  made.list[1] = "ééé";
  EXPECT_EQ(made.list.get<std::string>(1), "ééé");
  EXPECT_THROW((made.list[1] = "ééééé"), mp::ValueError);
  EXPECT_EQ(made.list.get<std::string>(1), "ééé");
}

TEST_F(ShareableListTest, W34NoIndexLeadsOutOfTheList) {
  const List made{1, 2, 3};
  for (const std::ptrdiff_t index :
       {std::ptrdiff_t{3}, std::ptrdiff_t{-4}, std::ptrdiff_t{-100},
        std::numeric_limits<std::ptrdiff_t>::min(), std::numeric_limits<std::ptrdiff_t>::max()}) {
    EXPECT_THROW(static_cast<void>(made.list.at(index)), mp::IndexError);
    EXPECT_THROW((made.list[index] = 5), mp::IndexError);
  }
  EXPECT_EQ(made.list.items(), (std::vector<Item>{1, 2, 3}));
}

void change(mp::ShareableList list) {
  if (list.get<std::string>(0) != "before") throw mp::Exit{1};
  list[0] = "after";
}

// CPython: _TestSharedMemory.test_shared_memory_ShareableList_pickling
TEST_P(ShareableListInChildrenTest, IsSharedWithAChild) {
  const List made{"before", 1};
  EXPECT_EQ(run_in_child(change, made.list), 0);
  EXPECT_EQ(made.list.get<std::string>(0), "after");
}

// CPython: _TestSharedMemory.test_shared_memory_ShareableList_pickling_dead_object
TEST_F(ShareableListTest, AMessageNamesTheListWhateverItHolds) {
  const List small{1};
  const List large{std::vector<Item>(1000, Item{"a good deal of text"})};
  const std::string message = message_of(large.list);
  EXPECT_EQ(message_of(small.list).size(), message.size());
  EXPECT_EQ(value_of<mp::ShareableList>(message).size(), 1000U);
  large.list.shm().unlink();
  EXPECT_THROW(value_of<mp::ShareableList>(message), mp::FileNotFoundError);
}

// ---- bytes ----

TEST_F(ShareableListTest, ReadsAndChangesWhatCPythonWrote) {
  const auto all = read_list_vectors();
  ASSERT_GE(all.size(), 14U);
  for (const ListVector& vector : all) {
    SCOPED_TRACE(vector.id);
    const Block block{mp::SharedMemory{{.create = true, .size = vector.bytes.size()}}};
    auto memory = block.memory.buf<char>();
    std::ranges::copy(vector.bytes, memory.begin());
    const mp::ShareableList list{{.name = block.memory.name()}};
    EXPECT_EQ(list.items(), vector.items);
    EXPECT_EQ(list.format(), vector.format);
  }
}

TEST_F(ShareableListTest, WritesTheBytesThatCPythonWrites) {
  for (const ListVector& vector : read_list_vectors()) {
    // CPython 3.8 laid it out in another way, and all cut what has more bytes than characters.
    if (!vector.id.starts_with("offsets/")) continue;
    SCOPED_TRACE(vector.id);
    const List made{vector.initial};
    for (const auto& [index, value] : vector.changes) made.list.set(index, value);
    const auto memory = made.list.shm().buf<char>();
    EXPECT_EQ((std::string{memory.data(), memory.size()}), vector.bytes);
  }
}

TEST_F(ShareableListTest, ABlockThatHoldsNoListIsRefused) {
  const List made{1, "text", 2.5};
  const auto memory = made.list.shm().buf<char>();
  const std::string sound{memory.data(), memory.size()};
  // Every word of the head, changed to what it must not be.
  for (std::size_t word = 0; word < 5; ++word)
    for (const std::uint64_t wrong :
         {~std::uint64_t{0}, std::uint64_t{1} << 62U, std::uint64_t{3}}) {
      if (word == 0 && wrong == 3) continue;
      std::ranges::copy(sound, memory.begin());
      *reinterpret_cast<std::uint64_t*>(memory.data() + 8 * word) = wrong;
      EXPECT_THROW(mp::ShareableList({.name = made.list.shm().name()}), mp::ValueError)
          << word << ' ' << wrong;
    }
  std::ranges::copy(sound, memory.begin());
  const Block tiny{4};
  EXPECT_THROW(mp::ShareableList({.name = tiny.memory.name()}), mp::ValueError);
}

TEST_F(ShareableListTest, AnItemThatIsDamagedIsAnErrorAndNothingWorse) {
  const List made{1, "text"};
  const auto memory = made.list.shm().buf<char>();
  const std::size_t formats = memory.size() - 2 * 9;
  for (const std::string& wrong : {"9999999s"s, "s"s, "-8s"s, "8"s, "qq"s, ""s, "8ss"s}) {
    for (std::size_t i = 0; i < 8; ++i)
      memory[formats + 8 + i] = i < wrong.size() ? wrong[i] : '\0';
    EXPECT_THROW(static_cast<void>(made.list.at(1)), mp::ValueError) << wrong;
  }
  made.list[1] = "mended";
  EXPECT_EQ(made.list.get<std::string>(1), "mended");
  memory[memory.size() - 1] = 17;
  EXPECT_THROW(static_cast<void>(made.list.at(1)), mp::ValueError);
}

}  // namespace
}  // namespace shared_memory_test
