#include <unistd.h>

#include <gmock/gmock.h>
#include <any>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <typeinfo>
#include <variant>

#include "multiprocessing/base/exit.hpp"
#include "multiprocessing/detail/codec/exception.hpp"
#include "reduction/round_trip.hpp"

namespace reduction_test {

struct Registered : std::runtime_error {
  explicit Registered(const std::string& text) : runtime_error("registered: " + text) {}
};
struct Whole : std::exception {
  Whole() = default;
  Whole(int line, std::string file) : line(line), file(std::move(file)) {}
  [[nodiscard]] const char* what() const noexcept override { return file.c_str(); }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& line& file;
  }
  int line = 0;
  std::string file;
};
struct Final final : std::exception {};
struct NoStandard {
  int code;
};
struct Unreadable : std::exception {
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if constexpr (!Archive::is_saving::value) throw std::logic_error("cannot be read");
    static_cast<void>(archive);
  }
};
struct Unwritable : std::exception {
  template <class Archive>
  void serialize(Archive&, unsigned) {
    throw std::logic_error("cannot be written");
  }
};
struct Stranger : std::runtime_error {
  using runtime_error::runtime_error;
};

static const bool registered =
    mp::register_exception<Registered>() && mp::register_exception<Whole>() &&
    mp::register_exception<Final>() && mp::register_exception<NoStandard>() &&
    mp::register_exception<Unreadable>() && mp::register_exception<Unwritable>();

namespace {

using testing::HasSubstr;

/// The exception of type E that `error` arrives as, or a failure.
template <class E, class Check>
void expect_arrives(const std::exception_ptr& error, Check check) {
  const std::exception_ptr there = round_trip(error);
  try {
    std::rethrow_exception(there);
  } catch (const E& arrived) {
    check(arrived);
  } catch (...) {
    ADD_FAILURE() << "arrived as " << mp::detail::describe_exception(there);
  }
}

template <class E>
void expect_same_text(const E& error) {
  expect_arrives<E>(std::make_exception_ptr(error),
                    [&](const E& arrived) { EXPECT_STREQ(arrived.what(), error.what()); });
}

TEST(ExceptionsTest, TheStandardsOwnKeepTypeAndText) {
  expect_same_text(std::runtime_error{"a"});
  expect_same_text(std::logic_error{"b"});
  expect_same_text(std::invalid_argument{""});
  expect_same_text(std::domain_error{"c"});
  expect_same_text(std::length_error{"d"});
  expect_same_text(std::out_of_range{"e"});
  expect_same_text(std::range_error{"f"});
  expect_same_text(std::overflow_error{"g"});
  expect_same_text(std::underflow_error{"h"});
  expect_same_text(std::bad_alloc{});
  expect_same_text(std::bad_array_new_length{});
  expect_same_text(std::bad_cast{});
  expect_same_text(std::bad_typeid{});
  expect_same_text(std::bad_exception{});
  expect_same_text(std::bad_any_cast{});
  expect_same_text(std::bad_optional_access{});
  expect_same_text(std::bad_function_call{});
  expect_same_text(std::bad_weak_ptr{});
  expect_same_text(std::exception{});
}

TEST(ExceptionsTest, TextsThatTheLibraryAloneCanMakeAreKept) {
  const auto error = thrown_by([] {
    const std::variant<int, char> variant;
    static_cast<void>(std::get<1>(variant));
  });
  expect_arrives<std::bad_variant_access>(error, [](const auto& arrived) {
    EXPECT_STREQ(arrived.what(), "std::get: wrong index for variant");
  });
}

TEST(ExceptionsTest, ErrorCodesTravelWithTheirCategory) {
  expect_arrives<std::system_error>(
      std::make_exception_ptr(std::system_error{ENOENT, std::system_category(), "open x"}),
      [](const auto& arrived) {
        EXPECT_EQ(arrived.code(), std::error_code(ENOENT, std::system_category()));
        EXPECT_STREQ(arrived.what(), "open x: No such file or directory");
        EXPECT_STREQ(std::system_error{arrived}.what(), "open x: No such file or directory");
      });
  expect_arrives<mp::FileNotFoundError>(
      std::make_exception_ptr(
          mp::FileNotFoundError{std::make_error_code(std::errc::no_such_file_or_directory), "x"}),
      [](const mp::OSError& arrived) { EXPECT_EQ(arrived.code().value(), ENOENT); });
  expect_arrives<std::future_error>(
      std::make_exception_ptr(std::future_error{std::future_errc::broken_promise}),
      [](const auto& arrived) { EXPECT_EQ(arrived.code(), std::future_errc::broken_promise); });
}

TEST(ExceptionsTest, FilesystemErrorsKeepTheirPaths) {
  const auto error = thrown_by([] { std::filesystem::copy("/nowhere/a", "/nowhere/b"); });
  std::string text;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    text = e.what();
  }
  expect_arrives<std::filesystem::filesystem_error>(error, [&](const auto& arrived) {
    EXPECT_EQ(arrived.what(), text);
    EXPECT_EQ(arrived.path1(), "/nowhere/a");
    EXPECT_EQ(arrived.path2(), "/nowhere/b");
  });
}

