// The shape of a type: what the bytes of its values are made of, as a number known when compiling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/fingerprint.hpp"

namespace multiprocessing::detail {

/// What a handle of ours is for: `int` and `RLock` of a `Value<int, RLock>`.
template <class T>
struct ArgumentsOf {
  using types = Types<>;
};
template <template <class...> class Handle, class... A>
requires(spelled_name<Handle<A...>>().starts_with(
    "multiprocessing::")) struct ArgumentsOf<Handle<A...>> {
  using types = Types<A...>;
};

template <class T, class... Outer>
consteval std::uint32_t shape();

template <class... Outer, class... P>
consteval std::uint32_t hash_parts(std::uint32_t hash, Types<P...>) {
  ((hash = hash_number(hash, shape<std::remove_cv_t<P>, Outer...>())), ...);
  return hash;
}

template <class T>
consteval std::uint32_t hash_of_number() {
  const std::uint32_t kind = is_boolean<T>()               ? 1
                             : std::is_floating_point_v<T> ? 2
                             : std::is_signed_v<T> || std::is_same_v<T, char>
                                 ? 3
                                 : 4;  // char has no sign on ARM
  return hash_number(hash_number(hash_of_nothing, kind), sizeof(T));
}

/// Whether the type has its name in one source file only, which another may give to another type.
/// Not for classes that are local to functions, which only g++ spells with the function's name.
template <class T>
consteval bool is_unnamed() {
  const std::size_t at = spelled_name<T>().rfind("anonymous");
  return at != std::string_view::npos && spelled_name<T>().find('(', at) == std::string_view::npos;
}

template <class T, class... Outer>
consteval std::uint32_t shape_of_class() {
  const std::uint32_t hash = hash_number(hash_of_nothing, 5 + static_cast<std::uint32_t>(form<T>));
  // A class with a `serialize` may read what another version of it has written, and then differs in
  // size; but not one that is of one source file.
  constexpr bool is_opaque =
      (form<T> == Form::user || form<T> == Form::custom) && ArgumentsOf<T>::types::count == 0;
  constexpr bool sized = is_flat<T> || (is_opaque && is_unnamed<T>());
  if constexpr (sized) {
    return hash_number(hash_number(hash, sizeof(T)), alignof(T));
  } else if constexpr (FixedArray<T>) {
    return hash_number(hash_parts<T, Outer...>(hash, Types<typename T::value_type>{}),
                       std::tuple_size<T>::value);
  } else if constexpr (form<T> == Form::bytes && member_count<T> != not_counted) {
    return hash_parts<T, Outer...>(hash, members_of<T>{});
  } else {
    return hash_parts<T, Outer...>(hash_parts<T, Outer...>(hash, typename PartsOf<T>::types{}),
                                   typename ArgumentsOf<T>::types{});
  }
}

/// Kinds and sizes of what a codec writes for a `T`, member by member, without names. The same for
/// g++ and clang, and when the type is compiled again without a change. A class with `serialize` or
/// a Serializer is not looked into. `Outer` are the types that this one lies in.
template <class T, class... Outer>
consteval std::uint32_t shape() {
  if constexpr ((std::is_same_v<T, Outer> || ...)) {
    return 6;
  } else if constexpr (std::is_enum_v<T>) {
    return hash_of_number<std::underlying_type_t<T>>();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return hash_of_number<T>();
  } else if constexpr (std::is_array_v<T>) {
    return hash_number(shape<std::remove_cv_t<std::remove_extent_t<T>>, Outer...>(),
                       std::extent_v<T>);
  } else if constexpr (std::is_class_v<T> && requires { sizeof(T); }) {
    return shape_of_class<T, Outer...>();
  } else {
    return 0;  // pointers to functions and members; what cannot be sent
  }
}

/// What a typed message begins with, so that receiving an `int` as a `std::string` is an error and
/// not garbage. Made of the mangled name, on which g++ and clang agree (the spelled ones differ),
/// and of the shape, which tells types of one name apart that lie in unnamed namespaces of two
/// files, or in two plug-ins. The shape is part of this function's name, so that the loader does
/// not take the number of one plug-in for that of the other.
template <class T, std::uint32_t Shape = shape<T>()>
[[nodiscard]] std::uint32_t fingerprint() noexcept {
  static const std::uint32_t number = fingerprint_of(typeid(T), Shape);
  return number;
}

}  // namespace multiprocessing::detail
