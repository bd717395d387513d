// Values to bytes and back: what can be sent, `write` and `read`, and what the compiler says about
// types that cannot.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/detail/codec/classes.hpp"     // IWYU pragma: export
#include "multiprocessing/detail/codec/compounds.hpp"   // IWYU pragma: export
#include "multiprocessing/detail/codec/containers.hpp"  // IWYU pragma: export
#include "multiprocessing/detail/codec/values.hpp"      // IWYU pragma: export
#include "multiprocessing/detail/codec/way.hpp"         // IWYU pragma: export

namespace multiprocessing::detail {

// ---- what a caller passes, and what arrives ----

template <class T>
struct Arrival {
  using type = T;
};
template <>
struct Arrival<const char*> {
  using type = std::string;
};
template <>
struct Arrival<char*> {
  using type = std::string;
};
template <class C, class Traits>
struct Arrival<std::basic_string_view<C, Traits>> {
  using type = std::basic_string<C, Traits>;
};
template <class T, std::size_t N>
struct Arrival<std::span<T, N>> {
  using type = std::vector<std::remove_cv_t<T>>;
};

/// What a `T` arrives as: text and views own what they showed, everything else is its decayed self.
template <class T>
using arrival_t = typename Arrival<std::decay_t<T>>::type;

/// What a callable that takes text as `const char*` is given: a pointer to the text that arrived.
template <class T>
using pointed_t = std::conditional_t<std::is_same_v<std::decay_t<T>, const char*> ||
                                         std::is_same_v<std::decay_t<T>, char*>,
                                     const char*, arrival_t<T>>;

/// What may be given to `write`.
template <class T>
concept Sendable = sendable<arrival_t<T>>();

/// Whether values of the type may be put into shared memory and be used there by every process:
/// they hold no pointer, and nothing has to be done when they go. Wider than what is copied as
/// bytes: `bool` and padding do no harm where no bytes are believed.
template <class T>
consteval bool flat();

template <class T>
concept Flat = flat<T>();

/// Appends a value. Text, `string_view` and `span` are written as what they arrive as.
template <class T>
void write(Writer& writer, const T& value);

/// The next value. Throws SerializationError when the bytes do not hold one.
template <class T>
[[nodiscard]] T read(Reader& reader);

template <class T>
consteval bool flat() {
  if constexpr (!std::is_object_v<T> || !std::is_trivially_destructible_v<T> || HasSerializer<T>) {
    return false;
  } else if constexpr (is_flat<T> || copied_as_bytes<T>()) {
    return true;
  } else if constexpr (form<T> == Form::stateless || form<T> == Form::bits) {
    return true;
  } else if constexpr (form<T> == Form::fixed_array) {
    return flat<std::remove_cvref_t<decltype(std::declval<T&>()[0])>>();
  } else if constexpr (form<T> == Form::optional) {
    return flat<typename T::value_type>();
  } else if constexpr (form<T> == Form::tuple) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (flat<typename std::tuple_element<I, T>::type>() && ...);
    }
    (std::make_index_sequence<std::tuple_size<T>::value>{});
  } else if constexpr (form<T> == Form::members) {
    return []<class... M>(Types<M...>) { return (flat<M>() && ...); }(members_of<T>{});
  } else {
    return false;
  }
}

template <class T>
inline constexpr bool is_reference_wrapper = false;
template <template <class> class Wrapper, class T>
inline constexpr bool is_reference_wrapper<Wrapper<T>> = spelled_name<Wrapper<T>>().substr(0, 23) ==
                                                         "std::reference_wrapper<";

template <class T>
inline constexpr bool is_std_function = spelled_name<T>().substr(0, 14) == "std::function<";

// g++: "main()::<lambda(int)>", clang: "(lambda at file.cpp:3:4)".
template <class T>
inline constexpr bool is_lambda = std::is_class_v<T>&& spelled_name<T>().find("lambda") !=
                                  std::string_view::npos&& std::string_view{">)"}.find(
                                      spelled_name<T>().back()) != std::string_view::npos;

template <class T>
inline constexpr bool is_view = !std::is_same_v<arrival_t<T>, std::decay_t<T>>;

/// The types that a `T` is made of. Specialised for templates of ours with a Serializer.
template <class T>
struct PartsOf {
  using types = Types<>;
};
template <class T>
requires(form<T> == Form::members) struct PartsOf<T> {
  using types = members_of<T>;
};
template <class T>
requires(form<T> == Form::associative || form<T> == Form::sequence ||
         form<T> == Form::optional) struct PartsOf<T> {
  using types = Types<typename T::value_type>;
};
template <class T>
requires(form<T> == Form::tuple) struct PartsOf<T> {
  template <std::size_t... I>
  static Types<typename std::tuple_element<I, T>::type...> list(std::index_sequence<I...>);
  using types = decltype(list(std::make_index_sequence<std::tuple_size<T>::value>{}));
};
template <template <class...> class V, class... E>
requires(form<V<E...>> == Form::variant) struct PartsOf<V<E...>> {
  using types = Types<E...>;
};
template <class T>
requires(form<T> == Form::pointer && WholeObject<typename T::element_type>) struct PartsOf<T> {
  using types = Types<typename T::element_type>;
};

