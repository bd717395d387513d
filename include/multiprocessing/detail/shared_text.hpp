// How elements of shared containers lie in shared memory: text as a string of the container's own
// memory, everything else as it is.
#pragma once

#include <boost/container/string.hpp>

#include <string>
#include <string_view>
#include <type_traits>

#include "multiprocessing/arena/allocator.hpp"
#include "multiprocessing/detail/shared_cells.hpp"

namespace multiprocessing {

/// Text in shared memory: `std::string`'s interface, with memory of one shared object.
using SharedText =
    boost::container::basic_string<char, std::char_traits<char>, ArenaAllocator<char>>;

namespace detail {

template <class T>
struct Stored {
  static_assert(shareable<T>());
  using type = T;
  static const T& put(const T& value, const ArenaAllocator<char>&) { return value; }
  static const T& get(const T& value) { return value; }
  static const T& key(const T& value) { return value; }
};

template <>
struct Stored<std::string> {
  using type = SharedText;
  static SharedText put(std::string_view value, const ArenaAllocator<char>& allocator) {
    return {value.data(), value.size(), allocator};
  }
  static std::string get(const SharedText& value) { return {value.data(), value.size()}; }
  static std::string_view key(std::string_view value) { return value; }
};

/// Compares what is stored with what is asked for, without making one of the other.
struct StoredLess {
  using is_transparent = void;
  static std::string_view view(const SharedText& text) { return {text.data(), text.size()}; }
  static std::string_view view(std::string_view text) { return text; }
  template <class T>
  static const T& view(const T& value) {
    return value;
  }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return view(a) < view(b);
  }
};

}  // namespace detail

}  // namespace multiprocessing
