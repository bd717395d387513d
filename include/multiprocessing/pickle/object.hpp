// Object: any value that Python programs exchange as data.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/none.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing {

namespace detail {
struct ObjectNode;
class ObjectAccess;
enum class ObjectKind : std::uint8_t;
template <class T>
concept ObjectInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                        !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                        !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;
}  // namespace detail

/// Any value that Python pickles as data: None, bool, int of any size, float, str, bytes,
/// bytearray, list, tuple, dict, set, frozenset, and instances of a few known classes such as
/// exceptions.
///
///     mp::Object user = mp::Object::dict({{"name", "Ada"}, {"points",
///     mp::Object::list({1, 2.5})}}); user.set("age", 36); std::cout << user; // {'name': 'Ada',
///     'points': [1, 2.5], 'age': 36} int age = user["age"].as<int>();
///
/// An `Object` is a value: a change of a copy does not change the original, and no value can
/// contain itself. Copies are cheap, for the contents are shared until one of them is changed. Two
/// threads may use copies of one value at the same time, and read the same object; a change needs a
/// lock, as with any container.
///
/// Equality is Python's: 1, 1.0 and True are equal, and so are bytes and bytearray, set and
/// frozenset, and dictionaries in any order; a list never equals a tuple. NaN equals itself here.
/// Values are nested at most 1,000 deep; what would lie deeper is a `ValueError`.
class MULTIPROCESSING_API Object {
 public:
  Object() noexcept : Object(None) {}
  Object(None_t) noexcept;
  template <std::same_as<bool> B>
  Object(B value) noexcept : Object(Truth{value}) {}
  template <detail::ObjectInteger I>
  Object(I value)
      : Object(std::in_range<std::int64_t>(value) ? Object(Small{static_cast<std::int64_t>(value)})
                                                  : large(static_cast<std::uint64_t>(value))) {}
  template <std::floating_point F>
  Object(F value) noexcept : Object(Real{static_cast<double>(value)}) {}

  /// A str, in UTF-8; surrogates that stand alone, which Python's text may have, as three bytes.
  /// Throws `ValueError` where it is no UTF-8: raw bytes are `Bytes`.
  Object(std::string_view text);
  Object(const char* text) : Object(std::string_view{text}) {}
  Object(std::string text);
  /// A value of type bytes.
  Object(Bytes bytes);

  /// An int of any size from its decimal digits, with an optional sign. Throws `ValueError`.
  static Object integer(std::string_view digits);

  static Object list(std::initializer_list<Object> items);
  static Object list(std::vector<Object> items = {});
  static Object tuple(std::initializer_list<Object> items);
  static Object tuple(std::vector<Object> items = {});
  /// In the order of insertion; a later value of the same key takes the place of the former.
  /// Throws `TypeError` for keys that Python cannot hash: lists, dictionaries, sets, bytearrays.
  static Object dict(std::initializer_list<std::pair<Object, Object>> items);
  static Object dict(std::vector<std::pair<Object, Object>> items = {});
  /// In the order of insertion. Throws `TypeError` for elements that Python cannot hash.
  static Object set(std::initializer_list<Object> items);
  static Object set(std::vector<Object> items = {});
  static Object frozenset(std::vector<Object> items = {});
  static Object bytearray(Bytes bytes);

  Object(const Object& other) noexcept;
  Object(Object&& other) noexcept;
  Object& operator=(const Object& other) noexcept;
  Object& operator=(Object&& other) noexcept;
  ~Object();

  // ---- to and from C++

  /// The value as Python has it: numbers, text, `Bytes`, optionals (nothing is None), tuples, the
  /// standard's containers, aggregates as tuples of their members, `std::exception_ptr`, and what
  /// `PickleAs<T>` is written for. Other types do not compile. Declared here, and defined in
  /// mapping.hpp, as `as` is.
  template <class T>
  static Object of(const T& value);