TEST(ExceptionsTest, WhatStreamsThrowArrivesAsFailure) {
  const auto error = thrown_by([] {
    std::istringstream stream;
    stream.exceptions(std::ios::failbit);
    stream.setstate(std::ios::failbit);
  });
  expect_arrives<std::ios_base::failure>(
      error, [](const auto& arrived) { EXPECT_EQ(arrived.code(), std::io_errc::stream); });
}

class OwnCategory : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "own"; }
  [[nodiscard]] std::string message(int) const override { return "own trouble"; }
};

TEST(ExceptionsTest, ACodeOfAnUnknownCategoryArrivesAsRemoteError) {
  static const OwnCategory category;
  expect_arrives<mp::RemoteError>(
      std::make_exception_ptr(std::system_error{1, category, "x"}), [](const auto& arrived) {
        EXPECT_STREQ(arrived.what(), "std::system_error: x: own trouble");
      });
}

TEST(ExceptionsTest, ThoseOfThisLibraryKeepWhatTheyHold) {
  expect_arrives<mp::OwnerDied>(std::make_exception_ptr(mp::OwnerDied{"x", 7}),
                                [](const auto& arrived) { EXPECT_EQ(arrived.pid(), 7); });
  expect_arrives<mp::WorkerDied>(std::make_exception_ptr(mp::WorkerDied{"x", 7, -9, 3}),
                                 [](const auto& arrived) {
                                   EXPECT_EQ(arrived.pid(), 7);
                                   EXPECT_EQ(arrived.exitcode(), -9);
                                   EXPECT_EQ(arrived.task(), 3U);
                                 });
  const std::vector<mp::WorkerDied> deaths{mp::WorkerDied{"first", 7, -9}, mp::WorkerDied{"last"}};
  expect_arrives<mp::BrokenProcessPool>(std::make_exception_ptr(mp::BrokenProcessPool{"x", deaths}),
                                        [](const auto& arrived) {
                                          ASSERT_EQ(arrived.history().size(), 2U);
                                          EXPECT_STREQ(arrived.history()[0].what(), "first");
                                          EXPECT_EQ(arrived.history()[0].exitcode(), -9);
                                          EXPECT_STREQ(arrived.history()[1].what(), "last");
                                        });
  expect_arrives<mp::BufferTooShort>(
      std::make_exception_ptr(mp::BufferTooShort{"x", mp::Bytes{std::string_view{"whole"}}}),
      [](const auto& arrived) { EXPECT_EQ(arrived.message(), "whole"); });
  expect_arrives<mp::Exit>(std::make_exception_ptr(mp::Exit{3}),
                           [](const mp::Exit& arrived) { EXPECT_EQ(arrived.code, 3); });
  expect_same_text(mp::TimeoutError{"t"});
  expect_same_text(mp::KeyError{"k"});
  expect_same_text(mp::TypeError{"t"});
  expect_same_text(mp::AttributeError{"a"});
  expect_same_text(mp::OverflowError{"o"});
  expect_same_text(mp::ZeroDivisionError{"z"});
  expect_same_text(mp::Empty{"e"});
  expect_same_text(mp::RemoteError{"r"});
  expect_same_text(mp::BrokenProcessPool{"b"});
}

TEST(ExceptionsTest, RegisteredTypesArriveAsThemselves) {
  expect_same_text(Registered{"x"});
  expect_arrives<Whole>(std::make_exception_ptr(Whole{3, "a.cpp"}), [](const Whole& arrived) {
    EXPECT_EQ(arrived.line, 3);
    EXPECT_STREQ(arrived.what(), "a.cpp");
  });
  expect_same_text(Final{});
  expect_arrives<NoStandard>(std::make_exception_ptr(NoStandard{4}),
                             [](const NoStandard& arrived) { EXPECT_EQ(arrived.code, 4); });
}

