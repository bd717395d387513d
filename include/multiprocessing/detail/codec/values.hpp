// The ways of what has no parts: numbers, functions, exceptions. Part of codec.hpp.
#pragma once

#include "multiprocessing/detail/codec/way.hpp"

namespace multiprocessing::detail {

template <>
struct Codec<Form::bytes> : CodecBase<> {
  template <class T>
  static consteval std::size_t least() {
    return sizeof(T);
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    writer.bytes(&value, sizeof value);
  }
  template <class T>
  static T read(Reader& reader) {
    if constexpr (std::is_default_constructible_v<T>) {
      T value;
      reader.bytes(&value, sizeof value);
      return value;
    } else {
      struct Room {
        alignas(T) std::byte bytes[sizeof(T)];
      } room;
      reader.bytes(room.bytes, sizeof room.bytes);
      return std::bit_cast<T>(room);
    }
  }
};

template <>
struct Codec<Form::boolean> : CodecBase<> {
  template <class T>
  static void write(Writer& writer, const T& value) {
    writer.raw(static_cast<std::uint8_t>(value));
  }
  template <class T>
  static T read(Reader& reader) {
    const auto value = reader.raw<std::uint8_t>();
    if (value > 1) throw_malformed("a bool", value);
    return static_cast<T>(value);
  }
};

template <>
struct Codec<Form::function> : CodecBase<> {
  template <class T>
  static void write(Writer& writer, const T& value) {
    write_function(writer, reinterpret_cast<AnyFunction>(value));
  }
  template <class T>
  static T read(Reader& reader) {
    return reinterpret_cast<T>(read_function(reader));
  }
};

template <>
struct Codec<Form::member_function> : CodecBase<> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return sizeof(T) == sizeof(MemberFunctionWords);
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    write_member_function(writer, std::bit_cast<MemberFunctionWords>(value));
  }
  template <class T>
  static T read(Reader& reader) {
    return std::bit_cast<T>(read_member_function(reader));
  }
};

template <>
struct Codec<Form::exception> : CodecBase<> {
  template <class T>
  static void write(Writer& writer, const T& value) {
    write_exception(writer, value);
  }
  template <class T>
  static T read(Reader& reader) {
    return read_exception(reader);
  }
};

template <>
struct Codec<Form::stateless> : CodecBase<> {
  template <class T>
  static void write(Writer& writer, const T&) {
    writer.raw(std::uint8_t{0});
  }
  template <class T>
  static T read(Reader& reader) {
    if (const auto mark = reader.raw<std::uint8_t>(); mark != 0)
      throw_malformed("an empty class", mark);
    if constexpr (std::is_default_constructible_v<T>) {
      return T();
    } else {
      return std::bit_cast<T>(std::byte{});  // [=] without captures has no default constructor
    }
  }
};

}  // namespace multiprocessing::detail
