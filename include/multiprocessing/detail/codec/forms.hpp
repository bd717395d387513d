// Which of the ways to bytes a type takes. Types are told by what they offer, not by name, so that
// no header has to be included for a type that a program does not use.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/codec/members.hpp"
#include "multiprocessing/reduction/archive.hpp"
#include "multiprocessing/reduction/is_flat.hpp"
#include "multiprocessing/reduction/serializer.hpp"

namespace multiprocessing::detail {

enum class Form {
  none,             // cannot be sent
  custom,           // Serializer<T>
  bytes,            // a copy of its bytes
  boolean,          // one byte, 0 or 1
  function,         // pointer to function: (build-id, offset)
  member_function,  // pointer to member function
  exception,        // std::exception_ptr
  user,             // `serialize`, as a member or beside the class
  fixed_array,      // std::array
  tuple,            // std::tuple, std::pair
  optional,
  variant,
  pointer,      // std::unique_ptr, std::shared_ptr
  path,         // std::filesystem::path
  bits,         // std::bitset
  bit_vector,   // std::vector<bool>
  sequence,     // std::string, vector, deque, list
  associative,  // std::map, set, their kin
  stateless,    // an empty class: the type says it all
  members,      // an aggregate, member by member
};

template <class T>
inline constexpr bool is_function_pointer =
    std::is_pointer_v<T>&& std::is_function_v<std::remove_pointer_t<T>>;

// ---- what users wrote ----

// Read by load(), so a declaration alone does not count.
template <class T>
concept HasSerializer = requires {
  sizeof(Serializer<T>);
};

struct NamedSerialize {
  int serialize;
};
template <class T>
struct NamesOf : T, NamedSerialize {};

// A member called `serialize` makes the name ambiguous, private ones included.
template <class T>
concept NamesSerialize = std::is_class_v<T> && !std::is_final_v<T> && !requires {
  &NamesOf<T>::serialize;
};

template <class T>
concept PublicSerialize = requires(T& value, OutArchive& archive) {
  value.serialize(archive, 0U);
};

// `friend class boost::serialization::access` opens a private one; access is complete then.
template <class T, class Access = boost::serialization::access>
concept BefriendedSerialize = NamesSerialize<T> && !PublicSerialize<T> && requires(T & value) {
  sizeof(Access);
};

struct NoFreeSerialize {};
// As general as the one that Boost's headers define for everything, so that it makes a call
// ambiguous with that one, and loses against any function that was written for a type.
template <class Archive, class T>
NoFreeSerialize serialize(Archive&, T&, unsigned);

template <class T>
concept FreeSerialize = requires(T& value, OutArchive& archive) {
  { serialize(archive, value, 0U) } -> std::same_as<void>;
};

/// What BOOST_CLASS_VERSION says, where Boost's header was included.
template <class T>
consteval unsigned boost_version() {
  if constexpr (requires { boost::serialization::version<T>::value; }) {
    return static_cast<unsigned>(boost::serialization::version<T>::value);
  } else {
    return 0;
  }
}

/// "std::vector<int>", for looking at while compiling; compilers differ in it.
template <class T>
consteval std::string_view spelled_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("T = ") + 4);
  return text.substr(0, text.find_first_of(";]"));
}

template <class T>
inline constexpr bool in_std = spelled_name<T>().substr(0, 5) == "std::";

// ---- what the standard library offers ----

template <class T>
concept Container = requires(T& t, const T& c) {
  typename T::value_type;
  { c.size() } -> std::convertible_to<std::size_t>;
  c.begin();
  c.end();
  t.clear();
};

template <class T>
concept Sequence = Container<T> && requires(T& t, typename T::value_type&& v) {
  t.push_back(static_cast<typename T::value_type&&>(v));
};

template <class T>
concept Contiguous = Sequence<T> && requires(T& t, std::size_t n) {
  { t.data() } -> std::same_as<typename T::value_type*>;
  t.resize(n);
};

