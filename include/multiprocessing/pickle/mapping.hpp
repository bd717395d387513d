// What types of C++ are as values of Python, and back: Object::of and Object::as.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/members.hpp"
#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing {

/// For classes that `Object::of` and `as` do not know by themselves; Python's `copyreg.pickle`.
/// Specialise it with two static members:
///
///     template <>
///     struct multiprocessing::PickleAs<Point> {
///       static mp::Object save(const Point& point) {
///         return mp::Object::tuple({point.x(), point.y()});
///       }
///       static Point load(const mp::Object& value) {
///         auto [x, y] = value.as<std::pair<int, int>>();
///         return Point{x, y};
///       }
///     };
///
/// What `load` throws comes out of `as`.
template <class T>
struct PickleAs;

namespace detail {

/// What is in a value, where it is of the kind.
struct MULTIPROCESSING_API ObjectParts {
  static std::optional<bool> truth(const Object& value);
  static std::optional<std::int64_t> integer(const Object& value);       // an int or bool
  static std::optional<std::uint64_t> natural(const Object& value);      // the same, not negative
  static std::optional<double> real(const Object& value);                // a float or int
  static const std::string* text(const Object& value);                   // a str
  static const std::string* bytes(const Object& value);                  // bytes or bytearray
  static const std::vector<Object>* sequence(const Object& value);       // a list or tuple
  static std::optional<std::vector<Object>> array(const Object& value);  // an array.array
  static std::optional<std::vector<Object>> set(const Object& value);    // a set or frozenset
  [[noreturn]] static void throw_misfit(const Object& value, const std::type_info& wanted);
};

/// By the table of the module's page.
[[nodiscard]] MULTIPROCESSING_API Object object_of_exception(const std::exception_ptr& error);
[[nodiscard]] MULTIPROCESSING_API std::exception_ptr exception_of_object(const Object& value);

template <class T>
concept PickledByHook = requires {
  sizeof(PickleAs<T>);
};

template <class T>
inline constexpr bool is_std_optional = false;
template <class T>
inline constexpr bool is_std_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view>;

template <class T>
concept PickledAsDict = std::ranges::input_range<T> && requires(T& map) {
  typename T::key_type;
  typename T::mapped_type;
  map.try_emplace(std::declval<typename T::key_type>());  // several values of a key are no dict
};

template <class T>
concept PickledAsSet = std::ranges::input_range<T> && !PickledAsDict<T> && requires(T & set) {
  typename T::key_type;
  requires !requires { typename T::mapped_type; };
  set.emplace(std::declval<typename T::key_type>()).second;
};

template <class T>
concept PickledAsTuple = !is_std_array<T> && requires {
  std::tuple_size<T>::value;
};

template <class T>
concept PickledAsList =
    std::ranges::input_range<const T> && !PickledAsDict<T> && !PickledAsSet<T> && !requires {
  typename T::key_type;
};

struct ProbeForUnions {
  template <class T>
  operator T() const noexcept(!std::is_union_v<T>) {
    __builtin_unreachable();
  }
};

template <class T>
inline constexpr bool has_members = count_members<T, ProbeForUnions>() != not_counted;

template <class>
inline constexpr bool no_object = false;

template <class T>
Object object_of(const T& value);

template <class T>
Object object_of_members(const T& value) {
  return with_members(value, [](const auto&... member) {
    return Object::tuple(std::vector<Object>{object_of(member)...});
  });
}

template <class R>
Object object_of_range(const R& range) {
  std::vector<Object> items;
  for (auto&& item : range)
    items.push_back(object_of(static_cast<const std::ranges::range_value_t<R>&>(item)));
  return Object::list(std::move(items));
}

template <class M>
Object dict_of(const M& map) {
  std::vector<std::pair<Object, Object>> items;
  for (const auto& [key, value] : map) items.emplace_back(object_of(key), object_of(value));
  return Object::dict(std::move(items));
}

template <class S>
Object set_of(const S& set) {
  std::vector<Object> items;
  for (const auto& item : set) items.push_back(object_of(item));
  return Object::set(std::move(items));
}

template <class T>
Object object_of(const T& value) {
  if constexpr (PickledByHook<T>) {
    return PickleAs<T>::save(value);
  } else if constexpr (std::same_as<T, char>) {
    return std::string_view{&value, 1};
  } else if constexpr (std::is_enum_v<T>) {
    return object_of(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::same_as<T, Object> || std::same_as<T, None_t> ||
                       std::same_as<T, Bytes> || std::same_as<T, bool> || ObjectInteger<T> ||
                       std::floating_point<T>) {
    return Object{value};
  } else if constexpr (std::same_as<T, std::exception_ptr>) {
    return object_of_exception(value);
  } else if constexpr (TextLike<T>) {
    return Object{std::string_view{value}};
  } else if constexpr (is_std_optional<T>) {
    return value ? object_of(*value) : Object{None};
  } else if constexpr (PickledAsDict<T>) {
    return dict_of(value);
  } else if constexpr (PickledAsSet<T>) {
    return set_of(value);
  } else if constexpr (PickledAsTuple<T>) {
    return std::apply(
        [](const auto&... part) { return Object::tuple(std::vector<Object>{object_of(part)...}); },
        value);
  } else if constexpr (PickledAsList<T>) {
    return object_of_range(value);
  } else if constexpr (has_members<T>) {
    return object_of_members(value);
  } else {
    static_assert(no_object<T>,
                  "multiprocessing: this type is no value of Python. Specialise PickleAs for it.");
  }
}

template <class T>
T object_as(const Object& value);

/// Exactly as many elements as are wanted.
template <class T>
const std::vector<Object>& parts_of(const Object& value, std::size_t count) {
  const auto* parts = ObjectParts::sequence(value);
  if (parts == nullptr || parts->size() != count) ObjectParts::throw_misfit(value, typeid(T));
  return *parts;
}

template <class T>
T number_as(const Object& value) {
  if constexpr (std::floating_point<T>) {
    const auto real = ObjectParts::real(value);
    constexpr auto most = static_cast<long double>((std::numeric_limits<T>::max)());
    const bool finite = real && *real - *real == 0;
    if (!real || (finite && (*real > most || *real < -most)))
      ObjectParts::throw_misfit(value, typeid(T));
    return static_cast<T>(*real);
  } else if constexpr (std::is_unsigned_v<T>) {
    const auto natural = ObjectParts::natural(value);
    if (!natural || !std::in_range<T>(*natural)) ObjectParts::throw_misfit(value, typeid(T));
    return static_cast<T>(*natural);
  } else {
    const auto integer = ObjectParts::integer(value);
    if (!integer || !std::in_range<T>(*integer)) ObjectParts::throw_misfit(value, typeid(T));
    return static_cast<T>(*integer);
  }
}

template <class T>
T list_as(const Object& value) {
  using Item = typename T::value_type;
  std::optional<std::vector<Object>> array;
  const std::vector<Object>* items = ObjectParts::sequence(value);
  if (items == nullptr && (array = ObjectParts::array(value))) items = &*array;
  if (items == nullptr) ObjectParts::throw_misfit(value, typeid(T));
  T made;
  for (const Object& item : *items) made.push_back(object_as<Item>(item));
  return made;
}

template <class T>
T dict_as(const Object& value) {
  if (value.type() != "dict") ObjectParts::throw_misfit(value, typeid(T));
  T made;
  for (const auto& [key, mapped] : value.items())
    made.try_emplace(object_as<typename T::key_type>(key),
                     object_as<typename T::mapped_type>(mapped));
  return made;
}

template <class T>
T set_as(const Object& value) {
  const auto items = ObjectParts::set(value);
  if (!items) ObjectParts::throw_misfit(value, typeid(T));
  T made;
  for (const Object& item : *items) made.emplace(object_as<typename T::key_type>(item));
  return made;
}

template <class T, std::size_t... I>
T tuple_as(const Object& value, std::index_sequence<I...>) {
  [[maybe_unused]] const auto& parts = parts_of<T>(value, sizeof...(I));
  return T{object_as<std::tuple_element_t<I, T>>(parts[I])...};
}

template <class T>
void read_member(const Object& value, T& member) {
  if constexpr (std::is_array_v<T>) {
    const auto& parts = parts_of<T>(value, std::extent_v<T>);
    for (std::size_t i = 0; i < std::extent_v<T>; ++i) read_member(parts[i], member[i]);
  } else {
    member = object_as<T>(value);
  }
}

template <class T>
T members_as(const Object& value) {
  T made{};
  with_members(made, [&](auto&... member) {
    [[maybe_unused]] auto part = parts_of<T>(value, sizeof...(member)).begin();
    (read_member(*part++, member), ...);
  });
  return made;
}

template <class T>
T text_as(const Object& value) {
  const std::string* text =
      std::same_as<T, Bytes> ? ObjectParts::bytes(value) : ObjectParts::text(value);
  if (text == nullptr) ObjectParts::throw_misfit(value, typeid(T));
  if constexpr (std::same_as<T, char>) {
    if (text->size() != 1) ObjectParts::throw_misfit(value, typeid(T));
    return text->front();
  } else {
    return T{std::string_view{*text}};
  }
}

template <class T>
T object_as(const Object& value) {
  if constexpr (PickledByHook<T>) {
    return PickleAs<T>::load(value);
  } else if constexpr (std::same_as<T, Object>) {
    return value;
  } else if constexpr (std::same_as<T, bool>) {
    const auto truth = ObjectParts::truth(value);
    if (!truth) ObjectParts::throw_misfit(value, typeid(T));
    return *truth;
  } else if constexpr (std::same_as<T, char> || std::same_as<T, Bytes> ||
                       std::same_as<T, std::string>) {
    return text_as<T>(value);
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(object_as<std::underlying_type_t<T>>(value));
  } else if constexpr (ObjectInteger<T> || std::floating_point<T>) {
    return number_as<T>(value);
  } else if constexpr (std::same_as<T, std::exception_ptr>) {
    return exception_of_object(value);
  } else if constexpr (is_std_optional<T>) {
    return value.is_none() ? T{} : T{object_as<typename T::value_type>(value)};
  } else if constexpr (PickledAsDict<T>) {
    return dict_as<T>(value);
  } else if constexpr (PickledAsSet<T>) {
    return set_as<T>(value);
  } else if constexpr (PickledAsTuple<T> || is_std_array<T>) {
    return tuple_as<T>(value, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (PickledAsList<T> && std::default_initializable<T> &&
                       requires(T & list) { list.push_back(*list.begin()); }) {
    return list_as<T>(value);
  } else if constexpr (has_members<T> && std::default_initializable<T>) {
    return members_as<T>(value);
  } else {
    static_assert(no_object<T>,
                  "multiprocessing: no value of Python becomes this type. Text and views are read "
                  "as std::string and std::vector; for a class of yours specialise PickleAs.");
  }
}

}  // namespace detail

template <class T>
Object Object::of(const T& value) {
  return detail::object_of(value);
}

template <class T>
T Object::as() const {
  return detail::object_as<T>(*this);
}

}  // namespace multiprocessing
