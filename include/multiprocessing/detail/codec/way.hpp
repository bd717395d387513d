// The way to bytes and back for each form of type, to be specialised. Part of codec.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/detail/codec/buffer.hpp"
#include "multiprocessing/detail/codec/forms.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// What a way to bytes says of its types, where it has nothing else to say. `sendable` is told the
/// aggregates that lie around the type, for types that contain themselves; `least` is how many
/// bytes a value takes at least, never 0, so that a count of elements can be checked against the
/// bytes that are left.
template <std::size_t Least = 1, bool Sendable = true>
struct CodecBase {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return Sendable;
  }
  template <class T>
  static consteval std::size_t least() {
    return Least;
  }
};

/// A way to bytes, one for each form; the types of no form have none.
template <Form F>
struct Codec : CodecBase<1, false> {};

template <class T, class... Outer>
consteval bool sendable() {
  if constexpr ((std::is_same_v<T, Outer> || ...)) {
    return true;  // as far as this place in it is concerned
  } else {
    return Codec<form<T>>::template sendable<T, Outer...>();
  }
}

template <class T>
consteval std::size_t least_size() {
  return Codec<form<T>>::template least<T>();
}

template <class T>
void write_value(Writer& writer, const T& value) {
  Codec<form<T>>::template write<T>(writer, value);
}

template <class T>
T read_value(Reader& reader) {
  return Codec<form<T>>::template read<T>(reader);
}

/// Replaces `value` by what comes next. A class with `serialize` is given the chance to fill
/// itself.
template <class T>
void read_into(Reader& reader, T& value) {
  if constexpr (requires { Codec<form<T>>::template read_into<T>(reader, value); }) {
    Codec<form<T>>::template read_into<T>(reader, value);
  } else {
    value = read_value<T>(reader);
  }
}

// ---- functions and exceptions; lib/reduction ----

using AnyFunction = void (*)();

/// As (build-id of its module, offset); a null one too. Throws SerializationError when the address
/// lies in no module.
MULTIPROCESSING_API void write_function(Writer& writer, AnyFunction function);

/// The same function in this process. Loads the plug-in that it lies in if need be. Throws
/// SerializationError when the module was rebuilt or is not here.
[[nodiscard]] MULTIPROCESSING_API AnyFunction read_function(Reader& reader);

// A pointer to member function as the Itanium ABI lays it out.
struct MemberFunctionWords {
  std::uintptr_t function_or_slot;
  std::ptrdiff_t adjustment;
};
MULTIPROCESSING_API void write_member_function(Writer& writer, MemberFunctionWords words);
[[nodiscard]] MULTIPROCESSING_API MemberFunctionWords read_member_function(Reader& reader);

MULTIPROCESSING_API void write_exception(Writer& writer, const std::exception_ptr& exception);
[[nodiscard]] MULTIPROCESSING_API std::exception_ptr read_exception(Reader& reader);

}  // namespace multiprocessing::detail