template <class... P>
consteval bool all_sendable(Types<P...>) {
  return (sendable<std::remove_cv_t<P>>() && ...);
}

/// The type within `T` that cannot be sent: `T`, or one of those that it is made of, however deep.
template <class T>
consteval auto to_blame();

template <class First, class... Rest>
consteval auto first_to_blame(Types<First, Rest...>) {
  if constexpr (!sendable<std::remove_cv_t<First>>()) {
    return to_blame<std::remove_cv_t<First>>();
  } else {
    return first_to_blame(Types<Rest...>{});
  }
}

template <class T>
consteval auto to_blame() {
  if constexpr (all_sendable(typename PartsOf<T>::types{})) {
    return std::type_identity<T>{};
  } else {
    return first_to_blame(typename PartsOf<T>::types{});
  }
}

template <class>
inline constexpr bool never = false;

/// Compiles if `T` can be sent; otherwise says what to send instead: one text, about the type that
/// is to blame, which may lie deep within `T`.
template <class T>
consteval void check_sendable() {
  using Blamed = typename decltype(to_blame<T>())::type;
  if constexpr (sendable<T>()) {
  } else if constexpr (is_view<Blamed>) {
    static_assert(never<Blamed>,
                  "multiprocessing: text and views inside other values point into this process. "
                  "Hold std::string or std::vector there.");
  } else if constexpr (std::is_pointer_v<Blamed>) {
    static_assert(
        never<Blamed>,
        "multiprocessing: a pointer means nothing in another process. Pass the object "
        "itself, a std::vector or std::span of the objects, or a handle such as mp::Value.");
  } else if constexpr (is_reference_wrapper<Blamed>) {
    static_assert(never<Blamed>,
                  "multiprocessing: std::ref refers to an object of this process. Pass the object "
                  "itself, or a handle such as mp::Value where both sides are to see changes.");
  } else if constexpr (is_std_function<Blamed>) {
    static_assert(
        never<Blamed>,
        "multiprocessing: std::function does not tell what is inside it. Pass the callable "
        "itself, or use mp::Function, which can be sent.");
  } else if constexpr (is_lambda<Blamed>) {
    static_assert(never<Blamed>,
                  "multiprocessing: a lambda with captures cannot be sent. Make each capture a "
                  "parameter and pass it as an argument, or fix it by mp::partial(f, values...).");
  } else if constexpr (form<Blamed> == Form::pointer) {
    static_assert(
        never<Blamed>,
        "multiprocessing: behind a pointer to a base, or to an array, the whole object is "
        "not known. Pass the object itself, a std::vector or a std::variant, or include "
        "<multiprocessing/reduction/boost.hpp> for exported classes.");
  } else if constexpr (is_flat<Blamed>) {
    static_assert(
        never<Blamed>,
        "multiprocessing: mp::is_flat<T> is for trivially copyable types. Give this one a "
        "`serialize`.");
  } else if constexpr (form<Blamed> == Form::user) {
    static_assert(
        never<Blamed>,
        "multiprocessing: a type with `serialize` also needs a default constructor to be "
        "read into. Without one specialise mp::Serializer<T>, whose load() returns the value.");
  } else {
    static_assert(never<Blamed>,
                  "multiprocessing: this type cannot be sent. Give it a member `template <class A> "
                  "void serialize(A& archive, unsigned)`, specialise mp::Serializer<T>, or if it "
                  "holds no pointers opt in by mp::is_flat<T>.");
  }
}

/// The value that `value` arrives as, for where it is kept and not sent.
template <class T>
[[nodiscard]] arrival_t<T> as_arrival(T&& value) {
  if constexpr (std::is_constructible_v<arrival_t<T>, T&&>) {
    return static_cast<arrival_t<T>>(std::forward<T>(value));
  } else {
    return arrival_t<T>(value.begin(), value.end());
  }
}

template <class T>
void write(Writer& writer, const T& value) {
  using Arriving = arrival_t<T>;
  check_sendable<Arriving>();
  if constexpr (!sendable<Arriving>()) {
    // The texts above are all that there is to say.
  } else if constexpr (std::is_same_v<Arriving, std::remove_cv_t<T>>) {
    write_value<Arriving>(writer, value);
  } else if constexpr (std::is_convertible_v<const T&, const char*>) {
    const char* text = value;
    if (text == nullptr) throw_not_written("a null pointer as text");
    const std::size_t size = std::char_traits<char>::length(text);
    writer.count(size);
    writer.bytes(text, size);
  } else if constexpr (std::is_function_v<T>) {
    write_value<Arriving>(writer, &value);
  } else {
    write_value<Arriving>(writer, Arriving(value.begin(), value.end()));
  }
}

template <class T>
T read(Reader& reader) {
  check_sendable<T>();
  if constexpr (sendable<T>()) {
    return read_value<T>(reader);
  } else {
    __builtin_unreachable();  // the texts above are all that there is to say
  }
}

}  // namespace multiprocessing::detail
