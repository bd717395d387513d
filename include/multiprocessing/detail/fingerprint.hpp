// Names of types, and short numbers made of them by which two sides find out that they disagree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <typeinfo>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// "std::vector<int, std::allocator<int> >" of its mangled form; `mangled` itself where it is none.
[[nodiscard]] MULTIPROCESSING_API std::string demangle(const char* mangled);

/// FNV-1a.
[[nodiscard]] constexpr std::uint32_t hash_name(std::string_view name) noexcept {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

/// The name of `T` for people.
template <class T>
[[nodiscard]] std::string type_name() {
  return demangle(typeid(T).name());
}

/// What a typed message begins with, so that receiving an `int` as a `std::string` is an error and
/// not garbage. Made of the mangled name, on which g++ and clang agree; the spelled ones differ.
template <class T>
[[nodiscard]] std::uint32_t fingerprint() noexcept {
  static const std::uint32_t number = hash_name(typeid(T).name());
  return number;
}

}  // namespace multiprocessing::detail
