// Values of every form, for tests with bytes that nobody wrote.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <deque>
#include <exception>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/reduction.hpp"

namespace reduction_test {

struct Leaf {
  int number = 0;
  bool flag = false;
  char code[4] = {};
};

struct Tree {
  std::string name = {};
  std::vector<Tree> children = {};
  std::unique_ptr<Tree> other = {};
};

/// A user's class whose values may take no bytes at all.
struct Silent {
  Silent() = default;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
  std::array<char, 64> room{};  // far larger here than in a message
};

struct Everything {
  Leaf leaf = {};
  Tree tree = {};
  std::vector<double> numbers = {};
  std::vector<bool> bits = {};
  std::vector<std::string> words = {};
  std::vector<Silent> silent = {};
  std::map<std::string, std::optional<int>> table = {};
  std::variant<std::monostate, int, std::string, std::set<int>> either = {};
  std::tuple<std::bitset<11>, std::filesystem::path, multiprocessing::Bytes> tuple = {};
  std::list<std::shared_ptr<int>> shared = {};
  std::deque<std::chrono::seconds> times = {};
  std::unordered_map<int, std::array<bool, 3>> flags = {};
  std::exception_ptr error = {};
  int (*function)(int) = nullptr;
};

/// Reads a T; what it says about bytes that hold none may only be SerializationError.
template <class T>
bool reads(std::string_view bytes) {
  multiprocessing::detail::Reader reader{bytes};
  try {
    [[maybe_unused]] const T value = multiprocessing::detail::read<T>(reader);
    return reader.remaining() == 0;
  } catch (const multiprocessing::SerializationError&) {
    return false;
  }
}

}  // namespace reduction_test
