// The ways of tuples, optionals, pointers and variants. Part of codec.hpp.
#pragma once

#include "multiprocessing/detail/codec/way.hpp"

namespace multiprocessing::detail {

template <>
struct Codec<Form::tuple> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return fold<T>(
        []<class... E>(Types<E...>) { return (detail::sendable<E, Outer...>() && ...); });
  }
  template <class T>
  static consteval std::size_t least() {
    return fold<T>([]<class... E>(Types<E...>) { return (least_size<E>() + ... + 0); });
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      using std::get;
      (write_value(writer, get<I>(value)), ...);
    }
    (std::make_index_sequence<std::tuple_size<T>::value>{});
  }
  template <class T>
  static T read(Reader& reader) {
    return fold<T>([&]<class... E>(Types<E...>) { return T{read_value<E>(reader)...}; });
  }

 private:
  template <class T, class Call>
  static constexpr decltype(auto) fold(Call&& call) {
    return [&]<std::size_t... I>(std::index_sequence<I...>)->decltype(auto) {
      return call(Types<std::remove_cv_t<typename std::tuple_element<I, T>::type>...>{});
    }
    (std::make_index_sequence<std::tuple_size<T>::value>{});
  }
};

template <>
struct Codec<Form::optional> : CodecBase<> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return detail::sendable<typename T::value_type, Outer...>();
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    write_value(writer, value.has_value());
    if (value.has_value()) write_value(writer, *value);
  }
  template <class T>
  static T read(Reader& reader) {
    if (!read_value<bool>(reader)) return T{};
    return T{read_value<typename T::value_type>(reader)};
  }
};

template <>
struct Codec<Form::pointer> : CodecBase<> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    using Element = std::remove_cv_t<typename T::element_type>;
    if constexpr (!std::is_object_v<Element> || !requires(T & t) {
                    { *t } -> std::convertible_to<const Element&>;
                  }) {
      return false;  // an array; its length is not told
    } else {
      return WholeObject<Element> && detail::sendable<Element, Outer...>();
    }
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    const Nested nested{writer};
    write_value(writer, value != nullptr);
    if (value != nullptr) write_value(writer, *value);
  }
  template <class T>
  static T read(Reader& reader) {
    const Nested nested{reader};
    using Element = typename T::element_type;
    if (!read_value<bool>(reader)) return T{};
    return T{new Element(read_value<Element>(reader))};
  }
};

template <>
struct Codec<Form::variant> : CodecBase<2> {
  template <class T, class... Outer>
  static consteval bool sendable() {
    return alternatives_sendable<Outer...>(static_cast<T*>(nullptr));
  }
  template <class T>
  static void write(Writer& writer, const T& value) {
    if (value.valueless_by_exception()) throw_not_written("a variant without a value");
    writer.raw(static_cast<std::uint8_t>(value.index()));
    write_alternative(writer, value);
  }
  template <class T>
  static T read(Reader& reader) {
    return read_alternative<T>(reader, static_cast<T*>(nullptr));
  }

 private:
  template <class... Outer, template <class...> class V, class... E>
  static consteval bool alternatives_sendable(V<E...>*) {
    return sizeof...(E) < 256 && (detail::sendable<E, Outer...>() && ...);
  }
  template <template <class...> class V, class... E>
  static void write_alternative(Writer& writer, const V<E...>& value) {
    using Write = void (*)(Writer&, const V<E...>&);
    static constexpr auto writers = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<Write, sizeof...(I)>{
          +[](Writer& to, const V<E...>& from) { write_value(to, *get_if<I>(&from)); }...};
    }
    (std::index_sequence_for<E...>{});
    writers[value.index()](writer, value);
  }
  template <class T, template <class...> class V, class... E>
  static T read_alternative(Reader& reader, V<E...>*) {
    using Read = T (*)(Reader&);
    static constexpr auto readers = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<Read, sizeof...(I)>{
          +[](Reader& from) { return T(std::in_place_index<I>, read_value<E>(from)); }...};
    }
    (std::index_sequence_for<E...>{});
    const auto index = reader.raw<std::uint8_t>();
    if (index >= readers.size()) throw_malformed("the alternative of a variant", index);
    return readers[index](reader);
  }
};

}  // namespace multiprocessing::detail
