// Writer and Reader: where encoded values go to and come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

/// How deep values may lie within values, so that no message can exhaust a stack.
inline constexpr unsigned max_nesting = 500;

// Out of line, so that the checks themselves stay small where they are inlined.
[[noreturn]] MULTIPROCESSING_API void throw_overrun(std::uint64_t asked, std::size_t left);
[[noreturn]] MULTIPROCESSING_API void throw_bad_count(std::uint64_t count, std::size_t left);
[[noreturn]] MULTIPROCESSING_API void throw_too_deep();
[[noreturn]] MULTIPROCESSING_API void throw_not_written(const char* why);
[[noreturn]] MULTIPROCESSING_API void throw_malformed(const char* what, std::uint64_t value);

/// Takes bytes, one after the other, into a buffer of its own.
class Writer {
 public:
  Writer() = default;
  explicit Writer(std::size_t expected) { buffer_.reserve(expected); }

  void bytes(const void* data, std::size_t size) {
    buffer_.append(static_cast<const char*>(data), size);
  }
  template <class T>
  void raw(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes(&value, sizeof value);
  }
  void count(std::size_t count) { raw(std::uint64_t{count}); }

  void reserve(std::size_t size) { buffer_.reserve(size); }
  [[nodiscard]] std::size_t size() const noexcept { return buffer_.size(); }
  [[nodiscard]] std::span<const std::byte> view() const noexcept {
    return std::as_bytes(std::span{buffer_.data(), buffer_.size()});
  }

  /// Forgets what was written and keeps the memory.
  void clear() noexcept { buffer_.clear(); }

  /// What was written; the writer is empty then.
  [[nodiscard]] std::string take() { return std::exchange(buffer_, {}); }

 private:
  template <class Stream>
  friend class Nested;
  std::string buffer_;
  unsigned depth_ = 0;
};

/// Gives bytes, one after the other, out of memory that outlives it. Reading more than there is, or
/// a length that cannot be right, throws `SerializationError`; nothing is allocated for it before.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> source) noexcept : source_(source) {}
  explicit Reader(std::string_view source) noexcept
      : source_(std::as_bytes(std::span{source.data(), source.size()})) {}

  /// Reads `piece`, which was taken from this one, as deep within values as this one is.
  [[nodiscard]] Reader within(std::span<const std::byte> piece) const noexcept {
    Reader inner{piece};
    inner.depth_ = depth_;
    return inner;
  }

  void bytes(void* into, std::size_t size) {
    const std::span<const std::byte> piece = take(size);
    if (size != 0) std::memcpy(into, piece.data(), size);
  }
  /// The next `size` bytes, in place.
  [[nodiscard]] std::span<const std::byte> take(std::size_t size) {
    if (size > source_.size()) [[unlikely]]
      throw_overrun(size, source_.size());
    const std::span<const std::byte> piece = source_.first(size);
    source_ = source_.subspan(size);
    return piece;
  }
  template <class T>
  [[nodiscard]] T raw() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    bytes(&value, sizeof value);
    return value;
  }
  /// A number of elements that take at least `element_size` bytes each.
  [[nodiscard]] std::size_t count(std::size_t element_size) {
    const auto count = raw<std::uint64_t>();
    if (count > source_.size() / element_size) [[unlikely]]
      throw_bad_count(count, source_.size());
    return static_cast<std::size_t>(count);
  }

  [[nodiscard]] std::size_t remaining() const noexcept { return source_.size(); }

 private:
  template <class Stream>
  friend class Nested;
  std::span<const std::byte> source_;
  unsigned depth_ = 0;
};

/// One level deeper for as long as it lives.
template <class Stream>
class Nested {
 public:
  explicit Nested(Stream& stream) : stream_(stream) {
    if (stream_.depth_ >= max_nesting) [[unlikely]]
      throw_too_deep();
    ++stream_.depth_;
  }
  ~Nested() { --stream_.depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  Stream& stream_;
};

}  // namespace multiprocessing::detail