template <class T>
concept Associative = Container<T> && requires(T& t, typename T::value_type&& v) {
  typename T::key_type;
  t.emplace_hint(t.end(), static_cast<typename T::value_type&&>(v));
};

template <class T>
concept PathLike = requires(const T& t) {
  T::preferred_separator;
  t.native();
};

template <class T>
concept OptionalLike = requires(const T& t) {
  typename T::value_type;
  { t.has_value() } -> std::same_as<bool>;
  { *t } -> std::same_as<const typename T::value_type&>;
};

template <class T>
concept VariantLike = requires(const T& t) {
  { t.valueless_by_exception() } -> std::same_as<bool>;
  { t.index() } -> std::same_as<std::size_t>;
};

template <class T>
concept BitsetLike = requires(T& t, const T& c) {
  { c.test(0) } -> std::same_as<bool>;
  t.set(0, true);
  c.to_ullong();
};

template <class T>
concept BitVector = Sequence<T> && std::same_as<typename T::value_type, bool> &&
                    !std::same_as<typename T::reference, bool&> &&
                    requires(T & t) {
  t.flip();
};

template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};

template <class T>
concept FixedArray = TupleLike<T> && requires(T& t) {
  typename T::value_type;
  { t.data() } -> std::same_as<typename T::value_type*>;
};

template <class T>
concept SharedPointer = requires(const T& t) {
  typename T::element_type;
  { t.get() } -> std::same_as<typename T::element_type*>;
  t.use_count();
};

template <class T>
inline constexpr bool is_default_deleter = false;
template <template <class> class Deleter, class T>
inline constexpr bool is_default_deleter<Deleter<T>> = spelled_name<Deleter<T>>().substr(0, 20) ==
                                                       "std::default_delete<";

template <class T>
concept UniquePointer = requires(const T& t) {
  typename T::element_type;
  { t.get() } -> std::same_as<typename T::element_type*>;
  requires is_default_deleter<typename T::deleter_type>;
};

// An object behind a pointer to its base would arrive as the base alone.
template <class T>
concept WholeObject = !std::is_polymorphic_v<T> || std::is_final_v<T>;

// Numbers in a class: std::complex, and durations and points of time.
template <class T>
concept ComplexLike = requires(const T& t) {
  { t.real() } -> std::same_as<typename T::value_type>;
  { t.imag() } -> std::same_as<typename T::value_type>;
};
template <class T>
concept DurationLike = requires(const T& t) {
  typename T::period;
  { t.count() } -> std::same_as<typename T::rep>;
};
template <class T>
concept TimePointLike = requires(const T& t) {
  typename T::clock;
  { t.time_since_epoch() } -> std::same_as<typename T::duration>;
};

// ---- bytes ----

template <class T>
consteval bool is_boolean() {
  if constexpr (std::is_enum_v<T>) {
    return std::same_as<std::underlying_type_t<T>, bool>;
  } else {
    return std::same_as<T, bool>;
  }
}

template <class T>
consteval bool copied_as_bytes();

template <class T, class... M>
consteval bool is_packed(Types<M...>) {
  return ((alignof(T) < alignof(M)) || ...);
}

template <class T, class... M>
consteval bool all_copied_as_bytes(Types<M...>) {
  // Without padding, which is never written by anybody and would leak what lay there.
  if constexpr (has_references<T> || is_packed<T>(Types<M...>{})) {
    return (copied_as_bytes<M>() && ...) && (sizeof(M) + ... + 0) == sizeof(T);
  } else {
    return (copied_as_bytes<M>() && ...) && std::has_unique_object_representations_v<T>;
  }
}

