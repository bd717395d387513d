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
inline constexpr std::uint32_t hash_of_nothing = 2166136261U;
[[nodiscard]] constexpr std::uint32_t hash_name(std::string_view name) noexcept {
  std::uint32_t hash = hash_of_nothing;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

/// The name of `T` for people.
template <class T>
[[nodiscard]] std::string type_name() {
  return demangle(typeid(T).name());
}

/// Goes on with the bytes of a number, the lowest first.
[[nodiscard]] constexpr std::uint32_t hash_number(std::uint32_t hash,
                                                  std::uint64_t number) noexcept {
  for (int byte = 0; byte < 8; ++byte, number >>= 8U)
    hash = (hash ^ static_cast<std::uint32_t>(number & 0xffU)) * 16777619U;
  return hash;
}

/// Of the type's name and its shape, see shape.hpp.
[[nodiscard]] inline std::uint32_t fingerprint_of(const std::type_info& type,
                                                  std::uint32_t shape) noexcept {
  return hash_number(hash_name(type.name()), shape);
}

}  // namespace multiprocessing::detail
