// OutArchive, InArchive: what the `serialize` of a type is given.
#pragma once

#include <cstddef>
#include <type_traits>

#include "multiprocessing/detail/codec/buffer.hpp"

// Only named: a template argument from this namespace makes the free `serialize` functions that
// users wrote there for Boost.Serialization visible to argument-dependent lookup.
namespace boost::serialization {
class access;
template <class T>
struct version;
}  // namespace boost::serialization

namespace multiprocessing {

namespace detail {

template <class T>
void write_value(Writer& writer, const T& value);
template <class T>
[[nodiscard]] T read_value(Reader& reader);
template <class T>
void read_into(Reader& reader, T& value);

// Boost's make_nvp(name, value): the name is for archives that write one.
template <class T>
concept NamedValue = requires(T& named) {
  named.name();
  named.value();
  named.const_value();
};

}  // namespace detail

template <class Lookup>
class BasicOutArchive;
template <class Lookup>
class BasicInArchive;

/// Where values go, spelled as an archive of Boost.Serialization is: `archive & x`, `archive << x`.
/// A class with a member `template <class A> void serialize(A& archive, unsigned version)` is given
/// one when it is sent, and each part of it may be anything that can be sent.
using OutArchive = BasicOutArchive<boost::serialization::access>;

/// Where values come from: `archive & x`, `archive >> x`, or `archive.read<T>()` for a type without
/// default constructor. Throws `SerializationError` when the bytes do not hold what is asked for.
using InArchive = BasicInArchive<boost::serialization::access>;

template <class Lookup>
class BasicOutArchive {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit BasicOutArchive(detail::Writer& writer) noexcept : writer_(writer) {}

  template <class T>
  BasicOutArchive& operator&(const T& value) {
    if constexpr (detail::NamedValue<const T>) {
      return *this & value.const_value();
    } else {
      detail::write_value(writer_, value);
      return *this;
    }
  }
  template <class T>
  BasicOutArchive& operator<<(const T& value) {
    return *this & value;
  }
  void save_binary(const void* data, std::size_t size) { writer_.bytes(data, size); }

  // For this library.
  [[nodiscard]] detail::Writer& writer() noexcept { return writer_; }

 private:
  detail::Writer& writer_;
};

template <class Lookup>
class BasicInArchive {
 public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  explicit BasicInArchive(detail::Reader& reader) noexcept : reader_(reader) {}

  template <class T>
  BasicInArchive& operator&(T&& value) {
    if constexpr (detail::NamedValue<std::remove_reference_t<T>>) {
      return *this & value.value();
    } else if constexpr (std::is_lvalue_reference_v<T>) {
      detail::read_into(reader_, value);
    } else {
      // Boost's wrappers are const temporaries that refer to what is to be filled.
      detail::read_into(reader_, const_cast<std::remove_const_t<T>&>(value));
    }
    return *this;
  }
  template <class T>
  BasicInArchive& operator>>(T&& value) {
    return *this & static_cast<T&&>(value);
  }
  template <class T>
  [[nodiscard]] T read() {
    return detail::read_value<T>(reader_);
  }
  void load_binary(void* into, std::size_t size) { reader_.bytes(into, size); }

  /// How many bytes the message still has.
  [[nodiscard]] std::size_t remaining() const noexcept { return reader_.remaining(); }

  // For this library.
  [[nodiscard]] detail::Reader& reader() noexcept { return reader_; }

 private:
  detail::Reader& reader_;
};

}  // namespace multiprocessing
