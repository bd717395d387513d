// Exceptions to bytes and back: what is known about each type that keeps its type.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "multiprocessing/detail/codec.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/detail/shape.hpp"

namespace multiprocessing::detail {

/// Where an exception was thrown that arrived here, as text for people.
class MULTIPROCESSING_API RemoteOrigin {
 public:
  struct Texts {
    std::string what;       // of the exception itself
    std::string place;      // "Process-3 (pid 1234)"
    std::string traceback;  // the whole chain from here on
  };
  explicit RemoteOrigin(std::shared_ptr<const Texts> texts) noexcept : texts_(std::move(texts)) {}
  RemoteOrigin(const RemoteOrigin&) = default;
  RemoteOrigin& operator=(const RemoteOrigin&) = default;
  virtual ~RemoteOrigin();

  [[nodiscard]] const Texts& texts() const noexcept { return *texts_; }

 private:
  std::shared_ptr<const Texts> texts_;  // shared, so that copying an exception throws nothing
};

/// An `E` that came from another process. Where an `E` is made from its text alone, the text is
/// kept as it was, whatever the constructor adds to it.
template <class E, bool KeepsText>
class Arrived : public E, public RemoteOrigin {
 public:
  Arrived(E&& error, std::shared_ptr<const Texts> texts)
      : E(std::move(error)), RemoteOrigin(std::move(texts)) {}
};
template <class E>
class Arrived<E, true> : public E, public RemoteOrigin {
 public:
  Arrived(E&& error, std::shared_ptr<const Texts> texts)
      : E(std::move(error)), RemoteOrigin(std::move(texts)) {}
  [[nodiscard]] const char* what() const noexcept override { return texts().what.c_str(); }
};

/// The same with a cause, which is the exception that is being handled when it is made.
template <class E, bool KeepsText>
class ArrivedNested : public Arrived<E, KeepsText>, public std::nested_exception {
 public:
  using Arrived<E, KeepsText>::Arrived;
};

/// Whether an `E` is made here of the text of the one that was thrown. One with `serialize` is not:
/// it would lack what it holds.
template <class E>
inline constexpr bool made_from_text = form<E> != Form::user &&
                                       (std::is_constructible_v<E, const std::string&> ||
                                        std::is_constructible_v<E, const char*> ||
                                        std::is_default_constructible_v<E>);

/// How an `E` crosses. Specialised for types with more to them than their text.
template <class E>
struct ExceptionState {
  static constexpr bool whole = sendable<E>();  // else its text is all that is sent

  static void save(Writer& writer, const E& error) {
    if constexpr (whole) write_value(writer, error);
  }
  static E load([[maybe_unused]] Reader& reader,
                [[maybe_unused]] const std::string& text) requires(whole || made_from_text<E>) {
    if constexpr (whole) {
      return read_value<E>(reader);
    } else if constexpr (std::is_constructible_v<E, const std::string&>) {
      return E(text);
    } else if constexpr (std::is_constructible_v<E, const char*>) {
      return E(text.c_str());
    } else {
      return E();
    }
  }
};

/// Whether an `E` that was thrown in another process can be made here.
template <class E>
concept Arriving = requires(Reader& reader, const std::string& text) {
  ExceptionState<E>::load(reader, text);
};

template <class E>
consteval std::uint32_t shape_of_state() {
  if constexpr (ExceptionState<E>::whole) {
    return shape<E>();
  } else {
    return 0;
  }
}

template <class E>
inline constexpr bool is_standard_exception = std::is_base_of_v<std::exception, E>;

/// One entry of the list of types that keep their type. Entries are added and never removed.
struct ExceptionCodec {
  const std::type_info* type;
  // What an E is also thrown as: with a cause, and here, where it arrived. Null when nothing can
  // be derived from it.
  const std::type_info* nested;
  const std::type_info* arrived;
  const std::type_info* arrived_nested;
  std::uint32_t shape;  // of what is sent beside the text
  void (*save)(Writer& writer, const std::exception_ptr& error);
  std::exception_ptr (*load)(Reader& reader, std::shared_ptr<const RemoteOrigin::Texts> texts,
                             const std::exception_ptr& cause);
  const ExceptionCodec* next = nullptr;
};

/// Adds an entry, which must stay where it is. Any thread, at any time.
MULTIPROCESSING_API void add_exception_codec(ExceptionCodec& codec);

template <class E>
struct ExceptionCodecOf {
  static constexpr bool extensible = std::is_class_v<E> && !std::is_final_v<E>;
  static constexpr bool keeps_text = is_standard_exception<E> && !ExceptionState<E>::whole;

  static void save(Writer& writer, const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const E& known) {
      ExceptionState<E>::save(writer, known);
    }
  }

  static std::exception_ptr load(Reader& reader, std::shared_ptr<const RemoteOrigin::Texts> texts,
                                 const std::exception_ptr& cause) {
    E error = ExceptionState<E>::load(reader, texts->what);
    if constexpr (!extensible) {
      return std::make_exception_ptr(std::move(error));
    } else if (cause == nullptr) {
      return std::make_exception_ptr(Arrived<E, keeps_text>(std::move(error), std::move(texts)));
    } else {
      try {
        std::rethrow_exception(cause);
      } catch (...) {
        return std::make_exception_ptr(
            ArrivedNested<E, keeps_text>(std::move(error), std::move(texts)));
      }
    }
  }

  static ExceptionCodec make() {
    if constexpr (extensible) {
      return {&typeid(E),
              &typeid(std::_Nested_exception<E>),
              &typeid(Arrived<E, keeps_text>),
              &typeid(ArrivedNested<E, keeps_text>),
              shape_of_state<E>(),
              &save,
              &load};
    } else {
      return {&typeid(E), nullptr, nullptr, nullptr, shape_of_state<E>(), &save, &load};
    }
  }
};

/// One line per exception of the chain, the outermost first: "std::runtime_error: text".
[[nodiscard]] MULTIPROCESSING_API std::string describe_exception(const std::exception_ptr& error);

}  // namespace multiprocessing::detail
