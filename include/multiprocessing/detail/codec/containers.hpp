// The ways of containers: lengths first, then elements; many at once where they are plain bytes.
// Part of codec.hpp.
#pragma once

#include "multiprocessing/detail/codec/way.hpp"

namespace multiprocessing::detail {

// Room for what a message promises, but for no more than it could hold if values in it were as
// large as they are in memory. A doctored count cannot make us allocate more than that.
template <class T>
void reserve_for(T& container, std::size_t count, const Reader& reader) {
  if constexpr (requires { container.reserve(count); }) {
    const std::size_t plausible = 1 + reader.remaining() / sizeof(typename T::value_type);
    container.reserve((std::min)(count, plausible));
  }
}

template <>
struct Codec<Form::sequence> : CodecBase<sizeof(std::uint64_t)> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return std::is_default_constructible_v<T> &&
           detail::sendable<typename T::value_type, Outer...>();
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    using Element = typename T::value_type;
    writer.count(value.size());
    if constexpr (Contiguous<T> && copied_as_bytes<Element>()) {
      writer.bytes(value.data(), value.size() * sizeof(Element));
    } else {
      for (const Element& element : value) write_value(writer, element);
    }
  }
  template <class T>
  static T read(Reader& reader) {
    using Element = typename T::value_type;
    if constexpr (Contiguous<T> && copied_as_bytes<Element>()) {
      return read_bytes<T>(reader);
    } else {
      const std::size_t count = reader.count(least_size<Element>());
      T value;
      reserve_for(value, count, reader);
      for (std::size_t i = 0; i < count; ++i) value.push_back(read_value<Element>(reader));
      return value;
    }
  }

 private:
  template <class T>
  static T read_bytes(Reader& reader) {
    using Element = typename T::value_type;
    const std::size_t count = reader.count(sizeof(Element));
    const std::span<const std::byte> source = reader.take(count * sizeof(Element));
    T value;
    if constexpr (std::is_trivial_v<Element>) {
      // Copied as a block, never read as an Element, for which it need not be aligned.
      const auto* first = reinterpret_cast<const Element*>(source.data());
      value.assign(first, first + count);
    } else {
      Reader elements = reader.within(source);
      value.reserve(count);
      for (std::size_t i = 0; i < count; ++i) value.push_back(read_value<Element>(elements));
    }
    return value;
  }
};

template <>
struct Codec<Form::associative> : CodecBase<sizeof(std::uint64_t)> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    if constexpr (requires { typename T::mapped_type; }) {
      return std::is_default_constructible_v<T> &&
             detail::sendable<typename T::key_type, Outer...>() &&
             detail::sendable<typename T::mapped_type, Outer...>();
    } else {
      return std::is_default_constructible_v<T> &&
             detail::sendable<typename T::key_type, Outer...>();
    }
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    writer.count(value.size());
    for (const auto& element : value) {
      if constexpr (requires { typename T::mapped_type; }) {
        write_value(writer, element.first);
        write_value(writer, element.second);
      } else {
        write_value(writer, element);
      }
    }
  }
  template <class T>
  static T read(Reader& reader) {
    using Key = typename T::key_type;
    T value;
    if constexpr (requires { typename T::mapped_type; }) {
      using Mapped = typename T::mapped_type;
      std::size_t count = reader.count(least_size<Key>() + least_size<Mapped>());
      for (; count > 0; --count) {
        Key key = read_value<Key>(reader);
        value.emplace_hint(value.end(), std::move(key), read_value<Mapped>(reader));
      }
    } else {
      std::size_t count = reader.count(least_size<Key>());
      for (; count > 0; --count) value.emplace_hint(value.end(), read_value<Key>(reader));
    }
    return value;
  }
};

/// std::array, and arrays that are members of an aggregate.
template <>
struct Codec<Form::fixed_array> {
  template <class T>
  using Element = std::remove_cvref_t<decltype(std::declval<T&>()[0])>;

  template <class T, class... Outer>
  static consteval bool sendable() {
    return detail::sendable<Element<T>, Outer...>();
  }
  template <class T>
  static consteval std::size_t least() {
    return size<T>() * least_size<Element<T>>();
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    if constexpr (copied_as_bytes<T>()) {
      writer.bytes(&value, sizeof value);
    } else {
      for (const auto& element : value) write_value(writer, element);
    }
  }
  template <class T>
  static T read(Reader& reader) {
    if constexpr (std::is_default_constructible_v<T>) {
      T value;
      read_into(reader, value);
      return value;
    } else {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return T{(static_cast<void>(I), read_value<Element<T>>(reader))...};
      }
      (std::make_index_sequence<size<T>()>{});
    }
  }
  template <class T>
  static void read_into(Reader& reader, T& value) {
    if constexpr (copied_as_bytes<T>()) {
      reader.bytes(&value, sizeof value);
    } else {
      for (auto& element : value) detail::read_into(reader, element);
    }
  }

 private:
  template <class T>
  static consteval std::size_t size() {
    if constexpr (std::is_array_v<T>) {
      return std::extent_v<T>;
    } else {
      return std::tuple_size<T>::value;
    }
  }
};

// Eight to a byte; what is beyond the last one must be zero, so that equal values are equal bytes.
template <class Bits>
void write_bits(Writer& writer, const Bits& bits, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 8) {
    unsigned byte = 0;
    for (std::size_t j = i; j < (std::min)(i + 8, count); ++j) {
      byte |= static_cast<unsigned>(bits[j]) << (j - i);
    }
    writer.raw(static_cast<std::uint8_t>(byte));
  }
}
template <class Bits>
void read_bits(Reader& reader, Bits& bits, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 8) {
    const unsigned byte = reader.raw<std::uint8_t>();
    for (std::size_t j = i; j < (std::min)(i + 8, count); ++j)
      bits[j] = ((byte >> (j - i)) & 1U) != 0;
  }
}

template <>
struct Codec<Form::bit_vector> : CodecBase<sizeof(std::uint64_t)> {
  template <class T>
  static void write(Writer& writer, const T& value) {
    writer.count(value.size());
    write_bits(writer, value, value.size());
  }
  template <class T>
  static T read(Reader& reader) {
    const auto count = reader.raw<std::uint64_t>();
    if (count / 8 > reader.remaining()) throw_bad_count(count, reader.remaining());
    T value(static_cast<std::size_t>(count));
    read_bits(reader, value, value.size());
    return value;
  }
};

template <>
struct Codec<Form::bits> : CodecBase<> {
  template <class T>
  static consteval std::size_t least() {
    return (T{}.size() + 7) / 8;
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    write_bits(writer, value, value.size());
  }
  template <class T>
  static T read(Reader& reader) {
    T value;
    read_bits(reader, value, value.size());
    return value;
  }
};

template <>
struct Codec<Form::path> : CodecBase<sizeof(std::uint64_t)> {
  template <class T>
  static void write(Writer& writer, const T& value) {
    write_value(writer, value.native());
  }
  template <class T>
  static T read(Reader& reader) {
    return T{read_value<typename T::string_type>(reader)};
  }
};

}  // namespace multiprocessing::detail
