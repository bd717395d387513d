// What the tests of named blocks share.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/shared_memory.hpp"
#include "support/family.hpp"

namespace shared_memory_test {

namespace mp = multiprocessing;

using test_support::run_in_child;

/// Runs once for each start method.
using EveryMethodTest = test_support::EveryMethodTest;

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

/// How many files of ours beside the blocks there are, without the claim of this family.
[[nodiscard]] int claims();

/// A block that is unlinked at the end of the scope, unless it is already.
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
