// Archives of Boost.Serialization itself, for what only they can do. Not part of reduction.hpp:
// it needs Boost's headers, and a program that includes it links boost_serialization.
#pragma once

#include <boost/archive/archive_exception.hpp>
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/string.hpp>
#include <concepts>
#include <exception>
#include <streambuf>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/codec.hpp"

namespace multiprocessing {

/// Whether a `T` is written by an archive of Boost. Opt in for what leans on more than `serialize`:
/// pointers to exported classes, objects that point to one another, tracking, types that only a
/// header of Boost can serialise:
///
///     BOOST_CLASS_EXPORT(Circle)
///     template <>
///     inline constexpr bool multiprocessing::uses_boost_archive<std::shared_ptr<Shape>> = true;
///
/// Boost believes lengths that it reads, and leaks what it has half made behind a pointer when a
/// message ends too early, so such values are for peers that are trusted.
template <class T>
inline constexpr bool uses_boost_archive = false;

namespace detail {

class WriterBuffer : public std::streambuf {
 public:
  explicit WriterBuffer(Writer& writer) noexcept : writer_(writer) {}

 private:
  int_type overflow(int_type c) override {
    if (c != traits_type::eof()) writer_.raw(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    writer_.bytes(data, static_cast<std::size_t>(size));
    return size;
  }
  Writer& writer_;
};

/// Shows all that is left of a message, and takes what was used of it.
class ReaderBuffer : public std::streambuf {
 public:
  explicit ReaderBuffer(Reader& reader) : reader_(reader) {
    Reader ahead = reader;
    const std::span<const std::byte> rest = ahead.take(ahead.remaining());
    char* first = const_cast<char*>(reinterpret_cast<const char*>(rest.data()));  // never written
    setg(first, first, first + rest.size());
  }
  void take_used() { static_cast<void>(reader_.take(static_cast<std::size_t>(gptr() - eback()))); }

 private:
  Reader& reader_;
};

inline constexpr unsigned boost_flags = boost::archive::no_header | boost::archive::no_codecvt;

template <class Archive>
concept ForeignArchive = !std::same_as<Archive, OutArchive> && !std::same_as<Archive, InArchive>;

/// What Boost has no overload for but we know: tuples, optionals, variants, chrono, paths,
/// aggregates, functions, exceptions. Its own overloads for a type are more special and win.
template <class T>
concept KnownToUsAlone =
    (std::is_class_v<T> || is_function_pointer<T>)&&sendable<T>() && form<T> != Form::user &&
    !uses_boost_archive<T>;

}  // namespace detail

template <class T>
requires uses_boost_archive<T>
struct Serializer<T> {
  static void save(OutArchive& out, const T& value) {
    detail::WriterBuffer buffer{out.writer()};
    boost::archive::binary_oarchive archive{buffer, detail::boost_flags};
    archive << value;
  }
  static T load(InArchive& in) {
    detail::ReaderBuffer buffer{in.reader()};
    T value{};
    try {
      boost::archive::binary_iarchive archive{buffer, detail::boost_flags};
      archive >> value;
    } catch (const SerializationError&) {
      throw;
    } catch (const std::exception& error) {  // archive_exception, and what a doctored length gives
      throw SerializationError(std::string{"Boost.Serialization: "} + error.what());
    }
    buffer.take_used();
    return value;
  }
};

}  // namespace multiprocessing

namespace boost::serialization {

template <class Archive, class T>
requires(multiprocessing::detail::ForeignArchive<Archive>&&
             multiprocessing::detail::KnownToUsAlone<T>) void serialize(Archive& archive, T& value,
                                                                        const unsigned) {
  using namespace multiprocessing::detail;
  std::string bytes;
  if constexpr (Archive::is_saving::value) {
    Writer writer;
    write_value(writer, value);
    bytes = writer.take();
    archive << bytes;
  } else {
    archive >> bytes;
    Reader reader{std::string_view{bytes}};
    value = read_value<T>(reader);
  }
}

}  // namespace boost::serialization
