// The ways of users' classes: Serializer, `serialize`, aggregates. Part of codec.hpp.
#pragma once

#include "multiprocessing/detail/codec/way.hpp"

namespace multiprocessing::detail {

template <>
struct Codec<Form::custom> : CodecBase<> {
  template <class T>
  static void write(Writer& writer, const T& value) {
    const Nested nested{writer};
    writer.raw(std::uint8_t{0});  // no value takes no room
    OutArchive archive{writer};
    Serializer<T>::save(archive, value);
  }
  template <class T>
  static T read(Reader& reader) {
    const Nested nested{reader};
    if (const auto mark = reader.raw<std::uint8_t>(); mark != 0) throw_malformed("a value", mark);
    InArchive archive{reader};
    return Serializer<T>::load(archive);
  }
};

template <>
struct Codec<Form::user> : CodecBase<> {
  // A value is made by its default constructor, then filled. One that only Boost may call counts
  // where Boost's header was included; Boost then has to be a friend.
  template <class T, class... Outer, class Access = boost::serialization::access>
  static consteval bool sendable() {
    return std::is_default_constructible_v<T> || requires { sizeof(Access); };
  }
  // The version comes first, so that no value takes no room.
  template <class T>
  static void write(Writer& writer, const T& value) {
    static_assert(boost_version<T>() < 256, "BOOST_CLASS_VERSION: versions end at 255 here");
    const Nested nested{writer};
    writer.raw(static_cast<std::uint8_t>(boost_version<T>()));
    OutArchive archive{writer};
    call_serialize(archive, const_cast<T&>(value), boost_version<T>());
  }
  template <class T>
  static T read(Reader& reader) {
    if constexpr (std::is_default_constructible_v<T>) {
      T value{};
      read_into(reader, value);
      return value;
    } else {
      return read_constructed<T>(reader);
    }
  }
  template <class T>
  static void read_into(Reader& reader, T& value) {
    const Nested nested{reader};
    const unsigned version = reader.raw<std::uint8_t>();
    InArchive archive{reader};
    call_serialize(archive, value, version);
  }

 private:
  template <class T, class Archive, class Access = boost::serialization::access>
  static void call_serialize(Archive& archive, T& value, unsigned version) {
    if constexpr (PublicSerialize<T>) {
      value.serialize(archive, version);
    } else if constexpr (BefriendedSerialize<T>) {
      Access::serialize(archive, value, version);
    } else {
      serialize(archive, value, version);
    }
  }

  template <class T, class Access = boost::serialization::access>
  static T read_constructed(Reader& reader) {
    union Room {
      Room() { Access::construct(&value); }
      ~Room() { value.~T(); }
      T value;
    } room;
    read_into(reader, room.value);
    return std::move(room.value);
  }
};

template <>
struct Codec<Form::members> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return all_sendable<T, Outer...>(members_of<T>{});
  }
  template <class T>
  static consteval std::size_t least() {
    return sum_of_least(members_of<T>{});
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    const Nested nested{writer};
    if constexpr (has_arrays_or_classes(members_of<T>{})) {
      with_members(value, [&](const auto&... member) { (write_value(writer, member), ...); });
    } else {  // by value, for members of packed classes
      with_members(value, [&](auto... member) { (write_value(writer, member), ...); });
    }
  }
  template <class T>
  static T read(Reader& reader) {
    const Nested nested{reader};
    return make<T>(reader, members_of<T>{});
  }

 private:
  template <class T, class... Outer, class... M>
  static consteval bool all_sendable(Types<M...>) {
    return (detail::sendable<std::remove_cv_t<M>, T, Outer...>() && ...);
  }
  template <class... M>
  static consteval bool has_arrays_or_classes(Types<M...>) {
    return !(std::is_scalar_v<M> && ...);
  }
  template <class... M>
  static consteval std::size_t sum_of_least(Types<M...>) {
    return (least_size<std::remove_cv_t<M>>() + ... + 0);
  }
  template <class T, class... M>
  static T make(Reader& reader, Types<M...>) {
    if constexpr ((std::is_array_v<M> || ...)) {
      T value{};
      with_members(value, [&](auto&... member) { (read_into(reader, member), ...); });
      return value;
    } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // bit-fields
#pragma GCC diagnostic ignored "-Wsign-conversion"
      return T{read_value<std::remove_cv_t<M>>(reader)...};  // braces: from left to right
#pragma GCC diagnostic pop
    }
  }
};

}  // namespace multiprocessing::detail
