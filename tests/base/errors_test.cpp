#include "multiprocessing/base/errors.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <system_error>

#include "base/os_error.hpp"

namespace {

using namespace multiprocessing;
using detail::throw_os_error;

template <class Error>
void expect_for(int error) {
  EXPECT_THROW(throw_os_error(error, "call", "thing"), Error);
  EXPECT_THROW(throw_os_error(error, "call", "thing"), OSError);
  try {
    throw_os_error(error, "call");
  } catch (const std::system_error& caught) {
    EXPECT_EQ(caught.code().value(), error);
    EXPECT_EQ(caught.code(), static_cast<std::errc>(error));
    EXPECT_EQ(typeid(caught), typeid(Error));
  }
}

TEST(OsErrorTest, TheErrorNumberChoosesTheSubclass) {
  expect_for<FileNotFoundError>(ENOENT);
  expect_for<FileExistsError>(EEXIST);
  expect_for<BrokenPipeError>(EPIPE);
  expect_for<ConnectionAbortedError>(ECONNABORTED);
  expect_for<ConnectionRefusedError>(ECONNREFUSED);
  expect_for<ConnectionResetError>(ECONNRESET);
  expect_for<OSError>(EINVAL);
}

TEST(OsErrorTest, EveryLossOfAPeerIsAConnectionErrorAsInPython) {
  for (const int error : {EPIPE, ECONNABORTED, ECONNREFUSED, ECONNRESET}) {
    EXPECT_THROW(throw_os_error(error, "call"), ConnectionError);
  }
}

TEST(OsErrorTest, TheTextNamesTheCallAndTheThing) {
  errno = ENOENT;
  try {
    throw_os_error("shm_open", "/mp-1f3a");
  } catch (const FileNotFoundError& error) {
    EXPECT_STREQ(error.what(), "shm_open /mp-1f3a: No such file or directory");
  }
  try {
    throw_os_error(EMFILE, "memfd_create");
  } catch (const OSError& error) {
    EXPECT_STREQ(error.what(), "memfd_create: Too many open files");
  }
}

TEST(ErrorsTest, TheFamilyIsRelatedAsInPython) {
  EXPECT_THROW(throw TimeoutError{"late"}, ProcessError);
  EXPECT_THROW(throw AuthenticationError{"who"}, ProcessError);
  EXPECT_THROW(throw BufferTooShort{"short"}, ProcessError);
  EXPECT_THROW(throw ProcessError{"any"}, std::runtime_error);
  EXPECT_THROW(throw ValueError{"value"}, std::invalid_argument);
  EXPECT_THROW(throw AssertionError{"misuse"}, std::logic_error);
  EXPECT_THROW(throw KeyError{"key"}, std::out_of_range);
  EXPECT_THROW(throw IndexError{"index"}, std::out_of_range);
  EXPECT_THROW(throw TypeError{"type"}, std::invalid_argument);
  EXPECT_THROW(throw AttributeError{"attribute"}, std::out_of_range);
  EXPECT_THROW(throw OverflowError{"overflow"}, std::overflow_error);
  EXPECT_THROW(throw ZeroDivisionError{"division"}, std::domain_error);
}

TEST(ErrorsTest, ErrorsCarryWhatPythonsCarry) {
  EXPECT_EQ((BufferTooShort{"short", Bytes{"the whole"}}.message()), "the whole");
  EXPECT_EQ((OwnerDied{"dead", 42}.pid()), 42);
  const WorkerDied died{"dead", 42, -9, 7};
  EXPECT_EQ(died.pid(), 42);
  EXPECT_EQ(died.exitcode(), -9);
  EXPECT_EQ(died.task(), 7U);
}

// A plug-in is loaded with symbols of its own, so only one home for each type's identity makes
// this work.
TEST(ErrorsTest, AnErrorThrownInAPlugInIsCaughtByItsTypeHere) {
  void* plugin = dlopen(BASE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(plugin, nullptr) << dlerror();
  auto* fail = reinterpret_cast<void (*)()>(dlsym(plugin, "throw_value_error"));
  ASSERT_NE(fail, nullptr);
  EXPECT_THROW(fail(), ValueError);
  dlclose(plugin);
}

TEST(BytesTest, AreMadeOfTextAndAreATypeOfTheirOwn) {
  const std::string_view content{"a\0b", 3};
  const Bytes bytes{content};
  EXPECT_EQ(bytes.size(), 3U);
  EXPECT_EQ(bytes, Bytes{std::string{content}});
  EXPECT_EQ(Bytes{"literal"}, "literal");
  const std::string text = "text";
  EXPECT_EQ(Bytes{text}, text);
  static_assert(!std::is_same_v<Bytes, std::string>);
  static_assert(!std::is_convertible_v<std::string, Bytes>);
}

}  // namespace
