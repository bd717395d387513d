// A live CPython: what it prints and pickles we print and read, and what we write it reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "pickle/notation.hpp"
#include "support/asked.hpp"
#include "support/child_process.hpp"

namespace pickle_test {
namespace {

using mp::Object;

test_support::ProgramResult run_peer(std::vector<std::string> arguments) {
  std::vector<std::string> command{"env", "python3",
                                   std::string{PICKLE_TESTS} + "/peers/random_values.py"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return test_support::run_program(std::move(command), {.environment = {"PYTHONHASHSEED=0"}});
}

std::string to_hex(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes) {
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
  }
  return digits;
}

class PickleWithPythonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (test_support::run_program({"env", "python3", "-c", "import pickle"}).exitcode != 0)
      GTEST_SKIP() << "there is no python3 here";
  }
};

TEST_F(PickleWithPythonTest, RandomValuesGoBothWaysAndPrintAlike) {
  const std::string count =
      std::to_string(test_support::asked("MULTIPROCESSING_TEST_VALUES", 1000));
  const auto written = run_peer({"1", count});
  ASSERT_EQ(written.exitcode, 0) << written.report();
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("pickles-" + std::to_string(std::rand()));
  std::ofstream back{path};
  std::istringstream lines{written.out};
  int read = 0;
  for (std::string pickled, printed, shown; lines >> pickled >> printed >> shown; ++read) {
    const Object value = mp::loads(from_hex(pickled));
    EXPECT_EQ(repr(value), from_hex(printed)) << pickled;
    EXPECT_EQ(str(value), from_hex(shown)) << pickled;
    back << to_hex(mp::dumps(value)) << '\n';
  }
  back.close();
  EXPECT_EQ(std::to_string(read), count);
  const auto compared = run_peer({"1", count, path});
  EXPECT_EQ(compared.exitcode, 0) << compared.report();
  EXPECT_EQ(compared.out, "");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace pickle_test