  /// The value as a `T`. Throws `SerializationError`, which names the value's type and `T`, when it
  /// does not fit: a number out of range, a float for an int, elements of another type. An int fits
  /// a floating-point type, a bool an integer, a list or tuple any sequence of its length.
  template <class T>
  T as() const;

  // ---- what it is

  [[nodiscard]] bool is_none() const noexcept;

  /// "int", "dict", "KeyError": the name of its class, Python's `type(x).__name__`.
  [[nodiscard]] std::string type() const;

  /// How many elements it has, characters of a str, bytes. Throws `TypeError` for others.
  [[nodiscard]] std::size_t size() const;

  // ---- containers

  /// The element at an index of a list or tuple, negative ones from the end (`IndexError`), or the
  /// value of a key (`KeyError`). A copy: `set` puts back what was changed.
  [[nodiscard]] Object operator[](const Object& key) const;

  /// The element at an index of a list, which must be there, or the value of a key.
  void set(const Object& key, Object value) &;

  /// Adds an element to a list.
  void append(Object item) &;

  /// Adds an element to a set; whether it is new.
  bool add(Object item) &;

  /// Takes the key of a dict or the element of a set away; whether it was there.
  bool erase(const Object& key) &;

  /// Whether a list, tuple or set has the element, or a dict the key.
  [[nodiscard]] bool contains(const Object& key) const;

  /// Keys and values of a dict, in the order of insertion.
  [[nodiscard]] std::vector<std::pair<Object, Object>> items() const;

  /// What an instance was made from, as a tuple; Python's `error.args` of an exception. Throws
  /// `TypeError` for a value that is no instance.
  [[nodiscard]] Object args() const;

  /// The attributes that an instance came with, as a dict; None where there are none.
  [[nodiscard]] Object state() const;

  friend MULTIPROCESSING_API bool operator==(const Object& a, const Object& b);

  /// A total order over all values, for `std::map` and `std::sort`: None, numbers, str, bytes,
  /// tuples, lists, sets, dictionaries, instances; NaN comes after all numbers. Python refuses most
  /// of it.
  friend MULTIPROCESSING_API std::weak_ordering operator<=>(const Object& a, const Object& b);

  /// For messages between C++ programs; see `dumps`.
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    Bytes pickled;
    if constexpr (Archive::is_saving::value) {
      pickled = write();
      archive& pickled;
    } else {
      archive& pickled;
      *this = read(pickled);
    }
  }

 private:
  friend class detail::ObjectAccess;

  struct Truth {
    bool value;
  };
  struct Small {
    std::int64_t value;
  };
  struct Real {
    double value;
  };
  explicit Object(Truth truth) noexcept;
  explicit Object(Small integer) noexcept;
  explicit Object(Real real) noexcept;
  Object(detail::ObjectKind kind, detail::ObjectNode* node) noexcept;
  static Object large(std::uint64_t value);
  [[nodiscard]] Bytes write() const;
  [[nodiscard]] static Object read(const Bytes& pickled);

  detail::ObjectKind kind_;
  std::uint64_t word_;  // a number's bits, or the address of a node
};

/// As Python's `repr` prints it: text in quotes, with escapes; floats with the fewest digits that
/// mean the same number.
[[nodiscard]] MULTIPROCESSING_API std::string repr(const Object& value);

/// As Python's `str` and `print` do: text as it is, exceptions as their message, others as `repr`.
[[nodiscard]] MULTIPROCESSING_API std::string str(const Object& value);

/// Prints `str(value)`.
MULTIPROCESSING_API std::ostream& operator<<(std::ostream& stream, const Object& value);

}  // namespace multiprocessing

/// Equal values have equal hashes, 1 and 1.0 included. Differs from program to program. Throws
/// `TypeError` for what Python cannot hash.
template <>
struct MULTIPROCESSING_API std::hash<multiprocessing::Object> {
  std::size_t operator()(const multiprocessing::Object& value) const;
};