TEST(ExceptionsTest, UnknownTypesArriveAsRemoteErrorWithNameAndText) {
  const auto text_of = [](const std::exception_ptr& error) {
    std::string text;
    expect_arrives<mp::RemoteError>(error, [&](const auto& arrived) { text = arrived.what(); });
    return text;
  };
  EXPECT_EQ(text_of(std::make_exception_ptr(Stranger{"x"})), "reduction_test::Stranger: x");
  EXPECT_EQ(text_of(thrown_by([] { throw 42; })), "int: 42");
  EXPECT_EQ(text_of(thrown_by([] { throw true; })), "bool: 1");
  EXPECT_EQ(text_of(thrown_by([] { throw "text"; })), "char const*: text");
  EXPECT_EQ(text_of(thrown_by([] { throw std::string{"s"}; })), "std::string: s");
  struct Local {};
  EXPECT_THAT(text_of(thrown_by([] { throw Local{}; })), HasSubstr("Local"));
}

TEST(ExceptionsTest, TypesThatCannotBeWrittenOrReadFailAlone) {
  // Python's pool loses its result thread on the second kind.
  EXPECT_THROW(std::rethrow_exception(round_trip(std::make_exception_ptr(Unwritable{}))),
               mp::RemoteError);
  EXPECT_THROW(std::rethrow_exception(round_trip(std::make_exception_ptr(Unreadable{}))),
               mp::RemoteError);
}

std::exception_ptr chain_of_three() {
  return thrown_by([] {
    try {
      try {
        throw Stranger("innermost");
      } catch (...) {
        std::throw_with_nested(Registered("middle"));
      }
    } catch (...) {
      std::throw_with_nested(std::logic_error("outermost"));
    }
  });
}

constexpr const char* three_lines =
    "std::logic_error: outermost\n"
    "reduction_test::Registered: registered: middle\n"
    "multiprocessing::RemoteError: reduction_test::Stranger: innermost";

TEST(ExceptionsTest, NestedChainsAreRebuilt) {
  const std::exception_ptr there = round_trip(chain_of_three());
  EXPECT_EQ(mp::detail::describe_exception(there), three_lines);
  try {
    std::rethrow_exception(there);
  } catch (const std::logic_error& outer) {
    try {
      std::rethrow_if_nested(outer);
      ADD_FAILURE() << "nothing is nested";
    } catch (const Registered& middle) {
      EXPECT_THROW(std::rethrow_if_nested(middle), mp::RemoteError);
    }
  }
}

TEST(ExceptionsTest, CrossTwiceWithoutChange) {
  EXPECT_EQ(mp::detail::describe_exception(round_trip(round_trip(chain_of_three()))), three_lines);
  expect_same_text(mp::RemoteError{"x"});
}

TEST(ExceptionsTest, AnEndlessChainIsCut) {
  std::exception_ptr error = std::make_exception_ptr(std::runtime_error("0"));
  for (int i = 0; i < 300; ++i) {
    error = thrown_by([&] {
      try {
        std::rethrow_exception(error);
      } catch (...) {
        std::throw_with_nested(std::runtime_error("n"));
      }
    });
  }
  const std::string lines = mp::detail::describe_exception(round_trip(error));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 99);
}

TEST(ExceptionsTest, NullAndNestedNothingSurvive) {
  EXPECT_EQ(round_trip(std::exception_ptr{}), nullptr);
  EXPECT_EQ(mp::detail::describe_exception(nullptr), "");
  const auto error = thrown_by([] { std::throw_with_nested(std::logic_error("alone")); });
  EXPECT_EQ(mp::detail::describe_exception(round_trip(error)), "std::logic_error: alone");
}

TEST(ExceptionsTest, AreValuesInsideOthers) {
  using Outcome = std::pair<std::string, std::variant<int, std::exception_ptr>>;
  const Outcome there = round_trip(Outcome{"x", std::make_exception_ptr(mp::Empty("e"))});
  EXPECT_THROW(std::rethrow_exception(std::get<1>(there.second)), mp::Empty);
}

TEST(RemoteTracebackTest, NamesTheProcessAndTheWholeChain) {
  const std::exception_ptr there = round_trip(chain_of_three());
  const std::string expected = "in MainProcess (pid " + std::to_string(::getpid()) +
                               "):\n"
                               "  std::logic_error: outermost\n"
                               "  reduction_test::Registered: registered: middle\n"
                               "  reduction_test::Stranger: innermost\n";
  EXPECT_EQ(mp::remote_traceback(there), expected);
  try {
    std::rethrow_exception(there);
  } catch (const std::exception& error) {
    EXPECT_EQ(mp::remote_traceback(error), expected);
  }
}

TEST(RemoteTracebackTest, IsEmptyForWhatWasThrownHere) {
  EXPECT_EQ(mp::remote_traceback(std::runtime_error{"x"}), "");
  EXPECT_EQ(mp::remote_traceback(std::make_exception_ptr(1)), "");
  EXPECT_EQ(mp::remote_traceback(std::exception_ptr{}), "");
}

}  // namespace
}  // namespace reduction_test