/// Whether a copy of the bytes is a copy of the value, and any bytes are a value. Not `bool`.
template <class T>
consteval bool copied_as_bytes() {
  if constexpr (!std::is_trivially_copyable_v<T> || is_boolean<T>()) {
    return false;
  } else if constexpr (is_flat<T>) {
    return true;
  } else if constexpr (std::is_array_v<T>) {
    return copied_as_bytes<std::remove_extent_t<T>>();
  } else if constexpr (!std::is_class_v<T> || HasSerializer<T> || NamesSerialize<T> ||
                       PublicSerialize<T>) {
    return false;
  } else if constexpr (FixedArray<T>) {
    return std::tuple_size<T>::value != 0 && copied_as_bytes<typename T::value_type>();
  } else if constexpr (ComplexLike<T>) {
    return copied_as_bytes<typename T::value_type>();
  } else if constexpr (DurationLike<T>) {
    return copied_as_bytes<typename T::rep>();
  } else if constexpr (TimePointLike<T>) {
    return copied_as_bytes<typename T::duration>();
  } else if constexpr (std::is_empty_v<T> || FreeSerialize<T> || member_count<T> == not_counted) {
    return false;
  } else {
    return all_copied_as_bytes<T>(members_of<T>{});
  }
}

// ---- the choice ----

/// Whether a class that is not copied as bytes can be read and written member by member. Arrays
/// are read in place; bit-fields and members of packed classes are copied on the way.
template <class T, class... M>
consteval bool has_usable_members(Types<M...>) {
  if constexpr (is_packed<T>(Types<M...>{})) {
    return (std::is_scalar_v<M> && ...);
  } else {
    return has_references<T> || !(std::is_array_v<M> || ...);
  }
}

template <class T>
consteval bool made_of_members() {
  if constexpr (member_count<T> == not_counted) {
    return false;
  } else {
    return has_usable_members<T>(members_of<T>{});
  }
}

template <class T>
consteval Form form_of_class() {
  if constexpr (PublicSerialize<T> || BefriendedSerialize<T>)
    return Form::user;
  else if constexpr (!in_std<T> && FreeSerialize<T>)
    return Form::user;
  else if constexpr (std::is_empty_v<T> && std::is_trivially_copyable_v<T>)
    return Form::stateless;
  else if constexpr (copied_as_bytes<T>())
    return Form::bytes;
  else if constexpr (FixedArray<T>)
    return Form::fixed_array;
  else if constexpr (TupleLike<T>)
    return Form::tuple;
  else if constexpr (VariantLike<T>)
    return Form::variant;
  else if constexpr (OptionalLike<T>)
    return Form::optional;
  else if constexpr (UniquePointer<T> || SharedPointer<T>)
    return Form::pointer;
  else if constexpr (PathLike<T>)
    return Form::path;
  else if constexpr (BitsetLike<T>)
    return Form::bits;
  else if constexpr (BitVector<T>)
    return Form::bit_vector;
  else if constexpr (Associative<T>)
    return Form::associative;
  else if constexpr (Sequence<T>)
    return Form::sequence;
  else if constexpr (FreeSerialize<T>)
    return Form::user;
  else if constexpr (made_of_members<T>())
    return Form::members;
  else
    return Form::none;
}

template <class T>
consteval Form form_of() {
  if constexpr (std::is_const_v<T> || std::is_volatile_v<T> || std::is_reference_v<T>)
    return Form::none;
  else if constexpr (HasSerializer<T>)
    return Form::custom;
  else if constexpr (is_boolean<T>())
    return Form::boolean;
  else if constexpr (is_function_pointer<T>)
    return Form::function;
  else if constexpr (std::is_member_function_pointer_v<T>)
    return Form::member_function;
  else if constexpr (std::is_member_object_pointer_v<T>)
    return Form::bytes;
  else if constexpr (std::is_same_v<T, std::exception_ptr>)
    return Form::exception;
  else if constexpr (std::is_class_v<T>)
    return form_of_class<T>();
  else if constexpr (std::is_array_v<T>)
    return Form::fixed_array;
  else if constexpr (copied_as_bytes<T>())
    return Form::bytes;
  else
    return Form::none;
}

template <class T>
inline constexpr Form form = form_of<T>();

/// Whether a `T` is a count and then its elements as they lie in memory.
template <class T>
consteval bool goes_in_pieces() {
  if constexpr (form<T> == Form::sequence) {
    return Contiguous<T> && copied_as_bytes<typename T::value_type>();
  } else {
    return false;
  }
}

}  // namespace multiprocessing::detail
