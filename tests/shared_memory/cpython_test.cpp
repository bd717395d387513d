// Blocks and lists shared with a live CPython, made on either side.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <sstream>

#include "shared_memory/orphans.hpp"
#include "shared_memory_suite.hpp"
#include "support/child_process.hpp"

namespace shared_memory_test {
namespace {

using Item = mp::ShareableList::Item;
using namespace std::string_literals;

/// The system's python3, versions that are known to differ, and those that
/// MULTIPROCESSING_TEST_PYTHONS names, separated by blanks.
std::vector<std::string> interpreters() {
  const char* more = std::getenv("MULTIPROCESSING_TEST_PYTHONS");
  std::istringstream words{"python3 python3.8 python3.11 python3.13 "s + (more ? more : "")};
  std::vector<std::string> names;
  for (std::string name; words >> name;)
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

const std::string block_name = "mp_test_python_" + std::to_string(getpid());

class CPythonTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    static std::map<std::string, int> versions;  // asking takes a while
    if (versions.count(GetParam()) == 0) versions[GetParam()] = ask_version();
    version_ = versions[GetParam()];
    if (version_ == 0) GTEST_SKIP() << "there is no usable " << GetParam() << " here";
  }

  static int ask_version() {
    const auto result = test_support::run_program(
        {"env", GetParam(), "-c",
         "import sys; from multiprocessing import shared_memory; print(sys.version_info[1])"});
    return result.exitcode == 0 ? std::atoi(result.out.c_str()) : 0;
  }

  /// Runs the peer; what it printed.
  static std::string peer(std::vector<std::string> arguments) {
    std::vector<std::string> command{"env", "PYTHONPATH=" PEER_HELPERS, GetParam(),
                                     SHARED_MEMORY_TESTS "/peers/shm_peer.py"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto result = test_support::run_program(std::move(command));
    EXPECT_EQ(result.exitcode, 0) << result.report();
    return result.out;
  }

  /// Lists of CPython 3.8 are laid out in another way, which we only read and change.
  [[nodiscard]] bool reads_our_lists() const { return version_ >= 9; }

 private:
  const InDevShm in_dev_shm_;
  int version_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Python, CPythonTest, testing::ValuesIn(interpreters()), test_name);

TEST_P(CPythonTest, UsesABlockThatWasMadeHere) {
  const Block block{100};
  block.memory.buf()[0] = std::byte{0xab};
  peer({"attach", "--name", block.memory.name(), "--size", "100", "--expect", "ab0000", "--offset",
        "0", "--write", "c3a9"});
  EXPECT_EQ(block.memory.buf()[1], std::byte{0xa9});
  EXPECT_TRUE(exists(block.memory.name()));
}

TEST_P(CPythonTest, MakesABlockThatIsUsedHere) {
  peer({"create", "--name", block_name, "--size", "4097", "--write", "0102ff"});
  const Block block{mp::SharedMemory{block_name}};
  EXPECT_EQ(block.memory.size(), 4097U);
  EXPECT_EQ(block.memory.buf()[2], std::byte{0xff});
  block.memory.buf()[4096] = std::byte{0x7f};
  peer({"attach", "--name", block_name, "--offset", "4096", "--expect", "7f"});
  EXPECT_THROW(mp::SharedMemory({.create = true, .size = 1, .name = block_name}),
               mp::FileExistsError);
}

// CPython: _TestSharedMemory.test_shared_memory_tracking
TEST_P(CPythonTest, W15ItsBlocksAreNeverTakenForOurs) {
  peer({"create", "--name", block_name, "--size", "8"});
  const int status = run_in_fork([] {
    mp::SharedMemory{block_name}.buf()[0] = std::byte{1};
    std::raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  mp::detail::remove_orphans();
  EXPECT_TRUE(exists(block_name));
  peer({"attach", "--name", block_name, "--expect", "01", "--unlink"});
  EXPECT_FALSE(exists(block_name));
}

const std::string values =
    R"([0, -1, 9223372036854775807, -9223372036854775808, 1.5, -0.0, True, False, None,)"
    R"( '', 'plain', 'exactly8', '\u00e9', '\u6f22', '\U0001f600', b'', b'a\0b', b'\xff'])";

std::vector<Item> items() {
  return {0,
          -1,
          std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min(),
          1.5,
          -0.0,
          true,
          false,
          std::monostate{},
          "",
          "plain",
          "exactly8",
          "é",
          "漢",
          "😀",
          mp::Bytes{},
          mp::Bytes{"a\0b"s},
          mp::Bytes{"\xff"}};
}

TEST_P(CPythonTest, MakesAListThatIsReadAndChangedHere) {
  peer({"list-create", "--name", block_name, "--values", values});
  const mp::ShareableList list{{.name = block_name}};
  const Block block{list.shm()};
  EXPECT_EQ(list.items(), items());
  list[0] = "ééé";
  list[10] = std::monostate{};
  list[11] = mp::Bytes{"\1\2"};
  list[-1] = -2.25;
  std::string changed = values;
  changed.replace(0, 2, "['ééé'");
  changed.replace(changed.find("'plain', 'exactly8'"), 19, R"(None, b'\x01\x02')");
  changed.replace(changed.find(R"(b'\xff')"), 7, "-2.25");
  peer({"list-read", "--name", block_name, "--values", changed});
}

TEST_P(CPythonTest, ReadsAndChangesAListThatWasMadeHere) {
  if (!reads_our_lists()) GTEST_SKIP() << "this version lays lists out in another way";
  const std::vector<Item> made = items();
  const mp::ShareableList list{made};
  const Block block{list.shm()};
  peer({"list-read", "--name", list.shm().name(), "--values", values});
  const auto write = [&](const char* index, const char* value) {
    peer({"list-write", "--name", list.shm().name(), "--index", index, "--value", value});
  };
  write("0", "'ééé'");
  write("4", "None");
  write("-1", "True");
  write("11", "b'\\x01'");
  EXPECT_EQ(list[0], Item{"ééé"});
  EXPECT_EQ(list[4], Item{std::monostate{}});
  EXPECT_EQ(list[-1], Item{true});
  EXPECT_EQ(list[11], Item{mp::Bytes{"\1"}});
}

TEST_P(CPythonTest, W33ReadsLongTextThatIsNotAscii) {
  if (!reads_our_lists()) GTEST_SKIP() << "this version lays lists out in another way";
  std::string text;
  for (int i = 0; i < 15; ++i) text += "é";
  const mp::ShareableList list{{text, "漢字かな交じり文"}};
  const Block block{list.shm()};
  peer({"list-read", "--name", list.shm().name(), "--values",
        "['" + text + "', '漢字かな交じり文']"});
}

TEST_P(CPythonTest, SharesAnEmptyList) {
  peer({"list-create", "--name", block_name, "--values", "[]"});
  const mp::ShareableList list{{.name = block_name}};
  const Block block{list.shm()};
  EXPECT_EQ(list.size(), 0U);
  if (!reads_our_lists()) return;
  const mp::ShareableList own{std::initializer_list<Item>{}};
  const Block own_block{own.shm()};
  peer({"list-read", "--name", own.shm().name(), "--values", "[]"});
}

}  // namespace
}  // namespace shared_memory_test
