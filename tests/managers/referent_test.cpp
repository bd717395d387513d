#include "managers/referent.hpp"

#include <gtest/gtest.h>

namespace multiprocessing::detail {
namespace {

TEST(PythonErrorTest, KeepsTheArgumentsAndSaysWhatPythonSays) {
  const PythonError error{"KeyError", {Object{1}}};
  EXPECT_EQ(error.error().type(), "KeyError");
  EXPECT_EQ(error.error().args(), Object::tuple({1}));
  EXPECT_STREQ(error.what(), "1");
}

TEST(PythonErrorTest, RefusesANameThatIsNoException) {
  EXPECT_THROW((PythonError{"dict", {}}), std::logic_error);
}

}  // namespace
}  // namespace multiprocessing::detail
