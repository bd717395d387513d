// What the tests of named blocks share.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/process.hpp"
#include "multiprocessing/shared_memory.hpp"
#include "support/start_methods.hpp"

namespace shared_memory_test {

namespace mp = multiprocessing;

/// Runs with the start method that is its parameter chosen for the program.
class EveryMethodTest : public testing::TestWithParam<std::string> {
 protected:
  EveryMethodTest() { mp::set_start_method(GetParam(), {.force = true}); }
  ~EveryMethodTest() override { mp::set_start_method(std::nullopt, {.force = true}); }
};

#define FOR_EVERY_START_METHOD(suite)                                           \
  INSTANTIATE_TEST_SUITE_P(EveryStartMethod, suite,                             \
                           testing::ValuesIn(test_support::every_start_method), \
                           test_support::NamedByParameter{})

/// Runs the target in a process of its own to its end; its exit code.
template <class... A>
int run_in_child(A&&... target_and_arguments) {
  mp::Process child{std::forward<A>(target_and_arguments)...};
  child.start();
  child.join();
  return child.exitcode().value();
}

/// Where the blocks of these tests live: a folder of this run inside /dev/shm, so that no other
/// program that starts meanwhile cleans up behind the tests.
[[nodiscard]] const std::string& folder();

/// Uses /dev/shm itself for the rest of its scope.
struct InDevShm {
  InDevShm();
  ~InDevShm();
  InDevShm(const InDevShm&) = delete;
};

/// Whether there is such a name among the blocks.
[[nodiscard]] bool exists(const std::string& name);

/// How many files of ours beside the blocks there are.
[[nodiscard]] int claims();

/// A block that is unlinked at the end of the scope, if somebody has not done so yet.
class Block {
 public:
  explicit Block(std::size_t size = 512) : memory({.create = true, .size = size}) {}
  explicit Block(mp::SharedMemory block) : memory(std::move(block)) {}
  ~Block();
  Block(const Block&) = delete;
  mp::SharedMemory memory;
};

template <class T>
std::string message_of(const T& value) {
  mp::detail::Writer writer;
  mp::detail::write(writer, value);
  const auto bytes = writer.view();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
T value_of(const std::string& message) {
  mp::detail::Reader reader{std::string_view{message}};
  return mp::detail::read<T>(reader);
}

/// Runs in a raw fork of this process; how it ended, as wait(2) tells.
int run_in_fork(const std::function<void()>& run);

}  // namespace shared_memory_test
